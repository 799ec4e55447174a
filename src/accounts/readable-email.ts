/** An email address for display: its domain in Unicode, unless a letter of the domain can be mistaken for another. Pure. */
import { parseMailDomain } from './identifier.ts'

const ENCODED = 'xn--'
/**
 * Text with letters of one script only, for each script of today's identifiers (UAX #31 table 5, except Common and Inherited). A
 * function, since these sets of letters take milliseconds to make, and few requests show an address.
 */
const oneScript = (): readonly RegExp[] => [
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
 * @param email in its stored form, with the domain in ASCII
 * @returns the address with the domain in Unicode, if all letters of the domain belong to one script
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
  // A person who types the address as it is shown must get the same address.
  const isSame = !labels.includes(null) && parseMailDomain(decoded) === domain
  return isSame && oneScript().some((letters) => letters.test(decoded)) ? decoded : null
}

const BASE = 36
const T_MIN = 1
const T_MAX = 26
const SKEW = 38
const DAMP = 700
const INITIAL_BIAS = 72
const INITIAL_CODE_POINT = 128
const MAX_CODE_POINT = 0x10ffff

/**
 * @param label in lower case, without `xn--`
 * @returns null if it is not Punycode
 */
export function decodePunycode(label: string): string | null {
  const delimiter = label.lastIndexOf('-')
  const output = [...label.slice(0, Math.max(delimiter, 0))]
  let rest = label.slice(delimiter + 1)
  let codePoint = INITIAL_CODE_POINT
  let index = 0
  let bias = INITIAL_BIAS
  while (rest !== '') {
    const delta = readDelta(rest, bias)
    if (delta === null) return null
    rest = rest.slice(delta.length)
    const length = output.length + 1
    bias = adaptBias(delta.value, length, index === 0 && codePoint === INITIAL_CODE_POINT)
    index += delta.value
    codePoint += Math.floor(index / length)
    if (codePoint > MAX_CODE_POINT) return null
    index %= length
    output.splice(index, 0, String.fromCodePoint(codePoint))
    index += 1
  }
  return output.join('')
}

/** Reads a number in digits of variable weight, the least significant first (section 3.3). */
function readDelta(text: string, bias: number): { readonly value: number; readonly length: number } | null {
  let value = 0
  let weight = 1
  for (const [position, character] of [...text].entries()) {
    const digit = digitOf(character)
    if (digit === null) return null
    value += digit * weight
    const threshold = Math.min(Math.max(BASE * (position + 1) - bias, T_MIN), T_MAX)
    if (digit < threshold) return { value, length: position + 1 }
    weight *= BASE - threshold
  }
  return null
}

/** Section 5: a to z are 0 to 25, 0 to 9 are 26 to 35. */
function digitOf(character: string): number | null {
  if (/^[a-z]$/.test(character)) return Number.parseInt(character, BASE) - 10
  return /^\d$/.test(character) ? Number(character) + 26 : null
}

/** Section 6.1. */
function adaptBias(delta: number, length: number, isFirst: boolean): number {
  let scaled = Math.floor(delta / (isFirst ? DAMP : 2))
  scaled += Math.floor(scaled / length)
  let bias = 0
  while (scaled > ((BASE - T_MIN) * T_MAX) / 2) {
    scaled = Math.floor(scaled / (BASE - T_MIN))
    bias += BASE
  }
  return bias + Math.floor(((BASE - T_MIN + 1) * scaled) / (scaled + SKEW))
}
