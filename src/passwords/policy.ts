/** Which passwords may be chosen (NIST SP 800-63B-4 section 3.1.1.2). Pure. */
import { comparedForm, MAX_COMPOSED, withoutAtEnds } from '../runtime/text.ts'
import packed from './common-passwords.txt'

export type Weakness = 'too_short' | 'too_long' | 'too_simple' | 'common' | 'contains_identifier'

const MAX_CODE_POINTS = 128
const MIN_GUESSABLE_LENGTH = 4

export interface PolicyRules {
  /** In code points. */
  readonly minLength: number
  /** Parts of the account's identifiers, in compared form. */
  readonly guessable: readonly string[]
  /** Whether attackers try this text first. It is in lower case. */
  readonly isCommon: (text: string) => boolean
}

export interface PolicyContext extends Omit<PolicyRules, 'isCommon'> {
  /** Words that attackers try first at this service, such as its name; in lower case. */
  readonly words: readonly string[]
}

/** @returns all reasons against the password; an empty list if it may be chosen. */
export function weaknesses(password: string, { words, ...rules }: PolicyContext): readonly Weakness[] {
  return brokenRules(password, { ...rules, isCommon: (text) => isCommonPassword(text, words) })
}

/** The policy without the list of common passwords, which is too large for a page. */
export function brokenRules(
  password: string,
  { minLength, guessable, isCommon }: PolicyRules,
): readonly Weakness[] {
  const forms = formsOf(password)
  const codePoints = [...forms.normalised].length
  const reasons: Weakness[] = []
  if (codePoints < minLength) reasons.push('too_short')
  if (codePoints > MAX_CODE_POINTS) reasons.push('too_long')
  if (isTooSimple(forms.lowerCased)) reasons.push('too_simple')
  if (isCommon(forms.lowerCased)) reasons.push('common')
  if (guessable.some((part) => containsPart(forms, part))) reasons.push('contains_identifier')
  return reasons
}

interface Forms {
  readonly normalised: string
  readonly lowerCased: string
  readonly compared: string
}

/** A password that is too long in every form is not normalized, so that the whole check takes linear time. */
function formsOf(password: string): Forms {
  const isTooLong = [...password].length > MAX_CODE_POINTS * MAX_COMPOSED
  const normalised = isTooLong ? password : password.normalize('NFC')
  const lowerCased = normalised.toLowerCase()
  return { normalised, lowerCased, compared: isTooLong ? lowerCased : comparedForm(normalised) }
}

/** A username is stored in compared form, so both forms of the password are searched for it. */
function containsPart({ lowerCased, compared }: Forms, part: string): boolean {
  if ([...part].length < MIN_GUESSABLE_LENGTH) return false
  return [lowerCased, compared].some((form) => withOneSigma(form).includes(withOneSigma(part)))
}

/**
 * The lower case of sigma depends on what follows (Unicode 3.13, Final_Sigma). The last letter of a username may be in the middle
 * of a password.
 */
function withOneSigma(text: string): string {
  return text.replaceAll('ς', 'σ')
}

// Simple passwords: a few characters repeated, or characters that are neighbours in a row.

const MAX_UNIT = 4
const MIN_RUN = 3

/** The position of a character in an order; undefined if the order does not contain it. Neighbours differ by one. */
type PositionOf = (character: string) => number | undefined

/**
 * The rows of keys of each keyboard, with their unshifted and shifted characters, key by key: United States, United Kingdom,
 * Germany, France. Upper case is missing, because passwords are lower-cased first.
 */
const KEYBOARDS: readonly (readonly (readonly [unshifted: string, shifted: string])[])[] = [
  [
    ['`1234567890-=', '~!@#$%^&*()_+'],
    ['qwertyuiop[]\\', 'qwertyuiop{}|'],
    ["asdfghjkl;'", 'asdfghjkl:"'],
    ['zxcvbnm,./', 'zxcvbnm<>?'],
  ],
  [
    ['`1234567890-=', '¬!"£$%^&*()_+'],
    ['qwertyuiop[]', 'qwertyuiop{}'],
    ["asdfghjkl;'#", 'asdfghjkl:@~'],
    ['\\zxcvbnm,./', '|zxcvbnm<>?'],
  ],
  [
    ['^1234567890ß´', '°!"§$%&/()=?`'],
    ['qwertzuiopü+', 'qwertzuiopü*'],
    ['asdfghjklöä#', "asdfghjklöä'"],
    ['<yxcvbnm,.-', '>yxcvbnm;:_'],
  ],
  [
    ['²&é"\'(-è_çà)=', '²1234567890°+'],
    ['azertyuiop^$', 'azertyuiop¨£'],
    ['qsdfghjklmù*', 'qsdfghjklm%µ'],
    ['<wxcvbn,;:!', '>wxcvbn?./§'],
  ],
]
/** Larger than any row, so that the last key of a row and the first of the next are not neighbours. */
const ROW_STRIDE = 100

const inUnicode: PositionOf = (character) => character.codePointAt(0)
const ORDERS: readonly PositionOf[] = [inUnicode, ...KEYBOARDS.map(onKeyboard)]

/**
 * @param password lower-cased
 * @returns whether it repeats a unit of 1 to 4 code points, or is one or two runs of 3 or more neighbours
 */
export function isTooSimple(password: string): boolean {
  const characters = [...password]
  return repeatsUnit(characters) || isRuns(characters)
}

/** The unit occurs at least twice; its last repetition may be incomplete. */
function repeatsUnit(characters: readonly string[]): boolean {
  for (let unit = 1; unit <= MAX_UNIT && 2 * unit <= characters.length; unit++) {
    const repeats = characters.every((character, index) => character === characters[index % unit])
    if (repeats) return true
  }
  return false
}

/** A part of a run with 3 or more characters is a run, too. Two runs can therefore meet at every position that both reach. */
function isRuns(characters: readonly string[]): boolean {
  const { length } = characters
  const first = longestRun(characters)
  if (first < MIN_RUN) return false
  if (first === length) return true
  const last = longestRun(characters.toReversed())
  const meetsFrom = Math.max(length - last, MIN_RUN)
  const meetsUpTo = Math.min(first, length - MIN_RUN)
  return meetsFrom <= meetsUpTo
}

/** @returns the number of characters at the beginning that are consecutive neighbours, in one order and direction. */
function longestRun(characters: readonly string[]): number {
  const lengths = ORDERS.flatMap((positionOf) => [
    runLength(characters, positionOf, 1),
    runLength(characters, positionOf, -1),
  ])
  return Math.max(...lengths)
}

function runLength(characters: readonly string[], positionOf: PositionOf, step: 1 | -1): number {
  const end = characters.findIndex((character, index) => {
    const before = positionOf(characters[index - 1] ?? '')
    return index > 0 && (before === undefined || positionOf(character) !== before + step)
  })
  return end === -1 ? characters.length : end
}

function onKeyboard(rows: (typeof KEYBOARDS)[number]): PositionOf {
  const positions = new Map<string, number>()
  for (const [row, layers] of rows.entries()) {
    for (const layer of layers) {
      for (const [key, character] of [...layer].entries()) positions.set(character, row * ROW_STRIDE + key)
    }
  }
  return (character) => positions.get(character)
}

/** The rest of a password without the characters at its ends is checked only from this length on. */
const MIN_CORE_CODE_POINTS = 4
/** Numbers and punctuation, and symbols such as `$` and `+`, which people use as punctuation. */
const AROUND_THE_CORE = /[\p{N}\p{P}\p{S}]/u

/**
 * The passwords that attackers try first, in common-passwords.txt, which `npm run common-passwords` writes from the data of
 * @zxcvbn-ts/language-common (MIT). The words are sorted. Each line is one word: a digit of base 36, which is the number of
 * characters that the word shares with the previous word, then the rest of the word. The list is unpacked on first use. It
 * leaves out a word that is another word of the list with digits or punctuation at its ends, because the check tries a
 * password with and without them.
 */
let unpacked: ReadonlySet<string> | null = null

/**
 * @param password in lower case
 * @param words in lower case: the words that attackers try first at this service
 */
export function isCommonPassword(password: string, words: readonly string[]): boolean {
  unpacked ??= new Set(unpackWords(packed))
  const core = withoutAtEnds(password, AROUND_THE_CORE)
  if (unpacked.has(password) || (isLongEnough(core) && unpacked.has(core))) return true
  return words.some((word) => password === word || (core !== '' && isWord(core, word)))
}

/** A word may itself begin or end with digits or punctuation. */
function isWord(core: string, word: string): boolean {
  if (core === word) return true
  return isLongEnough(core) && core === withoutAtEnds(word, AROUND_THE_CORE)
}

function isLongEnough(core: string): boolean {
  return [...core].length >= MIN_CORE_CODE_POINTS
}

export function unpackWords(text: string): readonly string[] {
  let word = ''
  return text.split('\n').map((line) => {
    word = word.slice(0, Number.parseInt(line.charAt(0), 36)) + line.slice(1)
    return word
  })
}
