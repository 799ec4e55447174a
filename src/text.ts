/** Rules about text that several folders share. Pure. */

/**
 * Upper then lower case in NFKC: lower-casing alone leaves "straße" and "STRASSE" two names. Lower case before,
 * since "ẞ" has no other upper case; decomposed meanwhile, since case is a matter of each letter without its
 * marks (Unicode 3.13, D145).
 */
export function comparedForm(text: string): string {
  return text.normalize('NFKD').toLowerCase().toUpperCase().toLowerCase().normalize('NFKC')
}

/** C0, DEL and C1 controls. */
export function hasControlCharacter(text: string): boolean {
  return /\p{Cc}/u.test(text)
}

/** Scopes and roles alike: what fits between the spaces of a header. */
export const SCOPE = /^[A-Za-z0-9:._-]{1,64}$/
