/** An email address as people read it: its domain in Unicode, where no letter of it can pass for another. Pure. */
import { parseMailDomain } from './identifier.ts'
import { decodePunycode } from './punycode.ts'

const ENCODED = 'xn--'
/** Those that identifiers are written in today (UAX #31 table 5, Common and Inherited aside). */
const SCRIPTS = [
  ['Arabic', 'Armenian', 'Bengali', 'Bopomofo', 'Cyrillic', 'Devanagari', 'Ethiopic', 'Georgian'],
  ['Greek', 'Gujarati', 'Gurmukhi', 'Han', 'Hangul', 'Hebrew', 'Hiragana', 'Kannada', 'Katakana'],
  ['Khmer', 'Lao', 'Latin', 'Malayalam', 'Myanmar', 'Oriya', 'Sinhala', 'Tamil', 'Telugu', 'Thaana'],
  ['Thai', 'Tibetan'],
]
  .flat()
  .map((script) => new RegExp(`^[\\P{L}\\p{Script_Extensions=${script}}]+$`, 'u'))

/**
 * @param email as it is stored, its domain in ASCII
 * @returns it with the domain in Unicode, where all letters of the domain are of one script
 */
export function readableEmail(email: string): string {
  const at = email.lastIndexOf('@')
  const domain = email.slice(at + 1)
  return `${email.slice(0, at)}@${readableDomain(domain) ?? domain}`
}

function readableDomain(domain: string): string | null {
  const labels = domain
    .split('.')
    .map((label) => (label.startsWith(ENCODED) ? decodePunycode(label.slice(ENCODED.length)) : label))
  const decoded = labels.join('.')
  // Whoever types what is shown must mean the same address.
  const isSame = !labels.includes(null) && parseMailDomain(decoded) === domain
  return isSame && SCRIPTS.some((script) => script.test(decoded)) ? decoded : null
}
