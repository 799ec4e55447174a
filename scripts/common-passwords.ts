/**
 * Writes src/passwords/common-passwords.txt: the most common passwords that are long enough to be chosen, and the most common
 * shorter words, which the policy also finds with digits and punctuation around them.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const SOURCE = '@zxcvbn-ts/language-common/src/passwords.json'
const TARGET = new URL('../src/passwords/common-passwords.txt', import.meta.url)
/** No policy allows shorter passwords (NIST SP 800-63B-4: 8). */
const MIN_LENGTH = 8
const MIN_CORE_LENGTH = 4
const AT_AN_END = /^[\p{N}\p{P}\p{S}]|[\p{N}\p{P}\p{S}]$/u
/** How many of the most frequent words: these 12,000 take 29 KiB of the bundle, gzipped. */
const CORES = 4_000
const PASSWORDS = 8_000
const MAX_SHARED = 35

const source = new URL(`../node_modules/${SOURCE}`, import.meta.url)
const ranked = (JSON.parse(readFileSync(source, 'utf8')) as unknown[]).map(String)
const unique = [...new Set(ranked)]
const cores = unique.filter(isCore).slice(0, CORES)
const words = [...cores, ...commonest(new Set(cores))]
writeFileSync(TARGET, pack(words.toSorted()))
console.log(`${words.length} words written to ${fileURLToPath(TARGET)}`)

function isCore(word: string): boolean {
  return word.length >= MIN_CORE_LENGTH && word.length < MIN_LENGTH && !AT_AN_END.test(word)
}

/** Skips a word whose core is already chosen, because the policy finds the word by its core. */
function commonest(known: Set<string>): readonly string[] {
  const chosen = unique.filter((word) => {
    if (word.length < MIN_LENGTH || known.has(coreOf(word))) return false
    known.add(word)
    return true
  })
  return chosen.slice(0, PASSWORDS)
}

function coreOf(word: string): string {
  return AT_AN_END.test(word) ? coreOf(word.replace(new RegExp(AT_AN_END, 'gu'), '')) : word
}

function pack(sorted: readonly string[]): string {
  const lines = sorted.map((word, index) => {
    const shared = sharedPrefix(sorted[index - 1] ?? '', word)
    return shared.toString(36) + word.slice(shared)
  })
  return lines.join('\n')
}

function sharedPrefix(a: string, b: string): number {
  let length = 0
  while (length < Math.min(a.length, b.length, MAX_SHARED) && a[length] === b[length]) length++
  return length
}
