import { describe, expect, it } from 'vitest'
import { fromBase64Url, randomBytes, toBase64Url } from '../../src/crypto/bytes.ts'
import { newId } from '../../src/crypto/ids.ts'
import { deriveRefreshKeys, makeRefreshToken, readRefreshToken } from '../../src/sessions/refresh-token.ts'

const SECRET = 'a secret of the tests, long enough for production'
const OTHER = 'another secret of the tests, as long as it has to be'
const keys = await deriveRefreshKeys(SECRET, undefined)
const token = {
  accountId: newId(4_000_000_000_000),
  sessionId: newId(4_000_000_000_001),
  familyId: newId(4_000_000_000_002),
  generation: 4_294_967_295,
  familySecret: randomBytes(16),
}

describe('a refresh token', () => {
  it('encodes a refresh token in 140 URL-safe characters, and decodes what it was made of', async () => {
    const text = await makeRefreshToken(token, keys)
    expect(text).toMatch(/^[A-Za-z0-9_-]{140}$/)
    expect(await readRefreshToken(text, keys)).toEqual(token)
  })

  it('makes the same refresh token for the same generation, and another for a different one', async () => {
    const text = await makeRefreshToken(token, keys)
    expect(await makeRefreshToken(token, keys)).toBe(text)
    expect(await makeRefreshToken({ ...token, generation: 1 }, keys)).not.toBe(text)
  })

  it('rejects a refresh token with any bit changed', async () => {
    const bytes = fromBase64Url(await makeRefreshToken(token, keys)) ?? new Uint8Array()
    expect(bytes).toHaveLength(105)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const forged = bytes.map((byte, index) => (index === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte))
      expect(await readRefreshToken(toBase64Url(forged), keys)).toBeNull()
    }
  })

  it.each([
    ['no characters', () => ''],
    ['one byte less', (text: string) => text.slice(0, -2)],
    ['one byte more', (text: string) => `${text}AA`],
    ['padding', (text: string) => `${text}=`],
    ['a space', (text: string) => ` ${text}`],
    ['a line break', (text: string) => `${text}\n`],
  ])('rejects a refresh token with %s', async (_what, change) => {
    expect(await readRefreshToken(change(await makeRefreshToken(token, keys)), keys)).toBeNull()
  })

  it('rejects a refresh token under another secret, and accepts it under a fallback secret', async () => {
    const text = await makeRefreshToken(token, keys)
    expect(await readRefreshToken(text, await deriveRefreshKeys(OTHER, undefined))).toBeNull()
    const both = await deriveRefreshKeys(OTHER, SECRET)
    expect(await readRefreshToken(text, both)).toEqual(token)
    expect(await makeRefreshToken(token, both)).not.toBe(text)
  })
})
