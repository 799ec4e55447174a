import { generateKeyPair, SignJWT } from 'jose'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { VerifiedTokens } from '../../src/tokens/verified-tokens.ts'

const NOW_MS = 4_000_000_000_000
const NOW = NOW_MS / 1000
const ISSUER = 'https://auth.example.test'
const KID = 'the key'
const CLAIMS = {
  iss: ISSUER,
  aud: ISSUER,
  sub: 'an account',
  iat: NOW,
  exp: NOW + 600,
  jti: 'a token',
  sid: 'a session',
  auth_time: NOW,
  amr: ['pwd'],
  client_id: 'gatehouse',
  scope: '',
  roles: [],
}

let pair: Awaited<ReturnType<typeof generateKeyPair>>
let keys: Map<string, CryptoKey>
let tokens: VerifiedTokens

beforeAll(async () => {
  pair = await generateKeyPair('ES256')
})
beforeEach(() => {
  keys = new Map([[KID, pair.publicKey]])
  tokens = new VerifiedTokens()
  vi.spyOn(crypto.subtle, 'verify')
})
afterEach(() => vi.restoreAllMocks())

const sign = (claims: object = {}) =>
  new SignJWT({ ...CLAIMS, ...claims })
    .setProtectedHeader({ typ: 'at+jwt', alg: 'ES256', kid: KID })
    .sign(pair.privateKey)

const signatures = () => vi.mocked(crypto.subtle.verify).mock.calls.length

function verify(token: string, nowMs = NOW_MS) {
  return tokens.verify(token, {
    issuer: ISSUER,
    audiences: [ISSUER],
    nowMs,
    findKey: async (kid) => {
      const publicKey = keys.get(kid)
      return publicKey === undefined ? null : { alg: 'ES256', publicKey }
    },
  })
}

describe('a cached token', () => {
  it('accepts a cached token without checking its signature again', async () => {
    const token = await sign()
    expect(await verify(token)).toMatchObject(CLAIMS)
    expect(await verify(token)).toMatchObject(CLAIMS)
    expect(signatures()).toBe(1)
  })

  it('rejects a cached token from the second in which it expires', async () => {
    const token = await sign()
    await verify(token)
    expect(await verify(token, CLAIMS.exp * 1000 - 1)).not.toBe(null)
    expect(await verify(token, CLAIMS.exp * 1000)).toBe(null)
    // If the clock goes back, the token is verified again.
    expect(await verify(token)).not.toBe(null)
    expect(signatures()).toBe(2)
  })

  it('rejects a cached token while its key is missing, and accepts it when the key is back', async () => {
    const token = await sign()
    await verify(token)
    keys.clear()
    expect(await verify(token)).toBe(null)
    keys.set(KID, pair.publicKey)
    expect(await verify(token)).not.toBe(null)
  })

  it('rejects a token that differs from a cached one', async () => {
    const token = await sign()
    await verify(token)
    const [header, payload, signature = ''] = token.split('.')
    const [, other] = (await sign({ sub: 'somebody else' })).split('.')
    const forged = [
      `${header}.${other}.${signature}`,
      `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
      `${header}.${payload}.`,
      `${token} `,
      `${header}.${payload}`,
      token.toUpperCase(),
    ]
    for (const text of forged) expect(await verify(text)).toBe(null)
  })

  it('looks up the key of a cached token every time, so that an unreadable key set rejects it', async () => {
    const token = await sign()
    await verify(token)
    const findKey = async () => Promise.reject(new Error('unavailable'))
    const options = { issuer: ISSUER, audiences: [ISSUER], nowMs: NOW_MS, findKey }
    await expect(tokens.verify(token, options)).rejects.toThrow('unavailable')
  })
})

describe('the cache of verified tokens', () => {
  it('caches no token that was rejected', async () => {
    const expired = await sign({ exp: NOW - 1 })
    expect(await verify(expired)).toBe(null)
    expect(await verify(expired, NOW_MS - 10_000)).not.toBe(null)
  })

  it('caches no token longer than 2,048 characters', async () => {
    const long = await sign({ note: 'x'.repeat(2_048) })
    for (let time = 1; time <= 2; time++) expect(await verify(long)).not.toBe(null)
    expect(signatures()).toBe(2)
  })

  it('caches the 5,000 newest tokens', async () => {
    const first = await sign({ jti: 'the first' })
    await verify(first)
    for (let n = 1; n <= 4_999; n++) await verify(await sign({ jti: `token ${n}` }))
    await verify(first)
    expect(signatures()).toBe(5_000)
    await verify(await sign({ jti: 'one more' }))
    await verify(first)
    expect(signatures()).toBe(5_002)
  })
})
