/** The token that an origin receives in place of the caller's, and where that is valid. */

import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Env } from '../../src/config/env.ts'
import { createVerifier } from '../../src/verify/index.ts'
import { admin } from '../support/admin.ts'
import {
  call,
  type Fetch,
  isAlive,
  newPerson,
  ok,
  PASSWORD,
  PUBLIC_URL,
  refresh,
  refused,
  worker,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { AUDIENCE, bearerOf, ORIGIN, requestAtOrigin, workerWithGateway } from '../support/gateway.ts'
import { basic, newClient, post } from '../support/oauth.ts'
import type { RegisteredClient, Tokens } from '../support/responses.ts'

/** An account with a role, a scope and a claim, and tokens that carry them. */
async function permitted(changes: object = {}): Promise<Tokens & { readonly name: string }> {
  const { user, refresh_token, name } = await newPerson()
  const permissions = { roles: ['editor'], scopes: ['orders:read'], claims: { plan: 'pro' }, ...changes }
  await ok(admin('PATCH', `/admin/users/${user.id}`, permissions))
  return { ...(await ok<Tokens>(refresh(refresh_token))), name }
}

let person: Tokens
beforeAll(async () => {
  person = await permitted()
})
afterEach(thaw)

/** Two routes to two origins, which are one server under two names. */
const OTHER_AUDIENCE = 'https://billing.example'
const twoOrigins = () =>
  workerWith({
    GATEWAY: {
      '/api': { origin: ORIGIN, audience: AUDIENCE },
      '/billing': { origin: ORIGIN.replace('127.0.0.1', 'localhost'), audience: OTHER_AUDIENCE },
    },
    FORWARD_AUDIENCES: `${AUDIENCE}, https://forward.example`,
  })

async function exchanged(fetch: Fetch = workerWithGateway(), bearer = person.access_token): Promise<string> {
  const token = bearerOf(await requestAtOrigin(call('GET', '/api/me', { bearer }, fetch)))
  if (token === undefined) throw new Error('the origin received no token')
  return token
}

const introspection = (client: RegisteredClient, token: string) =>
  ok(post('/oauth2/introspect', { token }, { headers: basic(client.client_id, client.client_secret) }))

describe('an exchange token', () => {
  it('replaces the token of the caller by default with one for the origin: same claims, valid for 120 s', async () => {
    freeze()
    const { access_token } = await permitted()
    const token = await exchanged(workerWithGateway(), access_token)
    const now = Date.now() / 1000
    const { aud: _aud, iat: _iat, exp: _exp, jti, ...claims } = decodeJwt(access_token)
    expect(decodeJwt(token)).toEqual({
      ...claims,
      aud: AUDIENCE,
      iat: now,
      exp: now + 120,
      jti: expect.not.stringMatching(jti ?? ''),
    })
    expect(decodeProtectedHeader(token)).toEqual(decodeProtectedHeader(access_token))
  })

  it('issues an exchange token that its origin alone verifies as an access token', async () => {
    const fetch = (url: string, init?: RequestInit) => worker(new Request(url, init))
    const verifier = createVerifier({ issuer: PUBLIC_URL, audience: AUDIENCE, fetch })
    const headers = new Headers({ Authorization: `Bearer ${await exchanged()}` })
    expect(await verifier.verifyRequest({ headers }, { roles: ['editor'] })).toMatchObject({
      sub: person.user.id,
      plan: 'pro',
    })
    const other = createVerifier({ issuer: PUBLIC_URL, audience: PUBLIC_URL, fetch })
    await expect(other.verifyRequest({ headers })).rejects.toMatchObject({ code: 'invalid_token' })
  })

  it('limits an exchange token to the lifetime of the original token', async () => {
    freeze()
    const { access_token } = await permitted()
    advance(590)
    expect(decodeJwt(await exchanged(workerWithGateway(), access_token)).exp).toBe(
      decodeJwt(access_token).exp,
    )
  })

  it('reuses an exchange token for the same token and audience in the first half of its lifetime', async () => {
    freeze()
    const fetch = twoOrigins()
    const [one, other] = [await permitted(), await permitted()]
    const first = await exchanged(fetch, one.access_token)
    advance(59)
    expect(await exchanged(fetch, one.access_token)).toBe(first)
    expect(await exchanged(fetch, other.access_token)).not.toBe(first)
    const billing = await requestAtOrigin(call('GET', '/billing', { bearer: one.access_token }, fetch))
    expect(decodeJwt(bearerOf(billing) ?? '').aud).toBe(OTHER_AUDIENCE)
    advance(1)
    expect(await exchanged(fetch, one.access_token)).not.toBe(first)
  })

  it('removes the scope admin from an exchange token, and keeps the role', async () => {
    const { name } = await permitted({ roles: ['admin'], scopes: ['admin', 'orders:read'] })
    const body = { identifier: name, password: PASSWORD, scope: 'admin orders:read' }
    const { access_token } = await ok<Tokens>(call('POST', '/auth/login', { body }))
    const token = decodeJwt(await exchanged(workerWithGateway(), access_token))
    expect([token.scope, token.roles]).toEqual(['orders:read', ['admin']])
  })

  it('puts the current roles of the account into an exchange token if the route checks sessions', async () => {
    const { access_token, user } = await permitted()
    await ok(admin('PATCH', `/admin/users/${user.id}`, { roles: [] }))
    expect(decodeJwt(await exchanged(workerWithGateway(), access_token)).roles).toEqual(['editor'])
    expect(decodeJwt(await exchanged(workerWithGateway({ session: 'check' }), access_token)).roles).toEqual(
      [],
    )
  })

  it('exchanges a token without a query or RPC', async () => {
    const watched = watch()
    const fetch = workerWithGateway({}, watched.bindings)
    await exchanged(fetch)
    watched.reset()
    await exchanged(fetch, (await permitted()).access_token)
    expect(watched.counts).toEqual({ d1: 0, rpc: 0 })
  })

  it.each([
    ['GET', '/auth/me', undefined],
    ['GET', '/auth/sessions', undefined],
    ['DELETE', '/auth/sessions', undefined],
    ['POST', '/auth/logout', undefined],
    ['PATCH', '/auth/me', { username: 'somebody.else', current_password: PASSWORD }],
    ['GET', '/auth/verify', undefined],
    ['GET', '/admin/limits', undefined],
    ['GET', '/billing/x', undefined],
  ])('rejects an exchange token everywhere but at its origin: %s %s', async (method, path, body) => {
    const fetch = twoOrigins()
    const bearer = await exchanged(fetch)
    const problem = await refused(call(method, path, { bearer, body }, fetch))
    expect([problem.status, problem.code]).toEqual([401, 'invalid_token'])
    expect(await isAlive(person.access_token)).toBe(true)
  })

  it('accepts an exchange token at the route of its own origin, and never extends its lifetime', async () => {
    freeze()
    const { access_token } = await permitted()
    const fetch = twoOrigins()
    const first = await exchanged(fetch, access_token)
    advance(100)
    const second = await exchanged(fetch, first)
    expect(decodeJwt(second).exp).toBe(decodeJwt(first).exp)
    advance(20)
    expect((await refused(call('GET', '/api/me', { bearer: first }, fetch))).code).toBe('invalid_token')
  })

  it('rejects an exchange token at a route that drops or passes tokens to another origin', async () => {
    const bearer = await exchanged()
    for (const authorization of ['drop', 'pass']) {
      const fetch = workerWithGateway({ authorization, audience: OTHER_AUDIENCE })
      expect((await refused(call('GET', '/api/me', { bearer }, fetch))).code).toBe('invalid_token')
    }
  })

  it('ends no session when an exchange token is revoked', async () => {
    const body = new URLSearchParams({ client_id: 'gatehouse', token: await exchanged() })
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    const response = await call('POST', '/oauth2/revoke', { body: body.toString(), headers })
    expect(response.status).toBe(200)
    expect(await isAlive(person.access_token)).toBe(true)
  })
})

describe('introspection', () => {
  it('reports an exchange token as active only to a client of its audience', async () => {
    const bearer = await exchanged()
    const [own, other, withoutAudience] = await Promise.all([
      newClient({ audience: AUDIENCE }),
      newClient({ audience: OTHER_AUDIENCE }),
      newClient(),
    ])
    expect(await introspection(own, bearer)).toMatchObject({
      active: true,
      aud: AUDIENCE,
      sub: person.user.id,
      roles: ['editor'],
    })
    for (const client of [other, withoutAudience]) {
      expect(await introspection(client, bearer)).toEqual({ active: false })
    }
    expect(await introspection(own, person.access_token)).toEqual({ active: false })
  })
})

describe('the authorization of a route', () => {
  it('forwards the token of the caller if the authorization of the route is "pass"', async () => {
    expect(await exchanged(workerWithGateway({ authorization: 'pass' }))).toBe(person.access_token)
  })

  it('forwards no token if the authorization of the route is "drop", or if the caller sends none', async () => {
    const dropped = await requestAtOrigin(
      call('GET', '/api/me', { bearer: person.access_token }, workerWithGateway({ authorization: 'drop' })),
    )
    expect(bearerOf(dropped)).toBe(undefined)
    const headers = { Authorization: 'Basic eDp5' }
    const open = await requestAtOrigin(
      call('GET', '/api/me', { headers }, workerWithGateway({ required: false })),
    )
    expect(bearerOf(open)).toBe(undefined)
  })
})

describe('/auth/verify?exchange=', () => {
  const ask = (query: string, path = '/auth/verify', bearer = person.access_token) =>
    call('GET', `${path}?${query}`, { bearer }, twoOrigins())
  const tokenOf = (response: Response) => response.headers.get('Authorization')?.replace(/^Bearer /, '')

  it('returns an exchange token from /auth/verify for a configured audience', async () => {
    const response = await ask(`exchange=${encodeURIComponent('https://forward.example')}&roles=editor`)
    expect(response.status).toBe(200)
    expect(decodeJwt(tokenOf(response) ?? '')).toMatchObject({
      aud: 'https://forward.example',
      sub: person.user.id,
    })
    expect(response.headers.get('X-Auth-Subject')).toBe(person.user.id)
  })

  it('returns no exchange token from /auth/verify without ?exchange=', async () => {
    expect(tokenOf(await ask('roles=editor'))).toBe(undefined)
  })

  it.each([
    ['an audience that is not configured', `exchange=${encodeURIComponent(OTHER_AUDIENCE)}`],
    ["the service's own audience", `exchange=${encodeURIComponent(PUBLIC_URL)}`],
    ['an empty audience', 'exchange='],
    ['another spelling of the audience', `exchange=${encodeURIComponent('https://forward.example/')}`],
    ['two audiences', `exchange=${encodeURIComponent(AUDIENCE)}&exchange=${encodeURIComponent(AUDIENCE)}`],
  ])('answers 401 to ?exchange= with %s', async (_what, query) => {
    const problem = await refused(ask(query))
    expect([problem.status, problem.code]).toEqual([401, 'invalid_token'])
  })

  it.each(['/auth/verify/', '/auth/verify/orders'])(
    'ignores ?exchange= below /auth/verify, where the caller may have written it: %s',
    async (path) => {
      const response = await ask(`exchange=${encodeURIComponent(AUDIENCE)}`, path)
      expect([response.status, tokenOf(response)]).toEqual([200, undefined])
    },
  )

  it('returns no exchange token from /auth/verify with a refusal', async () => {
    const query = `exchange=${encodeURIComponent(AUDIENCE)}`
    for (const [asked, bearer, status] of [
      [`${query}&roles=owner`, person.access_token, 403],
      [query, 'none', 401],
      [query, await exchanged(twoOrigins()), 401],
    ] as const) {
      const response = await ask(asked, '/auth/verify', bearer)
      expect([response.status, tokenOf(response)]).toEqual([status, undefined])
    }
  })

  it('exchanges a token at /auth/verify without a query or RPC', async () => {
    const watched = watch()
    const settings: Partial<Env> = { FORWARD_AUDIENCES: AUDIENCE, ...watched.bindings }
    const fetch = workerWith(settings)
    const path = `/auth/verify?exchange=${encodeURIComponent(AUDIENCE)}`
    await call('GET', path, { bearer: person.access_token }, fetch)
    watched.reset()
    await ok(call('GET', path, { bearer: (await permitted()).access_token }, fetch).then(withoutBody))
    expect(watched.counts).toEqual({ d1: 0, rpc: 0 })
  })
})

const withoutBody = (response: Response) => Response.json({}, { status: response.status })
