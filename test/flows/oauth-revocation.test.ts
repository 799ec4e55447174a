/** Revocation (RFC 7009), what it shares with introspection, and both by a third-party library. */

import * as oauth from 'oauth4webapi'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  call,
  isAlive,
  newAddress,
  newPerson,
  ok,
  PUBLIC_URL,
  refresh,
  refused,
  worker,
  workerWith,
} from '../support/client.ts'
import { freeze, thaw } from '../support/clock.ts'
import {
  authenticated,
  basic,
  INACTIVE,
  INTROSPECT,
  newClient,
  PUBLIC_CLIENT,
  post,
  REVOKE,
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
const wrong = (from: string, path = INTROSPECT) => withWrongSecret(client, from, path)

describe('POST /oauth2/revoke', () => {
  const revoke = (token: string, more: object = PUBLIC_CLIENT) => post(REVOKE, { token, ...more })

  it('ends the session of a revoked access token', async () => {
    const { access_token, refresh_token } = await newPerson()
    const response = await revoke(access_token)
    expect([response.status, await response.text()]).toEqual([200, ''])
    expect(await isAlive(access_token)).toBe(false)
    expect((await refused(refresh(refresh_token))).code).toBe('invalid_refresh_token')
  })

  it('ends the session of a revoked refresh token of any generation, whatever the hint', async () => {
    const { access_token, refresh_token } = await newPerson()
    await ok(refresh(refresh_token))
    const response = await revoke(refresh_token, { ...PUBLIC_CLIENT, token_type_hint: 'access_token' })
    expect(response.status).toBe(200)
    expect(await isAlive(access_token)).toBe(false)
  })

  it('ends a session that was opened under an earlier CLIENT_ID', async () => {
    const { access_token, refresh_token } = await newPerson()
    const fetch = workerWith({ CLIENT_ID: 'app' })
    for (const token of [refresh_token, access_token]) {
      expect((await post(REVOKE, { token, client_id: 'app' }, { fetch })).status).toBe(200)
      expect(await isAlive(access_token)).toBe(false)
    }
  })

  it('ends no session but that of the revoked token', async () => {
    const { access_token, name } = await newPerson()
    const other = await ok<Tokens>(
      call('POST', '/auth/login', { body: { identifier: name, password: 'correct horse battery staple' } }),
    )
    await revoke(other.access_token)
    expect(await isAlive(access_token)).toBe(true)
  })

  it('answers 200 to a token that is invalid or already revoked (RFC 7009 section 2.2)', async () => {
    const { access_token, refresh_token } = await newPerson()
    for (const token of [access_token, access_token, refresh_token, 'x', 'a.b.c', `${refresh_token}A`]) {
      expect((await revoke(token)).status).toBe(200)
    }
  })

  it('ends no session when a forged or expired token is revoked', async () => {
    const { access_token } = await newPerson()
    await revoke(`${access_token.slice(0, -4)}AAAA`)
    freeze(Date.now() + 601_000)
    await revoke(access_token)
    thaw()
    expect(await isAlive(access_token)).toBe(true)
  })

  it.each(['access_token', 'refresh_token'] as const)(
    'rejects revocation of an %s by another client, and ends no session',
    async (kind) => {
      const tokens = await newPerson()
      const asked = post(REVOKE, { token: tokens[kind] }, own())
      expect(await refusedByOAuth(asked)).toEqual({ status: 400, error: 'invalid_grant' })
      expect(await isAlive(tokens.access_token)).toBe(true)
    },
  )

  it.each<[string, object]>([
    ['no client', {}],
    ['an unknown client', { client_id: 'another' }],
    ['a registered client without its secret', { client_id: 'registered' }],
    ['the public client with a secret', { ...PUBLIC_CLIENT, client_secret: 'x' }],
  ])('rejects a revocation by %s, and ends no session', async (_who, says) => {
    const { access_token } = await newPerson()
    const named =
      'client_id' in says && says.client_id === 'registered' ? { client_id: client.client_id } : says
    expect(await refusedByOAuth(revoke(access_token, named))).toEqual({
      status: 401,
      error: 'invalid_client',
    })
    expect(await isAlive(access_token)).toBe(true)
  })

  it('does not block the public client after failures, since it has no secret to guess', async () => {
    const from = newAddress()
    for (let failure = 1; failure <= 10; failure++) await wrong(from, REVOKE)
    expect((await post(REVOKE, { token: 'x', ...PUBLIC_CLIENT }, { from })).status).toBe(200)
  })

  it('allows pages of the configured origins to revoke tokens', async () => {
    const { access_token: token } = await newPerson()
    const response = await post(
      REVOKE,
      { token, ...PUBLIC_CLIENT },
      { headers: { Origin: 'https://app.example.test' } },
    )
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe('https://app.example.test')
  })
})

describe.each([INTROSPECT, REVOKE])('a request to %s', (path) => {
  const asked = (parameters: string, headers: Record<string, string> = {}) =>
    post(path, parameters, { headers: { ...own().headers, ...headers } })

  it.each<[string, string, Record<string, string>?]>([
    ['without a token', ''],
    ['with an empty token', 'token='],
    ['with two tokens', 'token=x&token=y'],
    ['with the same parameter twice', 'token=x&unknown=1&unknown=2'],
    ['that authenticates in two ways', 'token=x&client_secret=x'],
    ['that names two clients', 'token=x&client_id=another'],
    ['in JSON', '{"token":"x"}', { 'Content-Type': 'application/json' }],
    ['without a media type', 'token=x', { 'Content-Type': '' }],
    ['as multipart/form-data', 'token=x', { 'Content-Type': 'multipart/form-data; boundary=x' }],
  ])('rejects an OAuth request %s with invalid_request', async (_what, parameters, headers) => {
    expect(await refusedByOAuth(asked(parameters, headers))).toEqual({
      status: 400,
      error: 'invalid_request',
    })
  })

  it('rejects an OAuth request of more than 16,384 bytes', async () => {
    expect(
      await ok(asked(`token=${'x'.repeat(16_378)}`).then((response) => new Response('{}', response))),
    ).toEqual({})
    expect((await refusedByOAuth(asked(`token=${'x'.repeat(16_379)}`))).status).toBe(413)
  })

  it('rejects an OAuth request whose body breaks off', async () => {
    const body = new ReadableStream({ start: (controller) => controller.error(new Error('gone')) })
    const headers = { ...own().headers, 'Content-Type': 'application/x-www-form-urlencoded' }
    const broken = workerWith({})(new Request(PUBLIC_URL + path, { method: 'POST', body, headers }))
    expect(await refusedByOAuth(broken)).toEqual({ status: 400, error: 'invalid_request' })
  })

  it('answers 405 to an OAuth request by GET', async () => {
    const response = await call('GET', path)
    expect([response.status, response.headers.get('Allow')]).toEqual([405, 'POST'])
    expect(await response.json()).toMatchObject({ error: 'method_not_allowed' })
  })

  it('names no secret in OAuth errors and no secret or token in the log', async () => {
    const lines: string[] = []
    for (const level of ['info', 'warn', 'error'] as const)
      vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(line))
    const { access_token } = await newPerson()
    const texts = await Promise.all(
      [
        post(path, { token: access_token }, { headers: basic(client.client_id, 'the secret of somebody') }),
        post(path, { token: access_token }, own()),
      ].map(async (response) => (await response).text()),
    )
    expect(lines.join() + texts.join()).not.toContain('the secret of somebody')
    expect(lines.join()).not.toContain(access_token)
    expect(lines.join()).not.toContain(client.client_secret)
    expect(lines.join()).toContain(client.client_id)
  })
})

describe('oauth4webapi', () => {
  const server: oauth.AuthorizationServer = {
    issuer: PUBLIC_URL,
    introspection_endpoint: PUBLIC_URL + INTROSPECT,
    revocation_endpoint: PUBLIC_URL + REVOKE,
  }
  const from = newAddress()
  const options = {
    [oauth.customFetch]: (url: string, init: RequestInit) => worker(new Request(url, init)),
    headers: { 'CF-Connecting-IP': from },
  }

  it.each([
    ['client_secret_basic', oauth.ClientSecretBasic],
    ['client_secret_post', oauth.ClientSecretPost],
  ])('introspects by oauth4webapi with %s', async (_method, authentication) => {
    const { access_token, user } = await newPerson()
    const { client_id, client_secret } = client
    const ask = async (token: string) => {
      const proof = authentication(client_secret)
      const response = await oauth.introspectionRequest(server, { client_id }, proof, token, options)
      return oauth.processIntrospectionResponse(server, { client_id }, response)
    }
    expect(await ask(access_token)).toMatchObject({ active: true, sub: user.id })
    expect(await ask('x')).toEqual(INACTIVE)
  })

  it('revokes by oauth4webapi as the public client', async () => {
    const { access_token, refresh_token } = await newPerson()
    const response = await oauth.revocationRequest(
      server,
      PUBLIC_CLIENT,
      oauth.None(),
      refresh_token,
      options,
    )
    await oauth.processRevocationResponse(response)
    expect(await isAlive(access_token)).toBe(false)
  })

  it('returns OAuth errors that oauth4webapi understands', async () => {
    const { client_id } = client
    const guess = oauth.ClientSecretBasic('a guess')
    const response = await oauth.introspectionRequest(server, { client_id }, guess, 'x', options)
    await expect(oauth.processIntrospectionResponse(server, { client_id }, response)).rejects.toThrow(
      oauth.WWWAuthenticateChallengeError,
    )
    const proof = oauth.ClientSecretBasic(client.client_secret)
    const { access_token } = await newPerson()
    const other = await oauth.revocationRequest(server, { client_id }, proof, access_token, options)
    await expect(oauth.processRevocationResponse(other)).rejects.toMatchObject({ error: 'invalid_grant' })
  })
})
