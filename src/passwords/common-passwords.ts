/**
 * The passwords that attackers try first. `npm run common-passwords` writes the list, common-passwords.txt, from the data of
 * @zxcvbn-ts/language-common (MIT). The words are sorted. Each line is one word: a digit of base 36, which is the number of
 * characters that the word shares with the previous word, then the rest of the word. The list is unpacked on first use. It
 * leaves out a word that is another word of the list with digits or punctuation at its ends, because the check tries a
 * password with and without them.
 */
import { withoutAtEnds } from '../runtime/text.ts'
import packed from './common-passwords.txt'

/** The rest of a password without the characters at its ends is checked only from this length on. */
const MIN_CORE_CODE_POINTS = 4
/** Numbers and punctuation, and symbols such as `$` and `+`, which people use as punctuation. */
const AROUND_THE_CORE = /[\p{N}\p{P}\p{S}]/u

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
