/** Rules about text that several folders share. Pure. */

/**
 * NFKC, upper then lower case: lower-casing alone leaves "straße" and "STRASSE" two names. Lower case before,
 * since "ẞ" has no other upper case; NFKC again, since a change of case can take a composed character apart.
 */
export function comparedForm(text: string): string {
  return text.normalize('NFKC').toLowerCase().toUpperCase().toLowerCase().normalize('NFKC')
}

/** C0, DEL and C1 controls. */
export function hasControlCharacter(text: string): boolean {
  return /\p{Cc}/u.test(text)
}
