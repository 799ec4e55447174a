/** Assertions that only the origin can read. */
import { env } from 'cloudflare:workers'
import { decodeJwt, decodeProtectedHeader, exportJWK, generateKeyPair, type JWK } from 'jose'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createVerifier } from '../../src/verify/index.ts'
import { admin } from '../support/admin.ts'
import { call, newPerson, ok, PUBLIC_URL, refused, worker, workerWith } from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { newClient } from '../support/oauth.ts'

const AUDIENCE = 'https://orders.example'

afterEach(() => {
  thaw()
  vi.restoreAllMocks()
})

/** A key pair of an origin, and a client that has its public key. */
async function origin(alg = 'ECDH-ES', options = {}, names: object = {}) {
  const pair = await generateKeyPair(alg, { extractable: true, ...options })
  const jwk = { ...(await exportJWK(pair.publicKey)), ...names }
  const { client_id } = await newClient({ jwks: { keys: [jwk] } })
  const privateJwk: JWK = { ...(await exportJWK(pair.privateKey)), ...names }
  return { client_id, privateJwk }
}

const gatewayFor = (client_id: string, changes: object = {}) => {
  const route = { origin: env.RAW_ORIGIN_URL, audience: AUDIENCE, client_id }
  return workerWith({ GATEWAY: { '/api': route }, ...changes })
}

const verifierWith = (...decryptionKeys: readonly JWK[]) =>
  createVerifier({
    issuer: PUBLIC_URL,
    audience: AUDIENCE,
    decryptionKeys,
    fetch: (url, init) => worker(new Request(url, init)),
  })

/** The assertion that the origin received with a request. */
async function assertionIn(response: Response): Promise<string> {
  const text = await response.text()
  const assertion = /^x-auth-assertion: (.*)\r$/im.exec(text)?.[1]
  if (response.status !== 200 || assertion === undefined) throw new Error(`${response.status}: ${text}`)
  return assertion
}

describe('an encrypted assertion', () => {
  it.each([
    ['RSA-OAEP-256', {}],
    ['ECDH-ES', { crv: 'P-256' }],
    ['ECDH-ES', { crv: 'P-521' }],
    ['ECDH-ES', { crv: 'X25519' }],
  ])('encrypts to a nested JWT that only the private key opens: %s, %j', async (alg, options) => {
    const { client_id, privateJwk } = await origin(alg, options)
    const { access_token: bearer, user } = await newPerson()
    const assertion = await assertionIn(await call('GET', '/api/x', { bearer }, gatewayFor(client_id)))
    expect(decodeProtectedHeader(assertion)).toMatchObject({ alg, enc: 'A256GCM', cty: 'JWT' })
    expect(await verifierWith(privateJwk).verifyAssertion(assertion)).toMatchObject({
      aud: AUDIENCE,
      sub: user.id,
    })
    const other = await origin(alg, options)
    for (const verifier of [verifierWith(), verifierWith(other.privateJwk)]) {
      await expect(verifier.verifyAssertion(assertion)).rejects.toMatchObject({ code: 'invalid_token' })
    }
  })

  it('names the encryption key by its own kid, so that two keys work while one replaces the other', async () => {
    const [old, next] = [
      await origin('ECDH-ES', {}, { kid: 'old' }),
      await origin('ECDH-ES', {}, { kid: 'new' }),
    ]
    const verifier = verifierWith(old.privateJwk, next.privateJwk)
    const { access_token: bearer } = await newPerson()
    for (const [{ client_id }, kid] of [
      [old, 'old'],
      [next, 'new'],
    ] as const) {
      const assertion = await assertionIn(await call('GET', '/api/x', { bearer }, gatewayFor(client_id)))
      expect(decodeProtectedHeader(assertion).kid).toBe(kid)
      expect(await verifier.verifyAssertion(assertion)).toMatchObject({ aud: AUDIENCE })
    }
  })

  it('encrypts an assertion without a query or RPC in a warm isolate', async () => {
    const { client_id } = await origin()
    const watched = watch()
    const fetch = gatewayFor(client_id, watched.bindings)
    const { access_token: bearer } = await newPerson()
    const { access_token: another } = await newPerson()
    await call('GET', '/api/x', { bearer }, fetch)
    watched.reset()
    expect((await call('GET', '/api/x', { bearer: another }, fetch)).status).toBe(200)
    expect(watched.counts).toEqual({ d1: 0, rpc: 0 })
  })

  it('answers 503 instead of sending a readable assertion if the client of the route is deleted or has no key', async () => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const { access_token: bearer } = await newPerson()
    const { client_id: removed } = await origin()
    await admin('DELETE', `/admin/clients/${removed}`)
    const { client_id: keyless } = await newClient()
    for (const client_id of [removed, keyless]) {
      const { status, code } = await refused(call('GET', '/api/x', { bearer }, gatewayFor(client_id)))
      expect([status, code]).toEqual([503, 'misconfigured'])
    }
    expect(error.mock.calls.join()).toContain('GATEWAY /api')
  })

  it('stops encrypting assertions for a deleted client within 30 s', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    freeze()
    const { client_id } = await origin()
    const fetch = gatewayFor(client_id)
    const { access_token: bearer } = await newPerson()
    expect((await call('GET', '/api/x', { bearer }, fetch)).status).toBe(200)
    expect((await admin('DELETE', `/admin/clients/${client_id}`)).status).toBe(204)
    advance(30)
    expect((await refused(call('GET', '/api/x', { bearer }, fetch))).code).toBe('misconfigured')
  })

  it('answers 503 while D1 is unavailable if the client of the route was never read', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const { client_id } = await origin()
    const watched = watch()
    const fetch = gatewayFor(client_id, watched.bindings)
    const { access_token: bearer } = await newPerson()
    await ok(call('GET', '/auth/me', { bearer }, fetch))
    watched.fail('first', { before: true })
    expect((await refused(call('GET', '/api/x', { bearer }, fetch))).code).toBe('unavailable')
    watched.mend()
    expect((await call('GET', '/api/x', { bearer }, fetch)).status).toBe(200)
  })

  it('sends the identity only in the encrypted assertion: no token and no identity header', async () => {
    const { client_id } = await origin()
    const { access_token: bearer, user } = await newPerson()
    const { sid } = decodeJwt<{ sid: string }>(bearer)
    const headers = { 'X-Auth-Subject': 'forged' }
    const text = await (await call('GET', '/api/x', { bearer, headers }, gatewayFor(client_id))).text()
    const names = [...text.matchAll(/^(x-auth-[\w-]+|authorization):/gim)].map(([, name]) =>
      name?.toLowerCase(),
    )
    expect(names).toEqual(['x-auth-assertion'])
    for (const secret of [user.id, sid, bearer]) expect(text).not.toContain(secret)
  })
})
