/** An email address as people read it: its domain in Unicode, where no letter of it can pass for another. Pure. */
import { parseMailDomain } from './identifier.ts'
import { decodePunycode } from './punycode.ts'

const ENCODED = 'xn--'
/** Text whose letters are all of one script: those that identifiers are written in today (UAX #31 table 5, Common and Inherited aside). */
const ONE_SCRIPT: readonly RegExp[] = [
  /^[\P{L}\p{scx=Arabic}]+$/u,
  /^[\P{L}\p{scx=Armenian}]+$/u,
  /^[\P{L}\p{scx=Bengali}]+$/u,
  /^[\P{L}\p{scx=Bopomofo}]+$/u,
  /^[\P{L}\p{scx=Cyrillic}]+$/u,
  /^[\P{L}\p{scx=Devanagari}]+$/u,
  /^[\P{L}\p{scx=Ethiopic}]+$/u,
  /^[\P{L}\p{scx=Georgian}]+$/u,
  /^[\P{L}\p{scx=Greek}]+$/u,
  /^[\P{L}\p{scx=Gujarati}]+$/u,
  /^[\P{L}\p{scx=Gurmukhi}]+$/u,
  /^[\P{L}\p{scx=Han}]+$/u,
  /^[\P{L}\p{scx=Hangul}]+$/u,
  /^[\P{L}\p{scx=Hebrew}]+$/u,
  /^[\P{L}\p{scx=Hiragana}]+$/u,
  /^[\P{L}\p{scx=Kannada}]+$/u,
  /^[\P{L}\p{scx=Katakana}]+$/u,
  /^[\P{L}\p{scx=Khmer}]+$/u,
  /^[\P{L}\p{scx=Lao}]+$/u,
  /^[\P{L}\p{scx=Latin}]+$/u,
  /^[\P{L}\p{scx=Malayalam}]+$/u,
  /^[\P{L}\p{scx=Myanmar}]+$/u,
  /^[\P{L}\p{scx=Oriya}]+$/u,
  /^[\P{L}\p{scx=Sinhala}]+$/u,
  /^[\P{L}\p{scx=Tamil}]+$/u,
  /^[\P{L}\p{scx=Telugu}]+$/u,
  /^[\P{L}\p{scx=Thaana}]+$/u,
  /^[\P{L}\p{scx=Thai}]+$/u,
  /^[\P{L}\p{scx=Tibetan}]+$/u,
]

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
  // Somebody who types what is shown must mean the same address.
  const isSame = !labels.includes(null) && parseMailDomain(decoded) === domain
  return isSame && ONE_SCRIPT.some((letters) => letters.test(decoded)) ? decoded : null
}
