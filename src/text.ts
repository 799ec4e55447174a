/** Rules about text that several folders share. Pure. */

/** NFKC, upper then lower case: lower-casing alone leaves "straße" and "STRASSE" two names. */
export function comparedForm(text: string): string {
  return text.normalize('NFKC').toUpperCase().toLowerCase()
}

/** C0, DEL and C1 controls. */
export function hasControlCharacter(text: string): boolean {
  return /\p{Cc}/u.test(text)
}
