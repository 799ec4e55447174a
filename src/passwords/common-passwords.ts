/**
 * The passwords that everybody tries first. The list is made by `npm run common-passwords` from the data of
 * @zxcvbn-ts/language-common (MIT): sorted, each word as a digit of base 36 that says how many characters it
 * shares with the word before, then the rest. Unpacked on first use.
 */
import { PACKED_COMMON_PASSWORDS } from './common-passwords.data.ts'

let unpacked: ReadonlySet<string> | null = null

/** @param password lower-cased */
export function isCommonPassword(password: string): boolean {
  unpacked ??= new Set(unpackWords(PACKED_COMMON_PASSWORDS))
  return unpacked.has(password)
}

export function unpackWords(packed: string): readonly string[] {
  let word = ''
  return packed.split('\n').map((line) => {
    word = word.slice(0, Number.parseInt(line.charAt(0), 36)) + line.slice(1)
    return word
  })
}
