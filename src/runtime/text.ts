/** Rules about text that several folders share. Pure. */

/**
 * Upper then lower case in NFKC: lower-casing alone leaves "straße" and "STRASSE" two names. Lower case before,
 * since "ẞ" has no other upper case; decomposed meanwhile, since case is a matter of each letter without its
 * marks (Unicode 3.13, D145).
 */
export function comparedForm(text: string): string {
  return text.normalize('NFKD').toLowerCase().toUpperCase().toLowerCase().normalize('NFKC')
}

/**
 * The most code points that normalisation makes one of (UAX #15: no canonical decomposition is longer). A longer text
 * is that much too long before it is normalised, which takes quadratic time where many combining marks follow each other.
 */
export const MAX_COMPOSED = 4

/** C0, DEL and C1 controls. */
export function hasControlCharacter(text: string): boolean {
  return /\p{Cc}/u.test(text)
}

/**
 * Without white space and format characters (directions, joiners, soft hyphens, byte order marks) at the ends: what a
 * phone's keyboard or its list of contacts adds to a text. Control characters stay, those that are white space too.
 */
export function trimInvisible(text: string): string {
  return withoutAtEnds(text, /[\p{Z}\p{Cf}]/u)
}

/**
 * Without the characters of a kind at both ends. Looks at each code point once, where an expression that is anchored
 * at the end would begin anew at each of a long run of them.
 */
export function withoutAtEnds(text: string, kind: RegExp): string {
  const codePoints = [...text]
  const first = codePoints.findIndex((codePoint) => !kind.test(codePoint))
  const last = codePoints.findLastIndex((codePoint) => !kind.test(codePoint))
  return first === -1 ? '' : codePoints.slice(first, last + 1).join('')
}

/**
 * Code points that show nothing (RFC 8265 section 3.3; RFC 8264 section 9.13): two names that differ in them alone
 * look the same.
 */
export function hasIgnorable(text: string): boolean {
  return /\p{Default_Ignorable_Code_Point}/u.test(text)
}

/** Scopes and roles alike: what fits between the spaces of a header. */
export const SCOPE = /^[A-Za-z0-9:._-]{1,64}$/
