/**
 * The passwords that everybody tries first. The list is made by `npm run common-passwords` from the data of
 * @zxcvbn-ts/language-common (MIT): sorted, each word as a digit of base 36 that says how many characters it
 * shares with the word before, then the rest. Unpacked on first use. A word that is another of them with digits or
 * punctuation at its ends is left out, since both are looked for.
 */
import { withoutAtEnds } from '../runtime/text.ts'
import { PACKED_COMMON_PASSWORDS } from './common-passwords.data.ts'

/** Shorter than this, what is left of a password says nothing of it. */
const MIN_CORE_CODE_POINTS = 4
/** Numbers and punctuation; symbols such as `$` and `+` too, which people take for it. */
const AROUND_THE_CORE = /[\p{N}\p{P}\p{S}]/u

let unpacked: ReadonlySet<string> | null = null

/**
 * @param password lower-cased
 * @param words lower-cased; those of this service that are tried first
 */
export function isCommonPassword(password: string, words: readonly string[]): boolean {
  unpacked ??= new Set(unpackWords(PACKED_COMMON_PASSWORDS))
  const core = withoutAtEnds(password, AROUND_THE_CORE)
  if (unpacked.has(password) || (isLongEnough(core) && unpacked.has(core))) return true
  return words.some((word) => password === word || (core !== '' && isWord(core, word)))
}

/** A word may have digits or punctuation of its own. */
function isWord(core: string, word: string): boolean {
  if (core === word) return true
  return isLongEnough(core) && core === withoutAtEnds(word, AROUND_THE_CORE)
}

function isLongEnough(core: string): boolean {
  return [...core].length >= MIN_CORE_CODE_POINTS
}

export function unpackWords(packed: string): readonly string[] {
  let word = ''
  return packed.split('\n').map((line) => {
    word = word.slice(0, Number.parseInt(line.charAt(0), 36)) + line.slice(1)
    return word
  })
}
