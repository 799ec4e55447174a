import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { createVerifier, refusalOf, VerificationError, type VerifierOptions } from '../../src/verify/index.ts'
import { claimsOf } from '../support/claims.ts'

const ISSUER = 'https://auth.example.test'
const NOW = 4_000_000_000
const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true })
const jwk = { ...(await exportJWK(publicKey)), kid: 'key', alg: 'ES256' }

const ownKey: JWK = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y', d: 'd', kid: 'own' }

const OPTIONS: VerifierOptions = {
  issuer: ISSUER,
  audience: ISSUER,
  fetch: async () => Response.json({ keys: [jwk] }),
  now: () => NOW * 1000,
}
const verifier = createVerifier(OPTIONS)

const claims = {
  ...claimsOf(ISSUER, NOW),
  scope: 'orders:read orders:write',
  roles: ['editor'],
}
const sign = (changes: object = {}, typ = 'at+jwt') =>
  new SignJWT({ ...claims, ...changes })
    .setProtectedHeader({ alg: 'ES256', typ, kid: 'key' })
    .sign(privateKey)
const token = await sign()

async function rejection(work: Promise<unknown>): Promise<VerificationError> {
  const error = await work.catch((thrown: unknown) => thrown)
  if (!(error instanceof VerificationError)) throw new Error(`not rejected: ${error}`)
  return error
}

describe('createVerifier', () => {
  it('returns the claims of a token, including custom claims of the account', async () => {
    expect(await verifier.verify(await sign({ plan: 'pro' }))).toEqual({ ...claims, plan: 'pro' })
  })

  it('reads keys from the issuer, or from the configured jwksUrl', async () => {
    const urls: string[] = []
    const fetch = async (url: string) => {
      urls.push(url)
      return Response.json({ keys: [jwk] })
    }
    await createVerifier({ ...OPTIONS, fetch }).verify(token)
    await createVerifier({ ...OPTIONS, fetch, jwksUrl: 'https://keys.example.test/set' }).verify(token)
    expect(urls).toEqual([`${ISSUER}/.well-known/jwks.json`, 'https://keys.example.test/set'])
  })

  it('tolerates a clock difference up to the configured limit', async () => {
    const ended = await sign({ exp: NOW - 30 })
    expect((await rejection(verifier.verify(ended))).code).toBe('invalid_token')
    const tolerating = (clockToleranceSeconds: number) =>
      createVerifier({ ...OPTIONS, clockToleranceSeconds })
    expect(await tolerating(31).verify(ended)).toMatchObject({ exp: NOW - 30 })
    expect((await rejection(tolerating(30).verify(ended))).code).toBe('invalid_token')
  })

  it.each<[string, Partial<VerifierOptions>]>([
    ['an issuer that is not a URL', { issuer: 'auth.example.test' }],
    ['an issuer in plain http', { issuer: 'http://auth.example.test' }],
    ['an issuer with a trailing slash', { issuer: `${ISSUER}/` }],
    ['an issuer with a path', { issuer: `${ISSUER}/v1` }],
    ['a key set in plain http', { jwksUrl: 'http://localhost.example.test/keys' }],
    ['no audience', { audience: '' }],
    ['a clock tolerance of more than a minute', { clockToleranceSeconds: 61 }],
    ['a clock tolerance that is not a number', { clockToleranceSeconds: Number.NaN }],
    ['a decryption key that is public', { decryptionKeys: [jwk] }],
    ['a decryption key for signatures', { decryptionKeys: [{ ...jwk, d: 'x', alg: 'ES256' }] }],
    [
      'a decryption key for signatures by its curve',
      { decryptionKeys: [{ kty: 'OKP', crv: 'Ed25519', d: 'x' }] },
    ],
    ['two decryption keys with one id', { decryptionKeys: [ownKey, { ...ownKey }] }],
    ['a symmetric decryption key', { decryptionKeys: [{ kty: 'oct', k: 'AAAA' }] }],
  ])('rejects the options of a verifier with %s', (_what, changes) => {
    expect(() => createVerifier({ ...OPTIONS, ...changes })).toThrow(TypeError)
  })

  it.each(['http://localhost:8787', 'http://127.0.0.1:8787', 'http://[::1]:8787'])(
    'accepts http for an issuer on localhost: %s',
    (issuer) => {
      expect(createVerifier({ ...OPTIONS, issuer })).toBeDefined()
    },
  )

  it.each<[string, object]>([
    ['roles that are not a list', { roles: 'editor' }],
    ['roles that are not names', { roles: [5] }],
    ['a scope that is not text', { scope: ['orders:read'] }],
    ['a login time that is not a number', { auth_time: 'now' }],
    ['methods that are not a list', { amr: 'pwd' }],
    ['a client that is not text', { client_id: 5 }],
    ['an id that is not text', { jti: 5 }],
  ])('rejects a token whose claims do not match their types: %s', async (_what, changes) => {
    expect((await rejection(verifier.verify(await sign(changes)))).code).toBe('invalid_token')
  })

  it.each([
    ['an empty string', ''],
    ['undefined', undefined as unknown as string],
    ['more than 128 KiB', `${'a'.repeat(131_072)}.b.c`],
  ])('rejects %s in place of a token', async (_what, text) => {
    expect((await rejection(verifier.verify(text))).code).toBe('invalid_token')
    expect((await rejection(verifier.verifyAssertion(text))).code).toBe('invalid_token')
  })

  it('reports keys_unavailable instead of an invalid token if no key can be read', async () => {
    const down = createVerifier({ ...OPTIONS, fetch: () => Promise.reject(new Error('down')) })
    const { code, status, headers } = await rejection(down.verify(token))
    expect([code, status, headers]).toEqual(['keys_unavailable', 503, { 'Retry-After': '5' }])
    expect((await rejection(down.verify('no token'))).code).toBe('invalid_token')
  })
})

describe('verifyRequest', () => {
  const verifyHeaders = (headers: Record<string, string | string[]>, required = {}) =>
    verifier.verifyRequest({ headers }, required)

  it('accepts headers of the Fetch API and of Node.js, and the scheme in any case', async () => {
    const authorization = `bearer  ${token}`
    const request = new Request(ISSUER, { headers: { Authorization: `BEARER ${token}` } })
    expect(await verifier.verifyRequest(request)).toEqual(claims)
    expect(await verifyHeaders({ authorization })).toEqual(claims)
  })

  it.each<[string, Record<string, string | string[]>]>([
    ['without the header', {}],
    ['with another scheme', { authorization: `Basic ${token}` }],
    ['with the token alone', { authorization: token }],
    ['with several headers', { authorization: [`Bearer ${token}`, 'Bearer x'] }],
    ['with an assertion in its place', { 'x-auth-assertion': token }],
  ])('sends no error code in response to a request %s (RFC 6750 section 3.1)', async (_what, headers) => {
    const { code, status, headers: responseHeaders } = await rejection(verifyHeaders(headers))
    expect([code, status]).toEqual(['missing_token', 401])
    expect(responseHeaders).toEqual({ 'WWW-Authenticate': 'Bearer realm="gatehouse"' })
  })

  it('sends invalid_token in response to an invalid bearer token', async () => {
    const { status, headers } = await rejection(verifyHeaders({ authorization: 'Bearer x' }))
    expect([status, headers]).toEqual([
      401,
      { 'WWW-Authenticate': 'Bearer realm="gatehouse", error="invalid_token"' },
    ])
  })

  it('requires all requested roles and scopes, and names the scopes', async () => {
    const authorization = `Bearer ${token}`
    const granted = { roles: ['editor'], scope: ['orders:write', 'orders:read'] }
    expect(await verifyHeaders({ authorization }, granted)).toEqual(claims)
    for (const missing of [{ roles: ['editor', 'owner'] }, { roles: ['edit'] }, { scope: ['orders'] }]) {
      expect((await rejection(verifyHeaders({ authorization }, missing))).status).toBe(403)
    }
    const { headers } = await rejection(verifyHeaders({ authorization }, { scope: ['orders:read', 'admin'] }))
    expect(headers['WWW-Authenticate']).toBe(
      'Bearer realm="gatehouse", error="insufficient_scope", scope="orders:read admin"',
    )
  })

  it.each<[string, object]>([
    ['an unknown member', { scopes: ['orders:read'] }],
    ['a scope as text', { scope: 'orders:read' }],
    ['two scopes in one text', { scope: ['orders:read orders:write'] }],
    ['a role that would end the header', { scope: ['x"\r\nX-Forged: 1'] }],
    ['a role that is not text', { roles: [undefined] }],
  ])('rejects required permissions with %s, which could require too little', async (_what, required) => {
    const authorization = `Bearer ${token}`
    await expect(verifyHeaders({ authorization }, required)).rejects.toThrow(TypeError)
  })

  it('responds to an invalid token with a problem that contains no part of it', async () => {
    const error = await rejection(verifyHeaders({ authorization: `Bearer ${token.slice(1)}` }))
    const { status, headers, body } = refusalOf(error)
    expect([status, headers['Content-Type']]).toEqual([401, 'application/problem+json'])
    expect(JSON.parse(body)).toEqual({
      type: 'about:blank',
      title: 'Invalid token',
      status: 401,
      code: 'invalid_token',
    })
    expect(JSON.stringify(error) + error.stack).not.toContain(token.slice(20, 60))
  })
})

describe('decryption keys', () => {
  it('accepts decryption keys for RSA-OAEP-256 or ECDH-ES, with any use and key_ops', async () => {
    const rsa = await generateKeyPair('RSA-OAEP-256', { extractable: true })
    const x25519 = await generateKeyPair('ECDH-ES', { extractable: true, crv: 'X25519' })
    for (const key of [rsa.privateKey, x25519.privateKey]) {
      const decryptionKey: JWK = { ...(await exportJWK(key)), use: 'enc', key_ops: ['unwrapKey'] }
      const decrypting = createVerifier({ ...OPTIONS, decryptionKeys: [decryptionKey] })
      const { auth_time: _, amr: _amr, client_id: _client, ...assertion } = claims
      const signed = await new SignJWT(assertion)
        .setProtectedHeader({ alg: 'ES256', typ: 'edge-assertion+jwt', kid: 'key' })
        .sign(privateKey)
      expect(await decrypting.verifyAssertion(signed)).toEqual(assertion)
    }
  })
})
