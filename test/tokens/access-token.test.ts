import { decodeJwt, generateKeyPair } from 'jose'
import { describe, expect, it } from 'vitest'
import { parseUsername } from '../../src/accounts/identifier.ts'
import { readConfig } from '../../src/config/read-config.ts'
import { utf8 } from '../../src/crypto/bytes.ts'
import { newId } from '../../src/crypto/ids.ts'
import { signAccessToken } from '../../src/tokens/access-token.ts'
import { fitsToken, type Granted } from '../../src/tokens/claims.ts'

const NOW_MS = 4_000_000_000_000
/** An RFC 7638 thumbprint. */
const KID = 'k'.repeat(43)
const pairs = {
  ES256: await generateKeyPair('ES256'),
  RS256: await generateKeyPair('RS256', { modulusLength: 2_048 }),
}

/** The longest allowed settings, of a character that takes the given number of bytes as JSON in UTF-8. */
function longestSettings(character: string, bytes: number) {
  const result = readConfig({
    PUBLIC_URL: `https://${'x'.repeat(60)}.${'y'.repeat(59)}`,
    AUTH_SECRET: 'a secret of the tests, long enough for production',
    AUDIENCE: `x${character.repeat(Math.floor(127 / bytes))}`,
    CLIENT_ID: `x${character.repeat(Math.floor(63 / bytes))}`,
  })
  if (!result.ok) throw new Error(JSON.stringify(result.problems))
  return result.config.tokens
}

/** Permissions and claims of exactly 1,800 bytes, filled up with one claim. */
function filled({ roles = [], scopes = [] }: Partial<Granted>, character: string, bytes: number): Granted {
  const empty = { roles, scopes, claims: { a: '' } }
  const room = 1_800 - utf8(JSON.stringify(empty)).length
  const note = character.repeat(Math.floor(room / bytes)) + 'x'.repeat(room % bytes)
  const granted = { ...empty, claims: { a: note } }
  expect(fitsToken(granted)).toBe(true)
  expect(fitsToken({ ...granted, claims: { a: `${note}x` } })).toBe(false)
  return granted
}

const names = Array.from({ length: 20 }, (_none, index) => String(index).padStart(64, 'n'))
const short = Array.from({ length: 300 }, (_none, index) => String(index))

const USERNAMES: Readonly<Record<string, string>> = {
  'four bytes each': '𠀀'.repeat(32),
  'four bytes each after NFKC': '\u{1d49c}'.repeat(32),
  'nine bytes each, decomposed': '한'.normalize('NFD').repeat(32),
  'the most bytes': '\u{16d63}\u{16d67}\u{16d67}'.repeat(24),
}
const PERMISSIONS: Readonly<Record<string, (character: string, bytes: number) => Granted>> = {
  'one claim': (character, bytes) => filled({}, character, bytes),
  'long roles': (character, bytes) => filled({ roles: names }, character, bytes),
  'short roles': (character, bytes) => filled({ roles: short }, character, bytes),
  'long scopes': (character, bytes) => filled({ scopes: names }, character, bytes),
}
const CHARACTERS = [
  ['x', 1],
  ['ä', 2],
  ['€', 3],
  ['😀', 4],
  ['"', 2],
  ['\u0001', 6],
] as const

describe.each(['ES256', 'RS256'] as const)('an access token signed by %s', (alg) => {
  it.each(
    Object.entries(PERMISSIONS).flatMap(([what, make]) =>
      CHARACTERS.map(([character, bytes]) => [what, character, bytes, make] as const),
    ),
  )('limits an access token to 4,096 characters, with %s and %j', async (_what, character, bytes, make) => {
    const { issuer, audience, clientId } = longestSettings(character, bytes)
    const { roles, scopes, claims } = make(character, bytes)
    for (const username of Object.values(USERNAMES)) {
      expect(parseUsername(username)?.shown).toBe(username)
      const [subject, sessionId] = [newId(NOW_MS), newId(NOW_MS)]
      const content = {
        issuer,
        audience,
        clientId,
        subject,
        sessionId,
        scope: scopes,
        roles,
        claims,
        username,
      }
      const times = { authTime: NOW_MS / 1000, issuedAt: NOW_MS / 1000, expiresAt: NOW_MS / 1000 + 86_400 }
      const { privateKey } = pairs[alg]
      const token = await signAccessToken(
        { ...content, ...times, amr: ['pwd'] },
        { alg, kid: KID, privateKey },
      )
      expect(token.length).toBeLessThanOrEqual(4_096)
      expect(decodeJwt(token)).toMatchObject({
        iss: issuer,
        aud: audience,
        preferred_username: username,
        ...claims,
      })
    }
  })
})
