/** Rules about text that several folders share. Pure. */

/**
 * Converts the text to upper case, then to lower case, in NFKC. Lower case alone would leave "straße" and "STRASSE" two names.
 * Before that, the text is converted to lower case, because "ẞ" has no other upper case. It is decomposed while its case changes,
 * because the case of a letter does not depend on its marks (Unicode 3.13, D145).
 */
export function comparedForm(text: string): string {
  return text.normalize('NFKD').toLowerCase().toUpperCase().toLowerCase().normalize('NFKC')
}

/**
 * The largest number of code points that normalization composes into one (UAX #15: no canonical decomposition is longer). A text
 * longer than its limit times this is too long in every form. It is then not normalized, because normalization takes quadratic
 * time if many combining marks follow each other.
 */
export const MAX_COMPOSED = 4

/** C0, DEL and C1 controls. */
export function hasControlCharacter(text: string): boolean {
  return /\p{Cc}/u.test(text)
}

/**
 * Removes white space and format characters (directions, joiners, soft hyphens, byte order marks) at both ends, which a phone's
 * keyboard or its list of contacts may add to a text. Control characters stay, even those that are white space.
 */
export function trimInvisible(text: string): string {
  return withoutAtEnds(text, /[\p{Z}\p{Cf}]/u)
}

/**
 * Removes the matching characters at both ends. Tests each code point once; a regular expression that is anchored at the end would
 * start again at each character of a long run.
 */
export function withoutAtEnds(text: string, removed: RegExp): string {
  const codePoints = [...text]
  const first = codePoints.findIndex((codePoint) => !removed.test(codePoint))
  const last = codePoints.findLastIndex((codePoint) => !removed.test(codePoint))
  return first === -1 ? '' : codePoints.slice(first, last + 1).join('')
}

/** Finds invisible code points (RFC 8265 section 3.3; RFC 8264 section 9.13): two names that differ only in them look the same. */
export function hasIgnorable(text: string): boolean {
  return /\p{Default_Ignorable_Code_Point}/u.test(text)
}

/** The form of scopes and roles: text without spaces, so that a header can contain a list of them. */
export const SCOPE = /^[A-Za-z0-9:._-]{1,64}$/

/** @returns the time in RFC 3339: in UTC, in whole seconds */
export function toDateTime(unixMs: number): string {
  return `${new Date(unixMs).toISOString().slice(0, 19)}Z`
}
