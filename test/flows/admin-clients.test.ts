import { env } from 'cloudflare:workers'
import { base64url, exportJWK, generateKeyPair, type JWK } from 'jose'
import { describe, expect, it, vi } from 'vitest'
import { admin, codeOf, newOperator } from '../support/admin.ts'
import { call, newPerson, ok, PUBLIC_URL, refused, workerWith } from '../support/client.ts'
import { type Watched, watch } from '../support/counting.ts'
import { basic, newClient, post, registerClient } from '../support/oauth.ts'
import type { ClientList } from '../support/responses.ts'

const listClients = async () => (await ok<ClientList>(admin('GET', '/admin/clients'))).clients
const rowOf = (clientId: string) =>
  env.DB.prepare('SELECT * FROM clients WHERE client_id = ?1').bind(clientId).first<Record<string, unknown>>()

const newKeyPair = async (alg: string, options = {}) => {
  const pair = await generateKeyPair(alg, { extractable: true, ...options })
  return { publicJwk: await exportJWK(pair.publicKey), privateJwk: await exportJWK(pair.privateKey) }
}
const rsa = await newKeyPair('RSA-OAEP-256')
const elliptic = await newKeyPair('ECDH-ES', { crv: 'P-256' })
const montgomery = await newKeyPair('ECDH-ES', { crv: 'X25519' })
const short = await crypto.subtle.generateKey(
  { name: 'RSA-OAEP', hash: 'SHA-256', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]) },
  true,
  ['encrypt', 'decrypt'],
)
const shortJwk = (await exportJWK((short as CryptoKeyPair).publicKey)) as JWK
/** The RSA key with another modulus, such as an even one or one of 2,041 bits. */
const withModulus = (change: (n: Uint8Array) => void) => {
  const n = new Uint8Array(base64url.decode(rsa.publicJwk.n ?? ''))
  change(n)
  return { ...rsa.publicJwk, n: base64url.encode(n) }
}
const withKey = (jwk: object) => ({ jwks: { keys: [jwk] } })

describe('POST /admin/clients', () => {
  it('creates a client and shows its secret once', async () => {
    const client = await newClient({ client_name: 'orders' })
    expect(client).toEqual({
      client_id: expect.stringMatching(/^[0-9a-f]{8}-[0-9a-f]{4}-7/),
      client_name: 'orders',
      client_secret: expect.stringMatching(/^[\w-]{43}$/),
      jwks: { keys: [] },
      audience: PUBLIC_URL,
      created_at: expect.stringMatching(/^20\d\d-.*Z$/),
    })
    const { client_secret: secret, ...shown } = client
    expect(await listClients()).toContainEqual(shown)
    expect(JSON.stringify(await listClients())).not.toContain(secret)
    expect(JSON.stringify(await rowOf(client.client_id))).not.toContain(secret)
  })

  it('creates clients without a name, each with a secret of its own', async () => {
    const [one, other] = [await newClient(), await newClient()]
    expect(one.client_name).toBeNull()
    expect(one.client_secret).not.toBe(other.client_secret)
  })

  it.each(['x', 'https://orders.example.test', 'x'.repeat(128), '🔑'.repeat(128)])(
    'stores the given audience of a client: %s',
    async (audience) => {
      const client = await newClient({ audience })
      expect(client.audience).toBe(audience)
      expect(await listClients()).toContainEqual(
        expect.objectContaining({ client_id: client.client_id, audience }),
      )
    },
  )

  it('uses the audience of the service if a client is created with none or null, and stores none', async () => {
    const [without, withNull] = [await newClient(), await newClient({ audience: null })]
    expect([without.audience, withNull.audience]).toEqual([PUBLIC_URL, PUBLIC_URL])
    expect(await rowOf(without.client_id)).toMatchObject({ audience: null })
    const moved = workerWith({ AUDIENCE: 'https://api.example.test' })
    const { clients } = await ok<ClientList>(admin('GET', '/admin/clients', undefined, moved))
    expect(clients).toContainEqual(
      expect.objectContaining({ client_id: without.client_id, audience: 'https://api.example.test' }),
    )
  })

  it.each([
    ['RSA-OAEP-256', rsa.publicJwk],
    ['ECDH-ES', elliptic.publicJwk],
    ['ECDH-ES', montgomery.publicJwk],
  ])('stores a public key for %s with its algorithm and a key id', async (alg, jwk) => {
    const { jwks } = await newClient(withKey(jwk))
    expect(jwks.keys).toEqual([{ ...jwk, alg, use: 'enc', kid: expect.stringMatching(/^[\w-]{43}$/) }])
    const named = await newClient(
      withKey({ ...jwk, kid: 'of the owner', use: 'enc', alg, key_ops: ['encrypt'] }),
    )
    expect(named.jwks.keys).toEqual([{ ...jwk, alg, use: 'enc', kid: 'of the owner' }])
    const nulls = await newClient(withKey({ ...jwk, kid: null, d: null, alg: null }))
    expect(nulls.jwks.keys).toEqual(jwks.keys)
  })

  it.each<[string, object]>([
    ['a private key', elliptic.privateJwk],
    ['a private RSA key', rsa.privateJwk],
    ['a symmetric key', { kty: 'oct', k: 'AAAA' }],
    ['a key of an unknown type', { kty: 'AKP', pub: 'AAAA' }],
    ['a signing key', { ...elliptic.publicJwk, use: 'sig' }],
    ['a key for another algorithm', { ...rsa.publicJwk, alg: 'RSA1_5' }],
    ['a key for an algorithm of another key type', { ...rsa.publicJwk, alg: 'ECDH-ES' }],
    ['a short key', shortJwk],
    ['a key that is seven bits short', withModulus((n) => n.fill(1, 0, 1))],
    ['a key with an even modulus', withModulus((n) => n.fill(2, -1))],
    ['a point of low order', { ...montgomery.publicJwk, x: base64url.encode(new Uint8Array(32)) }],
    ['a key id with control characters', { ...elliptic.publicJwk, kid: 'a\r\nb' }],
    ['a key id with a lone surrogate', { ...elliptic.publicJwk, kid: '\ud800' }],
    ['a point that is not on its curve', { ...elliptic.publicJwk, x: elliptic.publicJwk.y }],
    ['a key on an unsupported curve', { ...elliptic.publicJwk, crv: 'P-192' }],
    ['a key on a signing curve', { kty: 'OKP', crv: 'Ed25519', x: montgomery.publicJwk.x }],
    ['an incomplete key', { kty: 'RSA', e: 'AQAB' }],
    ['a key id that is not a string', { ...elliptic.publicJwk, kid: 5 }],
    ['an empty key id', { ...elliptic.publicJwk, kid: '' }],
    ['a key member that is not a string', { ...elliptic.publicJwk, x: ['x'] }],
    ['a key without a type', { crv: 'P-256' }],
    ['a key type that is not a string', { kty: 5 }],
  ])('rejects a client with %s, and repeats no key member', async (_what, jwk) => {
    const response = await registerClient(withKey(jwk))
    const text = await response.text()
    expect([response.status, JSON.parse(text)]).toMatchObject([
      422,
      { code: 'invalid_request', errors: [{ field: 'jwks' }] },
    ])
    for (const member of ['d', 'k', 'x'] as const) {
      const value = (jwk as Record<string, unknown>)[member]
      if (typeof value === 'string' && value.length > 4) expect(text).not.toContain(value)
    }
  })

  it.each<[string, unknown, readonly string[]]>([
    ['a blank name', { client_name: ' ' }, ['client_name']],
    ['a name of 101 characters', { client_name: 'x'.repeat(101) }, ['client_name']],
    ['a name with control characters', { client_name: 'a\u0000b' }, ['client_name']],
    ['a name with a lone surrogate', { client_name: '\ud800' }, ['client_name']],
    ['an empty audience', { audience: '' }, ['audience']],
    ['an audience of 129 characters', { audience: 'x'.repeat(129) }, ['audience']],
    ['an audience with control characters', { audience: 'a\u007fb' }, ['audience']],
    ['an audience of a lone surrogate', { audience: '\udc00' }, ['audience']],
    ['several audiences', { audience: ['x'] }, ['audience']],
    ['an unknown field and an invalid one', { name: 'x', client_name: 5 }, ['client_name', 'name']],
    ['an empty key set', { jwks: { keys: [] } }, ['jwks']],
    ['several keys', { jwks: { keys: [rsa.publicJwk, elliptic.publicJwk] } }, ['jwks']],
    ['a key in place of the key set', { jwks: rsa.publicJwk }, ['jwks']],
    ['a key that is not an object', { jwks: { keys: ['x'] } }, ['jwks']],
  ])('rejects a client with %s, and names every invalid field', async (_what, body, fields) => {
    const { code, errors } = await refused(registerClient(body))
    expect(code).toBe('invalid_request')
    expect([...new Set(errors?.map(({ field }) => field))].toSorted()).toEqual(fields)
  })

  it('returns the secret when only the result of the write is lost, and stores no client when D1 is unavailable', async () => {
    const watched: Watched = watch()
    const fetch = workerWith(watched.bindings)
    watched.fail('run', { after: true })
    const idsBefore = [...new Set((await listClients()).map(({ client_id }) => client_id))]
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const client = await newClient({}, fetch)
    expect(
      (
        await post(
          '/oauth2/introspect',
          { token: 'x' },
          { headers: basic(client.client_id, client.client_secret) },
        )
      ).status,
    ).toBe(200)
    watched.fail('run', { before: true })
    expect(await refused(registerClient({}, fetch))).toMatchObject({ status: 503, code: 'unavailable' })
    expect(await listClients()).toHaveLength(idsBefore.length + 1)
  })
})

describe('DELETE /admin/clients/{client_id}', () => {
  it('removes a client, with effect at once in the same isolate', async () => {
    const { client_id, client_secret } = await newClient()
    const introspect = () =>
      post('/oauth2/introspect', { token: 'x' }, { headers: basic(client_id, client_secret) })
    expect((await introspect()).status).toBe(200)
    expect((await admin('DELETE', `/admin/clients/${client_id}`)).status).toBe(204)
    expect((await introspect()).status).toBe(401)
    expect(await rowOf(client_id)).toBeNull()
    expect((await refused(admin('DELETE', `/admin/clients/${client_id}`))).code).toBe('not_found')
  })

  it('removes a client at once when only the result of the write is lost', async () => {
    const watched = watch()
    const fetch = workerWith(watched.bindings)
    const { client_id, client_secret } = await newClient()
    const headers = basic(client_id, client_secret)
    await ok(post('/oauth2/introspect', { token: 'x' }, { headers, fetch }))
    watched.fail('run', { after: true })
    expect((await admin('DELETE', `/admin/clients/${client_id}`, undefined, fetch)).status).toBe(204)
    expect((await post('/oauth2/introspect', { token: 'x' }, { headers, fetch })).status).toBe(401)
  })

  it.each(['x', '%00', "' OR 1=1 --"])(
    'answers 404 to the removal of an unknown client id: %s',
    async (id) => {
      expect((await refused(admin('DELETE', `/admin/clients/${id}`))).code).toBe('not_found')
    },
  )
})

describe('access to /admin/clients', () => {
  it.each([
    ['GET', '/admin/clients'],
    ['POST', '/admin/clients'],
    ['DELETE', '/admin/clients/x'],
  ] as const)('allows only operators to manage clients: %s %s', async (method, path) => {
    const body = method === 'POST' ? { body: {} } : {}
    const { access_token: bearer } = await newPerson()
    expect((await refused(call(method, path, body))).code).toBe('invalid_token')
    expect((await refused(call(method, path, { bearer, ...body }))).code).toBe('insufficient_scope')
    const operator = await newOperator()
    const code = await codeOf(call(method, path, { bearer: operator.access_token, ...body }))
    expect(code).toBe(method === 'DELETE' ? 'not_found' : 'ok')
  })
})
