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

async function refusal(work: Promise<unknown>): Promise<VerificationError> {
  const fault = await work.catch((thrown: unknown) => thrown)
  if (!(fault instanceof VerificationError)) throw new Error(`not refused: ${fault}`)
  return fault
}

describe('a verifier', () => {
  it('answers the claims of a token, with those that an operator gave the account', async () => {
    expect(await verifier.verify(await sign({ plan: 'pro' }))).toEqual({ ...claims, plan: 'pro' })
  })

  it('reads keys from the issuer, or from where it is told', async () => {
    const asked: string[] = []
    const fetch = async (url: string) => {
      asked.push(url)
      return Response.json({ keys: [jwk] })
    }
    await createVerifier({ ...OPTIONS, fetch }).verify(token)
    await createVerifier({ ...OPTIONS, fetch, jwksUrl: 'https://keys.example.test/set' }).verify(token)
    expect(asked).toEqual([`${ISSUER}/.well-known/jwks.json`, 'https://keys.example.test/set'])
  })

  it('makes up for clocks that differ as far as it is told, and no further', async () => {
    const ended = await sign({ exp: NOW - 30 })
    expect((await refusal(verifier.verify(ended))).code).toBe('invalid_token')
    const lenient = (clockToleranceSeconds: number) => createVerifier({ ...OPTIONS, clockToleranceSeconds })
    expect(await lenient(31).verify(ended)).toMatchObject({ exp: NOW - 30 })
    expect((await refusal(lenient(30).verify(ended))).code).toBe('invalid_token')
  })

  it.each<[string, Partial<VerifierOptions>]>([
    ['an issuer that is no address', { issuer: 'auth.example.test' }],
    ['an issuer in plain http', { issuer: 'http://auth.example.test' }],
    ['an issuer with a slash at its end', { issuer: `${ISSUER}/` }],
    ['an issuer with a path', { issuer: `${ISSUER}/v1` }],
    ['a key set in plain http', { jwksUrl: 'http://localhost.example.test/keys' }],
    ['no audience', { audience: '' }],
    ['a clock that may differ by more than a minute', { clockToleranceSeconds: 61 }],
    ['a clock that differs by no number', { clockToleranceSeconds: Number.NaN }],
    ['a decryption key that is public', { decryptionKeys: [jwk] }],
    ['a decryption key for signatures', { decryptionKeys: [{ ...jwk, d: 'x', alg: 'ES256' }] }],
    [
      'a decryption key for signatures by its curve',
      { decryptionKeys: [{ kty: 'OKP', crv: 'Ed25519', d: 'x' }] },
    ],
    ['two decryption keys of one name', { decryptionKeys: [ownKey, { ...ownKey }] }],
    ['a decryption key that is shared', { decryptionKeys: [{ kty: 'oct', k: 'AAAA' }] }],
  ])('is not made with %s', (_what, changes) => {
    expect(() => createVerifier({ ...OPTIONS, ...changes })).toThrow(TypeError)
  })

  it.each(['http://localhost:8787', 'http://127.0.0.1:8787', 'http://[::1]:8787'])(
    'is made for a service on this machine: %s',
    (issuer) => {
      expect(createVerifier({ ...OPTIONS, issuer })).toBeDefined()
    },
  )

  it.each<[string, object]>([
    ['roles that are no list', { roles: 'editor' }],
    ['roles that are no names', { roles: [5] }],
    ['a scope that is no text', { scope: ['orders:read'] }],
    ['a log in at no time', { auth_time: 'now' }],
    ['methods that are no list', { amr: 'pwd' }],
    ['a client that is no text', { client_id: 5 }],
    ['an id that is no text', { jti: 5 }],
  ])('refuses a token whose claims are not what their types say: %s', async (_what, changes) => {
    expect((await refusal(verifier.verify(await sign(changes)))).code).toBe('invalid_token')
  })

  it.each([
    ['nothing', ''],
    ['no text', undefined as unknown as string],
    ['more than 128 KiB', `${'a'.repeat(131_072)}.b.c`],
  ])('refuses %s for a token', async (_what, text) => {
    expect((await refusal(verifier.verify(text))).code).toBe('invalid_token')
    expect((await refusal(verifier.verifyAssertion(text))).code).toBe('invalid_token')
  })

  it('says that keys are out of reach, and not that a token is wrong', async () => {
    const down = createVerifier({ ...OPTIONS, fetch: () => Promise.reject(new Error('down')) })
    const { code, status, headers } = await refusal(down.verify(token))
    expect([code, status, headers]).toEqual(['keys_unavailable', 503, { 'Retry-After': '5' }])
    expect((await refusal(down.verify('no token'))).code).toBe('invalid_token')
  })
})

describe('the check of a request', () => {
  const asked = (headers: Record<string, string | string[]>, requirement = {}) =>
    verifier.verifyRequest({ headers }, requirement)

  it('takes headers as the Fetch API and as Node.js give them, and the scheme in any case', async () => {
    const authorization = `bearer  ${token}`
    const request = new Request(ISSUER, { headers: { Authorization: `BEARER ${token}` } })
    expect(await verifier.verifyRequest(request)).toEqual(claims)
    expect(await asked({ authorization })).toEqual(claims)
  })

  it.each<[string, Record<string, string | string[]>]>([
    ['without the header', {}],
    ['with another scheme', { authorization: `Basic ${token}` }],
    ['with the token alone', { authorization: token }],
    ['with several headers', { authorization: [`Bearer ${token}`, 'Bearer x'] }],
    ['with an assertion in its place', { 'x-auth-assertion': token }],
  ])('says no error code to one %s (RFC 6750 section 3.1)', async (_what, headers) => {
    const { code, status, headers: answered } = await refusal(asked(headers))
    expect([code, status]).toEqual(['missing_token', 401])
    expect(answered).toEqual({ 'WWW-Authenticate': 'Bearer realm="gatehouse"' })
  })

  it('says invalid_token where one was sent and is at fault', async () => {
    const { status, headers } = await refusal(asked({ authorization: 'Bearer x' }))
    expect([status, headers]).toEqual([
      401,
      { 'WWW-Authenticate': 'Bearer realm="gatehouse", error="invalid_token"' },
    ])
  })

  it('needs all roles and scopes that are asked for, and names the scopes', async () => {
    const authorization = `Bearer ${token}`
    const held = { roles: ['editor'], scope: ['orders:write', 'orders:read'] }
    expect(await asked({ authorization }, held)).toEqual(claims)
    for (const lacking of [{ roles: ['editor', 'owner'] }, { roles: ['edit'] }, { scope: ['orders'] }]) {
      expect((await refusal(asked({ authorization }, lacking))).status).toBe(403)
    }
    const { headers } = await refusal(asked({ authorization }, { scope: ['orders:read', 'admin'] }))
    expect(headers['WWW-Authenticate']).toBe(
      'Bearer realm="gatehouse", error="insufficient_scope", scope="orders:read admin"',
    )
  })

  it.each<[string, object]>([
    ['a misspelt member', { scopes: ['orders:read'] }],
    ['a scope as text', { scope: 'orders:read' }],
    ['two scopes in one text', { scope: ['orders:read orders:write'] }],
    ['a role that would end the header', { scope: ['x"\r\nX-Forged: 1'] }],
    ['a role that is no text', { roles: [undefined] }],
  ])('cannot ask for %s, and so for less', async (_what, requirement) => {
    const authorization = `Bearer ${token}`
    await expect(asked({ authorization }, requirement)).rejects.toThrow(TypeError)
  })

  it('is answered with a problem that repeats nothing of the token', async () => {
    const fault = await refusal(asked({ authorization: `Bearer ${token.slice(1)}` }))
    const { status, headers, body } = refusalOf(fault)
    expect([status, headers['Content-Type']]).toEqual([401, 'application/problem+json'])
    expect(JSON.parse(body)).toEqual({
      type: 'about:blank',
      title: 'Invalid token',
      status: 401,
      code: 'invalid_token',
    })
    expect(JSON.stringify(fault) + fault.stack).not.toContain(token.slice(20, 60))
  })
})

describe('the keys that open assertions', () => {
  it('may be for RSA-OAEP-256 or ECDH-ES, whatever else their owner says of their use', async () => {
    const rsa = await generateKeyPair('RSA-OAEP-256', { extractable: true })
    const x25519 = await generateKeyPair('ECDH-ES', { extractable: true, crv: 'X25519' })
    for (const key of [rsa.privateKey, x25519.privateKey]) {
      const decryptionKey: JWK = { ...(await exportJWK(key)), use: 'enc', key_ops: ['unwrapKey'] }
      const opener = createVerifier({ ...OPTIONS, decryptionKeys: [decryptionKey] })
      const { auth_time: _, amr: _amr, client_id: _client, ...assertion } = claims
      const signed = await new SignJWT(assertion)
        .setProtectedHeader({ alg: 'ES256', typ: 'edge-assertion+jwt', kid: 'key' })
        .sign(privateKey)
      expect(await opener.verifyAssertion(signed)).toEqual(assertion)
    }
  })
})
