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
  type Tokens,
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
  type RegisteredClient,
  refusedByOAuth,
  withWrongSecret,
} from '../support/oauth.ts'

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

  it('ends a session by its access token', async () => {
    const { access_token, refresh_token } = await newPerson()
    const answer = await revoke(access_token)
    expect([answer.status, await answer.text()]).toEqual([200, ''])
    expect(await isAlive(access_token)).toBe(false)
    expect((await refused(refresh(refresh_token))).code).toBe('invalid_refresh_token')
  })

  it('ends a session by a refresh token of any generation, whatever hint is sent', async () => {
    const { access_token, refresh_token } = await newPerson()
    await ok(refresh(refresh_token))
    const answer = await revoke(refresh_token, { ...PUBLIC_CLIENT, token_type_hint: 'access_token' })
    expect(answer.status).toBe(200)
    expect(await isAlive(access_token)).toBe(false)
  })

  it('ends a session that began before the service had another CLIENT_ID', async () => {
    const { access_token, refresh_token } = await newPerson()
    const fetch = workerWith({ CLIENT_ID: 'app' })
    for (const token of [refresh_token, access_token]) {
      expect((await post(REVOKE, { token, client_id: 'app' }, { fetch })).status).toBe(200)
      expect(await isAlive(access_token)).toBe(false)
    }
  })

  it('ends no other session', async () => {
    const { access_token, name } = await newPerson()
    const other = await ok<Tokens>(
      call('POST', '/auth/login', { body: { identifier: name, password: 'correct horse battery staple' } }),
    )
    await revoke(other.access_token)
    expect(await isAlive(access_token)).toBe(true)
  })

  it('answers 200 to what is not valid, and to what was revoked before (RFC 7009 section 2.2)', async () => {
    const { access_token, refresh_token } = await newPerson()
    for (const token of [access_token, access_token, refresh_token, 'x', 'a.b.c', `${refresh_token}A`]) {
      expect((await revoke(token)).status).toBe(200)
    }
  })

  it('ends nothing by a token that was forged or has expired', async () => {
    const { access_token } = await newPerson()
    await revoke(`${access_token.slice(0, -4)}AAAA`)
    freeze(Date.now() + 601_000)
    await revoke(access_token)
    thaw()
    expect(await isAlive(access_token)).toBe(true)
  })

  it.each(['access_token', 'refresh_token'] as const)(
    'refuses an %s to a client that it was not issued to, and ends nothing',
    async (kind) => {
      const tokens = await newPerson()
      const asked = post(REVOKE, { token: tokens[kind] }, own())
      expect(await refusedByOAuth(asked)).toEqual({ status: 400, error: 'invalid_grant' })
      expect(await isAlive(tokens.access_token)).toBe(true)
    },
  )

  it.each<[string, object]>([
    ['nobody', {}],
    ['an unknown client', { client_id: 'another' }],
    ['a registered client without its secret', { client_id: 'registered' }],
    ['the public client with a secret', { ...PUBLIC_CLIENT, client_secret: 'x' }],
  ])('refuses %s, and ends nothing', async (_who, says) => {
    const { access_token } = await newPerson()
    const named =
      'client_id' in says && says.client_id === 'registered' ? { client_id: client.client_id } : says
    expect(await refusedByOAuth(revoke(access_token, named))).toEqual({
      status: 401,
      error: 'invalid_client',
    })
    expect(await isAlive(access_token)).toBe(true)
  })

  it('takes no count of the public client, which proves nothing', async () => {
    const from = newAddress()
    for (let failure = 1; failure <= 10; failure++) await wrong(from, REVOKE)
    expect((await post(REVOKE, { token: 'x', ...PUBLIC_CLIENT }, { from })).status).toBe(200)
  })

  it('is open to the pages of the configured origins', async () => {
    const { access_token: token } = await newPerson()
    const answer = await post(
      REVOKE,
      { token, ...PUBLIC_CLIENT },
      { headers: { Origin: 'https://app.example.test' } },
    )
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe('https://app.example.test')
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
    ['of no type', 'token=x', { 'Content-Type': '' }],
    ['of several parts', 'token=x', { 'Content-Type': 'multipart/form-data; boundary=x' }],
  ])('is refused with invalid_request: %s', async (_what, parameters, headers) => {
    expect(await refusedByOAuth(asked(parameters, headers))).toEqual({
      status: 400,
      error: 'invalid_request',
    })
  })

  it('is refused when it is longer than 16,384 bytes', async () => {
    expect(
      await ok(asked(`token=${'x'.repeat(16_378)}`).then((answer) => new Response('{}', answer))),
    ).toEqual({})
    expect((await refusedByOAuth(asked(`token=${'x'.repeat(16_379)}`))).status).toBe(413)
  })

  it('is refused when its body breaks off', async () => {
    const body = new ReadableStream({ start: (controller) => controller.error(new Error('gone')) })
    const headers = { ...own().headers, 'Content-Type': 'application/x-www-form-urlencoded' }
    const broken = workerWith({})(new Request(PUBLIC_URL + path, { method: 'POST', body, headers }))
    expect(await refusedByOAuth(broken)).toEqual({ status: 400, error: 'invalid_request' })
  })

  it('is a POST', async () => {
    const answer = await call('GET', path)
    expect([answer.status, answer.headers.get('Allow')]).toEqual([405, 'POST'])
    expect(await answer.json()).toMatchObject({ error: 'method_not_allowed' })
  })

  it('names no secret and no token in its errors, or in the log', async () => {
    const lines: string[] = []
    for (const level of ['info', 'warn', 'error'] as const)
      vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(line))
    const { access_token } = await newPerson()
    const texts = await Promise.all(
      [
        post(path, { token: access_token }, { headers: basic(client.client_id, 'the secret of somebody') }),
        post(path, { token: access_token }, own()),
      ].map(async (answer) => (await answer).text()),
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
  ])('introspects with %s', async (_method, authentication) => {
    const { access_token, user } = await newPerson()
    const { client_id, client_secret } = client
    const ask = async (token: string) => {
      const proof = authentication(client_secret)
      const answer = await oauth.introspectionRequest(server, { client_id }, proof, token, options)
      return oauth.processIntrospectionResponse(server, { client_id }, answer)
    }
    expect(await ask(access_token)).toMatchObject({ active: true, sub: user.id })
    expect(await ask('x')).toEqual(INACTIVE)
  })

  it('revokes as the public client', async () => {
    const { access_token, refresh_token } = await newPerson()
    const answer = await oauth.revocationRequest(server, PUBLIC_CLIENT, oauth.None(), refresh_token, options)
    await oauth.processRevocationResponse(answer)
    expect(await isAlive(access_token)).toBe(false)
  })

  it('reads the errors', async () => {
    const { client_id } = client
    const guess = oauth.ClientSecretBasic('a guess')
    const answer = await oauth.introspectionRequest(server, { client_id }, guess, 'x', options)
    await expect(oauth.processIntrospectionResponse(server, { client_id }, answer)).rejects.toThrow(
      oauth.WWWAuthenticateChallengeError,
    )
    const proof = oauth.ClientSecretBasic(client.client_secret)
    const { access_token } = await newPerson()
    const other = await oauth.revocationRequest(server, { client_id }, proof, access_token, options)
    await expect(oauth.processRevocationResponse(other)).rejects.toMatchObject({ error: 'invalid_grant' })
  })
})
