/** Writes src/passwords/common-passwords.data.ts: the commonest passwords that are long enough to be chosen. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const SOURCE = '@zxcvbn-ts/language-common/src/passwords.json'
const TARGET = new URL('../src/passwords/common-passwords.data.ts', import.meta.url)
/** Shorter ones are too short for any policy (NIST SP 800-63B-4: 8). */
const MIN_LENGTH = 8
/** The most frequent ones: 12,000 words cost 32 KiB of the bundle, gzipped. */
const WORDS = 12_000
const MAX_SHARED = 35

const source = new URL(`../node_modules/${SOURCE}`, import.meta.url)
const ranked = (JSON.parse(readFileSync(source, 'utf8')) as unknown[]).map(String)
const words = [...new Set(ranked)].filter((word) => word.length >= MIN_LENGTH).slice(0, WORDS)
writeFileSync(TARGET, toModule(words.toSorted()))
console.log(`${words.length} words written to ${fileURLToPath(TARGET)}`)

function toModule(sorted: readonly string[]): string {
  const lines = sorted.map((word, index) => {
    const shared = sharedPrefix(sorted[index - 1] ?? '', word)
    return shared.toString(36) + word.slice(shared)
  })
  const packed = lines.join('\n').replaceAll('\\', '\\\\').replaceAll('`', '\\`').replaceAll('${', '\\${')
  const header =
    '/** Made by scripts/common-passwords.ts from @zxcvbn-ts/language-common (MIT); not to be edited. */\n'
  return `${header}export const PACKED_COMMON_PASSWORDS = \`${packed}\`\n`
}

function sharedPrefix(a: string, b: string): number {
  let length = 0
  while (length < Math.min(a.length, b.length, MAX_SHARED) && a[length] === b[length]) length++
  return length
}
