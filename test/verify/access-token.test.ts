import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { describe, expect, it, vi } from 'vitest'
import { toBase64Url, utf8 } from '../../src/crypto/bytes.ts'
import * as accessToken from '../../src/verify/access-token.ts'
import type { VerifyOptions } from '../../src/verify/pinned-jwt.ts'
import { claimsOf } from '../support/claims.ts'

const ISSUER = 'https://auth.example.test'
const NOW = 4_000_000_000
const elliptic = await generateKeyPair('ES256')
const rsa = await generateKeyPair('RS256')
const stranger = await generateKeyPair('ES256')

const trusted: Record<string, { alg: string; publicKey: CryptoKey }> = {
  elliptic: { alg: 'ES256', publicKey: elliptic.publicKey },
  rsa: { alg: 'RS256', publicKey: rsa.publicKey },
}
const findKey = vi.fn(async (kid: string) => trusted[kid] ?? null)
const options = { issuer: ISSUER, audiences: [ISSUER], findKey, nowMs: NOW * 1000 }

const header = { alg: 'ES256', typ: 'at+jwt', kid: 'elliptic' }
const claims = claimsOf(ISSUER, NOW)

const sign = (payload: JWTPayload = claims, protectedHeader: object = header, key = elliptic.privateKey) =>
  new SignJWT(payload).setProtectedHeader({ ...header, ...protectedHeader }).sign(key)

/** Signs any header, including those that jose refuses to sign. */
async function signAnything(protectedHeader: object, key = elliptic.privateKey): Promise<string> {
  const [head, body] = [protectedHeader, claims].map((part) => toBase64Url(utf8(JSON.stringify(part))))
  return signText(`${head}.${body}`, key)
}

async function signText(input: string, key = elliptic.privateKey): Promise<string> {
  const algorithm = { name: 'ECDSA', hash: 'SHA-256' }
  return `${input}.${toBase64Url(new Uint8Array(await crypto.subtle.sign(algorithm, key, utf8(input))))}`
}

/** @returns the claims, or null; test/verify/reasons.test.ts has the reasons */
async function verifyAccessToken(token: string, using: VerifyOptions) {
  const result = await accessToken.verifyAccessToken(token, using)
  return result.ok ? result.claims : null
}

/** Another spelling of the same bytes, for a decoder that ignores leftover bits. */
function respell(text: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return text.slice(0, -1) + letters[letters.indexOf(text.slice(-1)) + 1]
}

const without = (name: keyof typeof claims) => {
  const { [name]: _removed, ...rest } = claims
  return rest
}

describe('verifyAccessToken', () => {
  it('accepts a valid access token, signed with ES256 or RS256', async () => {
    expect(await verifyAccessToken(await sign(), options)).toEqual(claims)
    const byRsa = await sign(claims, { alg: 'RS256', kid: 'rsa' }, rsa.privateKey)
    expect(await verifyAccessToken(byRsa, options)).toEqual(claims)
  })

  it.each(Object.keys(claims) as (keyof typeof claims)[])(
    'rejects an access token without the claim %s',
    async (name) => {
      expect(await verifyAccessToken(await sign(without(name)), options)).toBeNull()
    },
  )

  it.each([
    ['another issuer', { iss: 'https://evil.example' }],
    ['another audience', { aud: 'https://evil.example' }],
    ['several audiences', { aud: [ISSUER, 'https://evil.example'] }],
    ['an expiry that is reached', { exp: NOW }],
    ['a start in the future', { nbf: NOW + 1 }],
    ['an expiry that is not a number', { exp: '4000000590' as unknown as number }],
    ['a subject that is not text', { sub: 5 as unknown as string }],
    ['a session that is not text', { sid: ['session'] }],
  ])('rejects an access token with %s', async (_what, change) => {
    expect(await verifyAccessToken(await sign({ ...claims, ...change }), options)).toBeNull()
  })

  it.each([
    ['no type', { typ: undefined }],
    ['the type of another JWT', { typ: 'JWT' }],
    ['the type of an assertion', { typ: 'edge-assertion+jwt' }],
    ['no key id', { kid: undefined }],
    ['an unknown key id', { kid: 'stranger' }],
    ['a property name of Object.prototype as key id', { kid: 'toString' }],
    ["another key's algorithm", { kid: 'rsa' }],
  ])('rejects an access token with %s (RFC 8725)', async (_what, change) => {
    expect(await verifyAccessToken(await sign(claims, change), options)).toBeNull()
  })

  it.each([
    ['crit that names an unknown extension', { ...header, crit: ['exp2'], exp2: 1 }],
    ['crit that names b64', { ...header, crit: ['b64'], b64: true }],
    ['an empty crit', { ...header, crit: [] }],
    ['alg none', { ...header, alg: 'none' }],
    ['alg HS256', { ...header, alg: 'HS256' }],
    ['alg ES384', { ...header, alg: 'ES384' }],
  ])('rejects an access token with %s', async (_what, protectedHeader) => {
    expect(await verifyAccessToken(await signAnything(protectedHeader), options)).toBeNull()
  })

  it('rejects an access token signed with a key that it carries itself', async () => {
    const jwk = await exportJWK(stranger.publicKey)
    for (const own of [{ jwk }, { jku: 'https://evil.example/jwks.json' }, { x5u: 'https://evil.example' }]) {
      const forged = await signAnything({ ...header, ...own }, stranger.privateKey)
      expect(await verifyAccessToken(forged, options)).toBeNull()
    }
  })

  it('rejects an access token signed with the public key as HMAC secret', async () => {
    const secret = utf8(JSON.stringify(await exportJWK(elliptic.publicKey)))
    const forged = await new SignJWT(claims).setProtectedHeader({ ...header, alg: 'HS256' }).sign(secret)
    expect(await verifyAccessToken(forged, options)).toBeNull()
  })

  it('rejects an access token if any part is changed or missing', async () => {
    const token = await sign()
    const [head = '', body = '', signature = ''] = token.split('.')
    const flipped = (text: string) => `${text.startsWith('A') ? 'B' : 'A'}${text.slice(1)}`
    for (const broken of [
      '',
      '.',
      '..',
      'x',
      `${head}.${body}`,
      `${head}.${body}.`,
      `${head}..${signature}`,
      `${flipped(head)}.${body}.${signature}`,
      `${head}.${flipped(body)}.${signature}`,
      `${head}.${body}.${flipped(signature)}`,
      `${token}.x`,
      ` ${token}`,
      `${token}\n`,
      `${head}. ${body}.${signature}`,
      `${head}.${body}.\t${signature}`,
      `${token}=`,
    ]) {
      expect(await verifyAccessToken(broken, options)).toBeNull()
    }
  })

  it('rejects an access token with a part in a non-canonical spelling, even if that is signed', async () => {
    /** The same JSON at a length whose last character has leftover bits. */
    const encode = (value: object, spaces = 0): string => {
      const text = toBase64Url(utf8(JSON.stringify(value) + ' '.repeat(spaces)))
      return text.length % 4 === 0 ? encode(value, spaces + 1) : text
    }
    const [head, body] = [encode(header), encode(claims)]
    const token = await signText(`${head}.${body}`)
    expect(await verifyAccessToken(token, options)).toEqual(claims)
    for (const broken of [
      await signText(`${respell(head)}.${body}`),
      await signText(`${head}.${respell(body)}`),
      await signText(`${head}=.${body}`),
      await signText(`${head}.${body}=`),
      await signText(`${head}.${body}\n`),
      respell(token),
    ]) {
      expect(await verifyAccessToken(broken, options)).toBeNull()
    }
  })

  it('rethrows an error of the key lookup, which does not concern the token', async () => {
    const broken = { ...options, findKey: () => Promise.reject(new Error('unavailable')) }
    await expect(verifyAccessToken(await sign(), broken)).rejects.toThrow('unavailable')
  })
})
