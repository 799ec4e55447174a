/** Introspection (RFC 7662). */

import { env } from 'cloudflare:workers'
import { decodeJwt } from 'jose'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { admin } from '../support/admin.ts'
import { call, newAddress, newPerson, ok, PUBLIC_URL, refresh, workerWith } from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import {
  authenticated,
  basic,
  INACTIVE,
  INTROSPECT,
  newClient,
  PUBLIC_CLIENT,
  post,
  refusedByOAuth,
  withWrongSecret,
} from '../support/oauth.ts'
import type { RegisteredClient, Tokens } from '../support/responses.ts'

let client: RegisteredClient
beforeAll(async () => {
  client = await newClient({ client_name: 'orders' })
})
afterEach(() => {
  thaw()
  vi.restoreAllMocks()
})

const own = () => authenticated(client)
const introspect = (token: string) => ok<Record<string, unknown>>(post(INTROSPECT, { token }, own()))
const wrong = (from: string, path = INTROSPECT) => withWrongSecret(client, from, path)

describe('POST /oauth2/introspect', () => {
  it('returns the claims of an access token and the current username', async () => {
    const { access_token, user, name } = await newPerson()
    const claims = decodeJwt(access_token)
    expect(await introspect(access_token)).toEqual({
      ...claims,
      active: true,
      token_type: 'Bearer',
      username: name,
    })
    expect(claims).toMatchObject({ iss: PUBLIC_URL, aud: PUBLIC_URL, sub: user.id, client_id: 'gatehouse' })
  })

  it('returns the current roles and scopes, and never replaces a standard member by a claim of the account', async () => {
    const { user, refresh_token } = await newPerson()
    const set = (grants: object) => ok(admin('PATCH', `/admin/users/${user.id}`, grants))
    const claims = { active: false, token_type: 'x', username: 'root', plan: 'pro' }
    await set({ roles: ['editor', 'owner'], scopes: ['orders:read', 'orders:write'], claims })
    const { access_token } = await ok<Tokens>(refresh(refresh_token))
    await set({ roles: ['editor'], scopes: ['orders:read'] })
    expect(await introspect(access_token)).toMatchObject({
      active: true,
      token_type: 'Bearer',
      username: user.username,
      plan: 'pro',
      roles: ['editor'],
      scope: 'orders:read',
    })
  })

  it('reports the token of an ended session as inactive, and nothing else', async () => {
    const { access_token } = await newPerson()
    expect((await call('POST', '/auth/logout', { bearer: access_token })).status).toBe(204)
    expect(await introspect(access_token)).toEqual(INACTIVE)
  })

  it('reports a token that expired, was forged or belongs to a disabled account as inactive', async () => {
    const [expired, disabled] = [await newPerson(), await newPerson()]
    await ok(admin('PATCH', `/admin/users/${disabled.user.id}`, { disabled: true }))
    expect(await introspect(disabled.access_token)).toEqual(INACTIVE)
    expect(await introspect(`${expired.access_token.slice(0, -4)}AAAA`)).toEqual(INACTIVE)
    freeze(Date.now() + 601_000)
    expect(await introspect(expired.access_token)).toEqual(INACTIVE)
  })

  it.each(['x', 'a.b.c', '\u0000', '🔑', 'x'.repeat(10_000)])('reports %j as inactive', async (token) => {
    expect(await introspect(token)).toEqual(INACTIVE)
  })

  it('reports a refresh token as inactive, whatever the hint', async () => {
    const { refresh_token: token } = await newPerson()
    expect(await introspect(token)).toEqual(INACTIVE)
    const hinted = { token, token_type_hint: 'refresh_token' }
    expect(await ok(post(INTROSPECT, hinted, own()))).toEqual(INACTIVE)
  })

  it('accepts the client secret by Basic and in the form, and ignores unknown parameters', async () => {
    const { access_token: token } = await newPerson()
    const { client_id, client_secret } = client
    const more = { token_type_hint: 'anything', unknown: 'x' }
    for (const asked of [
      post(INTROSPECT, { token, client_id, client_secret, ...more }),
      post(INTROSPECT, { token, client_id, ...more }, own()),
      post(INTROSPECT, { token }, { headers: basic(encodeURIComponent(client_id), client_secret) }),
      post(INTROSPECT, { token, client_id, client_secret }, { headers: { Authorization: 'Bearer x' } }),
      post(
        INTROSPECT,
        { token },
        { headers: { ...own().headers, 'Content-Type': 'Application/X-WWW-Form-Urlencoded; charset=utf-8' } },
      ),
    ]) {
      expect(await ok(asked)).toMatchObject({ active: true })
    }
  })

  it.each<[string, () => Promise<Response>]>([
    ['no client', () => post(INTROSPECT, { token: 'x' })],
    ['the public client', () => post(INTROSPECT, { token: 'x', ...PUBLIC_CLIENT })],
    [
      'the public client with a secret',
      () => post(INTROSPECT, { token: 'x', ...PUBLIC_CLIENT, client_secret: 'x' }),
    ],
    [
      'an unknown client',
      () => post(INTROSPECT, { token: 'x' }, { headers: basic(crypto.randomUUID(), 'x') }),
    ],
    ['an impossible client id', () => post(INTROSPECT, { token: 'x' }, { headers: basic('x', 'x') })],
    ['a wrong secret', () => wrong(newAddress())],
    [
      'a secret with an additional character',
      () =>
        post(INTROSPECT, { token: 'x' }, { headers: basic(client.client_id, `${client.client_secret}A`) }),
    ],
    ['no secret', () => post(INTROSPECT, { token: 'x', client_id: client.client_id })],
    ['an empty secret', () => post(INTROSPECT, { token: 'x' }, { headers: basic(client.client_id, '') })],
    [
      'the hash of the secret',
      async () => {
        const hash = await env.DB.prepare('SELECT secret_hash FROM clients WHERE client_id = ?1')
          .bind(client.client_id)
          .first<string>('secret_hash')
        return post(INTROSPECT, { token: 'x' }, { headers: basic(client.client_id, hash ?? '') })
      },
    ],
    [
      'a Basic header without credentials',
      () => post(INTROSPECT, { token: 'x' }, { headers: { Authorization: 'Basic' } }),
    ],
    [
      'credentials that are not Base64',
      () => post(INTROSPECT, { token: 'x' }, { headers: { Authorization: 'Basic *' } }),
    ],
    [
      'credentials without a colon',
      () => post(INTROSPECT, { token: 'x' }, { headers: { Authorization: `Basic ${btoa('x')}` } }),
    ],
    [
      'credentials that are not UTF-8',
      () => post(INTROSPECT, { token: 'x' }, { headers: { Authorization: `Basic ${btoa('\xff:x')}` } }),
    ],
    [
      'an access token as Bearer',
      async () => {
        const { access_token } = await newPerson()
        return post(INTROSPECT, { token: 'x' }, { headers: { Authorization: `Bearer ${access_token}` } })
      },
    ],
  ])('rejects introspection with %s as invalid_client', async (_who, ask) => {
    const asked = ask()
    expect(await refusedByOAuth(asked)).toEqual({ status: 401, error: 'invalid_client' })
  })

  it('names the Basic scheme and forbids caching when it rejects introspection', async () => {
    const { headers } = await post(INTROSPECT, { token: 'x' })
    expect(headers.get('WWW-Authenticate')).toBe('Basic realm="gatehouse"')
    expect(headers.get('Cache-Control')).toBe('no-store')
  })

  it('reports a token of another audience as inactive, without a query or RPC', async () => {
    const watched = watch()
    const fetch = workerWith(watched.bindings)
    const { access_token: token } = await newPerson(fetch)
    const other = await newClient({ audience: 'https://orders.example.test' })
    const ask = () =>
      ok(post(INTROSPECT, { token }, { headers: basic(other.client_id, other.client_secret), fetch }))
    expect(await ask()).toEqual(INACTIVE)
    watched.reset()
    expect(await ask()).toEqual(INACTIVE)
    expect(watched.counts).toEqual({ d1: 0, rpc: 0 })
    expect(await introspect(token)).toMatchObject({ active: true })
  })

  it('reports a token that was issued to the client itself as active, whatever its audience', async () => {
    const other = await newClient({ audience: 'https://orders.example.test' })
    const issuing = workerWith({ CLIENT_ID: other.client_id })
    const { access_token: token } = await newPerson(issuing)
    const headers = basic(other.client_id, other.client_secret)
    expect(await ok(post(INTROSPECT, { token }, { headers }))).toMatchObject({ active: true })
  })

  it('uses the current AUDIENCE of the service for a client without an audience of its own', async () => {
    const moved = workerWith({ AUDIENCE: 'https://api.example.test' })
    const { access_token: token } = await newPerson(moved)
    expect(await ok(post(INTROSPECT, { token }, { ...own(), fetch: moved }))).toMatchObject({ active: true })
    const fixed = await newClient({ audience: PUBLIC_URL })
    const headers = basic(fixed.client_id, fixed.client_secret)
    expect(await ok(post(INTROSPECT, { token }, { headers, fetch: moved }))).toEqual(INACTIVE)
  })

  it('introspects with no query and one RPC in a warm isolate', async () => {
    const watched = watch()
    const fetch = workerWith(watched.bindings)
    const { access_token: token } = await newPerson(fetch)
    const ask = () => ok(post(INTROSPECT, { token }, { ...own(), fetch }))
    await ask()
    watched.reset()
    expect(await ask()).toMatchObject({ active: true })
    expect(watched.counts).toEqual({ d1: 0, rpc: 1 })
  })

  it('answers 503 if the session cannot be checked, instead of reporting the token as inactive', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const watched = watch()
    const fetch = workerWith(watched.bindings)
    const { access_token: token } = await newPerson(fetch)
    const ask = () => post(INTROSPECT, { token }, { ...own(), fetch })
    await ok(ask())
    watched.fail('check', { before: true })
    const response = await ask()
    expect([response.status, response.headers.get('Retry-After')]).toEqual([503, '5'])
    expect(await response.json()).toMatchObject({ error: 'unavailable' })
  })

  it('accepts a known client for ten minutes while D1 is unavailable', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    freeze()
    const watched = watch()
    const fetch = workerWith(watched.bindings)
    const ask = () => post(INTROSPECT, { token: 'x' }, { ...own(), fetch })
    await ok(ask())
    watched.fail('first', { before: true })
    advance(599)
    await ok(ask())
    advance(1)
    expect((await refusedByOAuth(ask())).status).toBe(503)
  })
})
