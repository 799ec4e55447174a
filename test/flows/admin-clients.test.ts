import { env } from 'cloudflare:workers'
import { base64url, exportJWK, generateKeyPair, type JWK } from 'jose'
import { describe, expect, it, vi } from 'vitest'
import { admin, codeOf, newOperator } from '../support/admin.ts'
import { call, newPerson, ok, PUBLIC_URL, refused, workerWith } from '../support/client.ts'
import { type Watched, watch } from '../support/counting.ts'
import { basic, newClient, post, type RegisteredClient, registerClient } from '../support/oauth.ts'

const see = async () =>
  (await ok<{ clients: readonly Omit<RegisteredClient, 'client_secret'>[] }>(admin('GET', '/admin/clients')))
    .clients
const rowOf = (clientId: string) =>
  env.DB.prepare('SELECT * FROM clients WHERE client_id = ?1').bind(clientId).first<Record<string, unknown>>()

const pairOf = async (alg: string, options = {}) => {
  const pair = await generateKeyPair(alg, { extractable: true, ...options })
  return { publicJwk: await exportJWK(pair.publicKey), privateJwk: await exportJWK(pair.privateKey) }
}
const rsa = await pairOf('RSA-OAEP-256')
const elliptic = await pairOf('ECDH-ES', { crv: 'P-256' })
const montgomery = await pairOf('ECDH-ES', { crv: 'X25519' })
const short = await crypto.subtle.generateKey(
  { name: 'RSA-OAEP', hash: 'SHA-256', modulusLength: 1024, publicExponent: new Uint8Array([1, 0, 1]) },
  true,
  ['encrypt', 'decrypt'],
)
const shortJwk = (await exportJWK((short as CryptoKeyPair).publicKey)) as JWK
/** 2048 bits that are 2041 or even. */
const changed = (change: (n: Uint8Array) => void) => {
  const n = new Uint8Array(base64url.decode(rsa.publicJwk.n ?? ''))
  change(n)
  return { ...rsa.publicJwk, n: base64url.encode(n) }
}
const withKey = (jwk: object) => ({ jwks: { keys: [jwk] } })

describe('POST /admin/clients', () => {
  it('makes a client and shows its secret once', async () => {
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
    expect(await see()).toContainEqual(shown)
    expect(JSON.stringify(await see())).not.toContain(secret)
    expect(JSON.stringify(await rowOf(client.client_id))).not.toContain(secret)
  })

  it('needs no name, and gives each client a secret of its own', async () => {
    const [one, other] = [await newClient(), await newClient()]
    expect(one.client_name).toBeNull()
    expect(one.client_secret).not.toBe(other.client_secret)
  })

  it.each(['x', 'https://orders.example.test', 'x'.repeat(128), '🔑'.repeat(128)])(
    'keeps the audience that it is given: %s',
    async (audience) => {
      const client = await newClient({ audience })
      expect(client.audience).toBe(audience)
      expect(await see()).toContainEqual(expect.objectContaining({ client_id: client.client_id, audience }))
    },
  )

  it('takes the audience of the service where none is given, or null, and keeps none', async () => {
    const [without, withNull] = [await newClient(), await newClient({ audience: null })]
    expect([without.audience, withNull.audience]).toEqual([PUBLIC_URL, PUBLIC_URL])
    expect(await rowOf(without.client_id)).toMatchObject({ audience: null })
    const moved = workerWith({ AUDIENCE: 'https://api.example.test' })
    const { clients } = await ok<{ clients: readonly object[] }>(
      admin('GET', '/admin/clients', undefined, moved),
    )
    expect(clients).toContainEqual(
      expect.objectContaining({ client_id: without.client_id, audience: 'https://api.example.test' }),
    )
  })

  it.each([
    ['RSA-OAEP-256', rsa.publicJwk],
    ['ECDH-ES', elliptic.publicJwk],
    ['ECDH-ES', montgomery.publicJwk],
  ])('keeps a public key for %s with its algorithm and a key id', async (alg, jwk) => {
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
    ['a private key of RSA', rsa.privateJwk],
    ['a shared key', { kty: 'oct', k: 'AAAA' }],
    ['a key of another type', { kty: 'AKP', pub: 'AAAA' }],
    ['a key for signatures', { ...elliptic.publicJwk, use: 'sig' }],
    ['a key for another algorithm', { ...rsa.publicJwk, alg: 'RSA1_5' }],
    ['a key for the algorithm of another type', { ...rsa.publicJwk, alg: 'ECDH-ES' }],
    ['a short key', shortJwk],
    ['a key that is seven bits short', changed((n) => n.fill(1, 0, 1))],
    ['a key with an even modulus', changed((n) => n.fill(2, -1))],
    ['a point of low order', { ...montgomery.publicJwk, x: base64url.encode(new Uint8Array(32)) }],
    ['a key id with controls', { ...elliptic.publicJwk, kid: 'a\r\nb' }],
    ['a key id with half a character', { ...elliptic.publicJwk, kid: '\ud800' }],
    ['no point of its curve', { ...elliptic.publicJwk, x: elliptic.publicJwk.y }],
    ['a key on a curve that is none', { ...elliptic.publicJwk, crv: 'P-192' }],
    ['a key on a curve for signatures', { kty: 'OKP', crv: 'Ed25519', x: montgomery.publicJwk.x }],
    ['half a key', { kty: 'RSA', e: 'AQAB' }],
    ['a key id that is no text', { ...elliptic.publicJwk, kid: 5 }],
    ['a key id that is empty', { ...elliptic.publicJwk, kid: '' }],
    ['a member that is no text', { ...elliptic.publicJwk, x: ['x'] }],
    ['no type', { crv: 'P-256' }],
    ['a type that is no text', { kty: 5 }],
  ])('refuses %s, and repeats nothing of it', async (_what, jwk) => {
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
    ['a name that is none', { client_name: ' ' }, ['client_name']],
    ['a name that is long', { client_name: 'x'.repeat(101) }, ['client_name']],
    ['a name with controls', { client_name: 'a\u0000b' }, ['client_name']],
    ['half a character', { client_name: '\ud800' }, ['client_name']],
    ['an audience that is none', { audience: '' }, ['audience']],
    ['an audience that is long', { audience: 'x'.repeat(129) }, ['audience']],
    ['an audience with controls', { audience: 'a\u007fb' }, ['audience']],
    ['an audience of half a character', { audience: '\udc00' }, ['audience']],
    ['several audiences', { audience: ['x'] }, ['audience']],
    ['an unknown field, and a wrong one', { name: 'x', client_name: 5 }, ['client_name', 'name']],
    ['no key', { jwks: { keys: [] } }, ['jwks']],
    ['several keys', { jwks: { keys: [rsa.publicJwk, elliptic.publicJwk] } }, ['jwks']],
    ['keys that are no list', { jwks: rsa.publicJwk }, ['jwks']],
    ['a key in place of the set', { jwks: { keys: ['x'] } }, ['jwks']],
  ])('refuses %s, naming every field', async (_what, body, fields) => {
    const { code, errors } = await refused(registerClient(body))
    expect(code).toBe('invalid_request')
    expect([...new Set(errors?.map(({ field }) => field))].toSorted()).toEqual(fields)
  })

  it('tells the secret where only the answer of the database was lost, and stores nothing where it was out of reach', async () => {
    const watched: Watched = watch()
    const fetch = workerWith(watched.bindings)
    watched.fail('run', { after: true })
    const names = [...new Set((await see()).map(({ client_id }) => client_id))]
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
    expect(await see()).toHaveLength(names.length + 1)
  })
})

describe('DELETE /admin/clients/{client_id}', () => {
  it('removes a client, in this isolate at once', async () => {
    const { client_id, client_secret } = await newClient()
    const ask = () => post('/oauth2/introspect', { token: 'x' }, { headers: basic(client_id, client_secret) })
    expect((await ask()).status).toBe(200)
    expect((await admin('DELETE', `/admin/clients/${client_id}`)).status).toBe(204)
    expect((await ask()).status).toBe(401)
    expect(await rowOf(client_id)).toBeNull()
    expect((await refused(admin('DELETE', `/admin/clients/${client_id}`))).code).toBe('not_found')
  })

  it('is done, and in force at once, where only the answer of the database was lost', async () => {
    const watched = watch()
    const fetch = workerWith(watched.bindings)
    const { client_id, client_secret } = await newClient()
    const headers = basic(client_id, client_secret)
    await ok(post('/oauth2/introspect', { token: 'x' }, { headers, fetch }))
    watched.fail('run', { after: true })
    expect((await admin('DELETE', `/admin/clients/${client_id}`, undefined, fetch)).status).toBe(204)
    expect((await post('/oauth2/introspect', { token: 'x' }, { headers, fetch })).status).toBe(401)
  })

  it.each(['x', '%00', "' OR 1=1 --"])('answers 404 for an id that no client has: %s', async (id) => {
    expect((await refused(admin('DELETE', `/admin/clients/${id}`))).code).toBe('not_found')
  })
})

describe('the clients', () => {
  it.each([
    ['GET', '/admin/clients'],
    ['POST', '/admin/clients'],
    ['DELETE', '/admin/clients/x'],
  ] as const)('are for administrators alone: %s %s', async (method, path) => {
    const body = method === 'POST' ? { body: {} } : {}
    const { access_token: bearer } = await newPerson()
    expect((await refused(call(method, path, body))).code).toBe('invalid_token')
    expect((await refused(call(method, path, { bearer, ...body }))).code).toBe('insufficient_scope')
    const operator = await newOperator()
    const code = await codeOf(call(method, path, { bearer: operator.access_token, ...body }))
    expect(code).toBe(method === 'DELETE' ? 'not_found' : 'ok')
  })
})
