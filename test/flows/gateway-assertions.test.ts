import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { admin } from '../support/admin.ts'
import {
  call,
  type Fetch,
  newPerson,
  ok,
  PUBLIC_URL,
  refused,
  worker,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { AUDIENCE, ORIGIN, requestAtOrigin, valuesOf, workerWithGateway } from '../support/gateway.ts'
import type { KeySet, Tokens } from '../support/responses.ts'

let person: Tokens & { readonly name: string }
beforeAll(async () => {
  person = await newPerson()
})
beforeEach(() => {
  for (const level of ['info', 'warn', 'error'] as const)
    vi.spyOn(console, level).mockImplementation(() => undefined)
})
afterEach(() => {
  thaw()
  vi.restoreAllMocks()
})

describe('an assertion', () => {
  const assertionOf = async (fetch: Fetch, bearer = person.access_token) =>
    valuesOf(await requestAtOrigin(call('GET', '/api/me', { bearer }, fetch)), 'x-auth-assertion')[0] ?? ''

  it('signs an assertion of the user for the origin with a published key, valid for 60 s', async () => {
    freeze()
    const { access_token, user } = await newPerson()
    const assertion = await assertionOf(workerWithGateway(), access_token)
    const { keys } = await ok<KeySet>(call('GET', '/.well-known/jwks.json'))
    const { kid } = decodeProtectedHeader(assertion)
    const jwk = keys.find((key) => key.kid === kid)
    if (jwk === undefined) throw new Error('signed with an unknown key')
    const { payload, protectedHeader } = await jwtVerify(assertion, jwk, {
      issuer: PUBLIC_URL,
      audience: AUDIENCE,
      typ: 'edge-assertion+jwt',
      currentDate: new Date(),
    })
    expect(protectedHeader).toEqual({ typ: 'edge-assertion+jwt', alg: 'ES256', kid })
    const now = Date.now() / 1000
    expect(payload).toEqual({
      iss: PUBLIC_URL,
      aud: AUDIENCE,
      sub: user.id,
      sid: decodeJwt(access_token).sid,
      roles: [],
      scope: '',
      iat: now,
      exp: now + 60,
      jti: expect.any(String),
    })
  })

  it('issues an assertion for one audience: by default the address of the origin', async () => {
    const fetch = workerWith({ GATEWAY: { '/api': { origin: `${ORIGIN}/base` } } })
    expect(decodeJwt(await assertionOf(fetch)).aud).toBe(ORIGIN)
  })

  it('reuses an assertion for the same token and origin in the first half of its lifetime', async () => {
    freeze()
    const GATEWAY = {
      '/api': { origin: ORIGIN, audience: AUDIENCE },
      '/api/me/too': { origin: ORIGIN, audience: 'https://too.example' },
    }
    const fetch = workerWith({ GATEWAY })
    const [one, other] = [await newPerson(), await newPerson()]
    const first = await assertionOf(fetch, one.access_token)
    advance(29)
    expect(await assertionOf(fetch, one.access_token)).toBe(first)
    expect(await assertionOf(fetch, other.access_token)).not.toBe(first)
    const too = await requestAtOrigin(call('GET', '/api/me/too', { bearer: one.access_token }, fetch))
    expect(decodeJwt(valuesOf(too, 'x-auth-assertion')[0] ?? '').aud).toBe('https://too.example')
    advance(1)
    expect(await assertionOf(fetch, one.access_token)).not.toBe(first)
  })

  it('limits an assertion to the lifetime of its access token', async () => {
    freeze()
    const { access_token } = await newPerson()
    advance(590)
    expect(decodeJwt(await assertionOf(workerWithGateway(), access_token)).exp).toBe(
      decodeJwt(access_token).exp,
    )
  })

  it('signs assertions with another key after their key is deleted', async () => {
    freeze()
    const { access_token } = await newPerson()
    const fetch = workerWithGateway()
    const first = await assertionOf(fetch, access_token)
    const { kid } = decodeProtectedHeader(first)
    await ok(admin('DELETE', `/admin/keys/${kid}`, undefined, fetch), 204)
    const next = await newPerson(fetch)
    expect(decodeProtectedHeader(await assertionOf(fetch, next.access_token)).kid).not.toBe(kid)
  })

  it('rejects an assertion as an access token', async () => {
    const bearer = await assertionOf(workerWithGateway())
    for (const [path, fetch] of [
      ['/auth/me', worker],
      ['/api/me', workerWithGateway()],
      ['/auth/verify', workerWithGateway()],
    ] as const) {
      expect((await refused(call('GET', path, { bearer }, fetch))).code).toBe('invalid_token')
    }
  })
})
