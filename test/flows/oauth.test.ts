/** Introspection (RFC 7662) and revocation (RFC 7009), by bytes and by a client that others wrote. */
import { env } from 'cloudflare:workers'
import { decodeJwt } from 'jose'
import * as oauth from 'oauth4webapi'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { admin } from '../support/admin.ts'
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
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { basic, newClient, post, type RegisteredClient, refusedByOAuth } from '../support/oauth.ts'

const INTROSPECT = '/oauth2/introspect'
const REVOKE = '/oauth2/revoke'
const INACTIVE = { active: false }
const PUBLIC = { client_id: 'gatehouse' }

let client: RegisteredClient
beforeAll(async () => {
  client = await newClient({ client_name: 'orders' })
})
afterEach(() => {
  thaw()
  vi.restoreAllMocks()
})

const own = () => ({ headers: basic(client.client_id, client.client_secret) })
const introspect = (token: string) => ok<Record<string, unknown>>(post(INTROSPECT, { token }, own()))
const wrong = (from: string, path = INTROSPECT) =>
  post(path, { token: 'x' }, { headers: basic(client.client_id, 'a guess'), from })

describe('POST /oauth2/introspect', () => {
  it('says what an access token says, and what its session and account are now', async () => {
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

  it('says roles and scopes that the account still has, and not that a claim of its account stands for what is asked', async () => {
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

  it('says that a token is not active, and nothing else, once its session has ended', async () => {
    const { access_token } = await newPerson()
    expect((await call('POST', '/auth/logout', { bearer: access_token })).status).toBe(204)
    expect(await introspect(access_token)).toEqual(INACTIVE)
  })

  it('says so of one that has expired, that was forged, or whose account is gone or disabled', async () => {
    const [expired, disabled] = [await newPerson(), await newPerson()]
    await ok(admin('PATCH', `/admin/users/${disabled.user.id}`, { disabled: true }))
    expect(await introspect(disabled.access_token)).toEqual(INACTIVE)
    expect(await introspect(`${expired.access_token.slice(0, -4)}AAAA`)).toEqual(INACTIVE)
    freeze(Date.now() + 601_000)
    expect(await introspect(expired.access_token)).toEqual(INACTIVE)
  })

  it.each(['x', 'a.b.c', '\u0000', '🔑', 'x'.repeat(10_000)])('says so of garbage: %j', async (token) => {
    expect(await introspect(token)).toEqual(INACTIVE)
  })

  it('says so of a refresh token, whatever hint is sent', async () => {
    const { refresh_token: token } = await newPerson()
    expect(await introspect(token)).toEqual(INACTIVE)
    const hinted = { token, token_type_hint: 'refresh_token' }
    expect(await ok(post(INTROSPECT, hinted, own()))).toEqual(INACTIVE)
  })

  it('takes the secret by Basic and in the form, and ignores parameters that it does not know', async () => {
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
    ['nobody', () => post(INTROSPECT, { token: 'x' })],
    ['the public client', () => post(INTROSPECT, { token: 'x', ...PUBLIC })],
    [
      'the public client with a secret',
      () => post(INTROSPECT, { token: 'x', ...PUBLIC, client_secret: 'x' }),
    ],
    [
      'an unknown client',
      () => post(INTROSPECT, { token: 'x' }, { headers: basic(crypto.randomUUID(), 'x') }),
    ],
    ['a client that could not be', () => post(INTROSPECT, { token: 'x' }, { headers: basic('x', 'x') })],
    ['a wrong secret', () => wrong(newAddress())],
    [
      'a secret a character longer',
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
      'a header that is no Basic',
      () => post(INTROSPECT, { token: 'x' }, { headers: { Authorization: 'Basic' } }),
    ],
    [
      'credentials that are no base64',
      () => post(INTROSPECT, { token: 'x' }, { headers: { Authorization: 'Basic *' } }),
    ],
    [
      'credentials without a colon',
      () => post(INTROSPECT, { token: 'x' }, { headers: { Authorization: `Basic ${btoa('x')}` } }),
    ],
    [
      'credentials that are no UTF-8',
      () => post(INTROSPECT, { token: 'x' }, { headers: { Authorization: `Basic ${btoa('\xff:x')}` } }),
    ],
    [
      'an access token as Bearer',
      async () => {
        const { access_token } = await newPerson()
        return post(INTROSPECT, { token: 'x' }, { headers: { Authorization: `Bearer ${access_token}` } })
      },
    ],
  ])('refuses %s with invalid_client and the scheme', async (_who, ask) => {
    const asked = ask()
    expect(await refusedByOAuth(asked)).toEqual({ status: 401, error: 'invalid_client' })
  })

  it('names the scheme and forbids caches where it refuses', async () => {
    const { headers } = await post(INTROSPECT, { token: 'x' })
    expect(headers.get('WWW-Authenticate')).toBe('Basic realm="gatehouse"')
    expect(headers.get('Cache-Control')).toBe('no-store')
  })

  it("tells a client whose audience is another's that a token is not active, and nothing else", async () => {
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

  it('tells a client of any audience what was issued to itself', async () => {
    const other = await newClient({ audience: 'https://orders.example.test' })
    const issuing = workerWith({ CLIENT_ID: other.client_id })
    const { access_token: token } = await newPerson(issuing)
    const headers = basic(other.client_id, other.client_secret)
    expect(await ok(post(INTROSPECT, { token }, { headers }))).toMatchObject({ active: true })
  })

  it('goes by the AUDIENCE of the service for a client that was given none, whatever that is by then', async () => {
    const moved = workerWith({ AUDIENCE: 'https://api.example.test' })
    const { access_token: token } = await newPerson(moved)
    expect(await ok(post(INTROSPECT, { token }, { ...own(), fetch: moved }))).toMatchObject({ active: true })
    const fixed = await newClient({ audience: PUBLIC_URL })
    const headers = basic(fixed.client_id, fixed.client_secret)
    expect(await ok(post(INTROSPECT, { token }, { headers, fetch: moved }))).toEqual(INACTIVE)
  })

  it('costs no query and one call of an object, warm: whether the session lives', async () => {
    const watched = watch()
    const fetch = workerWith(watched.bindings)
    const { access_token: token } = await newPerson(fetch)
    const ask = () => ok(post(INTROSPECT, { token }, { ...own(), fetch }))
    await ask()
    watched.reset()
    expect(await ask()).toMatchObject({ active: true })
    expect(watched.counts).toEqual({ d1: 0, rpc: 1 })
  })

  it('answers 503 where a part is out of reach, and not that a token is not active', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const watched = watch()
    const fetch = workerWith(watched.bindings)
    const { access_token: token } = await newPerson(fetch)
    const ask = () => post(INTROSPECT, { token }, { ...own(), fetch })
    await ok(ask())
    watched.fail('check', { before: true })
    const answer = await ask()
    expect([answer.status, answer.headers.get('Retry-After')]).toEqual([503, '5'])
    expect(await answer.json()).toMatchObject({ error: 'unavailable' })
  })

  it('goes on with a client that it knows while D1 is out of reach, for ten minutes', async () => {
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

describe('POST /oauth2/revoke', () => {
  const revoke = (token: string, more: object = PUBLIC) => post(REVOKE, { token, ...more })

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
    const answer = await revoke(refresh_token, { ...PUBLIC, token_type_hint: 'access_token' })
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
    ['the public client with a secret', { ...PUBLIC, client_secret: 'x' }],
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
    expect((await post(REVOKE, { token: 'x', ...PUBLIC }, { from })).status).toBe(200)
  })

  it('is open to the pages of the configured origins', async () => {
    const { access_token: token } = await newPerson()
    const answer = await post(
      REVOKE,
      { token, ...PUBLIC },
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

describe('failed client authentication', () => {
  const blocked = { status: 429, error: 'too_many_client_failures' }

  it('blocks an address after ten in five minutes, and other addresses not', async () => {
    freeze()
    const from = newAddress()
    for (let failure = 1; failure <= 10; failure++) {
      expect((await refusedByOAuth(wrong(from))).error).toBe('invalid_client')
    }
    expect(await refusedByOAuth(wrong(from, REVOKE))).toEqual(blocked)
    expect((await wrong(from)).headers.get('Retry-After')).toBe('300')
    expect((await refusedByOAuth(wrong(newAddress()))).error).toBe('invalid_client')
    advance(299)
    expect(await refusedByOAuth(wrong(from))).toEqual(blocked)
    advance(1)
    expect((await refusedByOAuth(wrong(from))).error).toBe('invalid_client')
  })

  it('never refuses a right secret from a blocked address, at either call, in either place of the secret', async () => {
    const from = newAddress()
    for (let failure = 1; failure <= 11; failure++) await wrong(from)
    const { client_id, client_secret } = client
    for (const path of [INTROSPECT, REVOKE]) {
      expect((await post(path, { token: 'x' }, { ...own(), from })).status).toBe(200)
      expect((await post(path, { token: 'x', client_id, client_secret }, { from })).status).toBe(200)
    }
    expect(await refusedByOAuth(wrong(from))).toEqual(blocked)
  })

  it('asks no counter about a right secret', async () => {
    const watched = watch()
    const fetch = workerWith(watched.bindings)
    for (const part of ['look', 'reserve', 'settle']) watched.fail(part, { before: true })
    expect((await post(INTROSPECT, { token: 'x' }, { ...own(), fetch })).status).toBe(200)
  })

  it('costs one call of the counter, and none past the threshold for five seconds', async () => {
    freeze()
    const watched = watch()
    const fetch = workerWith(watched.bindings)
    const from = newAddress()
    const guess = () =>
      post(INTROSPECT, { token: 'x' }, { headers: basic(client.client_id, 'a guess'), from, fetch })
    await guess()
    watched.reset()
    await guess()
    expect(watched.counts).toEqual({ d1: 0, rpc: 1 })
    for (let failure = 3; failure <= 11; failure++) await guess()
    watched.reset()
    advance(4)
    const known = await guess()
    expect([known.status, known.headers.get('Retry-After')]).toEqual([429, '296'])
    expect(watched.counts).toEqual({ d1: 0, rpc: 0 })
    advance(1)
    expect(await refusedByOAuth(guess())).toEqual(blocked)
    expect(watched.counts).toEqual({ d1: 0, rpc: 1 })
  })

  it('costs as much for an id that no client has as for a wrong secret', async () => {
    const watched = watch()
    const fetch = workerWith(watched.bindings)
    const digest = vi.spyOn(crypto.subtle, 'digest')
    const costs = async (clientId: string) => {
      const guess = () => post(INTROSPECT, { token: 'x' }, { headers: basic(clientId, 'a guess'), fetch })
      await guess()
      watched.reset()
      digest.mockClear()
      expect(await refusedByOAuth(guess())).toEqual({ status: 401, error: 'invalid_client' })
      return { ...watched.counts, digests: digest.mock.calls.length }
    }
    const wrongSecret = await costs(client.client_id)
    expect(wrongSecret).toEqual({ d1: 0, rpc: 1, digests: 1 })
    expect(await costs(crypto.randomUUID())).toEqual(wrongSecret)
    expect(await costs('x')).toEqual(wrongSecret)
  })

  it('is told to exactly ten, however many come at once', async () => {
    const from = newAddress()
    const all = await Promise.all(Array.from({ length: 40 }, () => refusedByOAuth(wrong(from))))
    expect(all.filter(({ error }) => error === 'invalid_client')).toHaveLength(10)
    expect(all.filter(({ status }) => status === 429)).toHaveLength(30)
  })

  it('is not cleared by a right secret, nor made by one, however many at once', async () => {
    const from = newAddress()
    for (let failure = 1; failure <= 9; failure++) await wrong(from)
    const right = await Promise.all(
      Array.from({ length: 60 }, () => post(INTROSPECT, { token: 'x' }, { ...own(), from })),
    )
    expect(new Set(right.map(({ status }) => status))).toEqual(new Set([200]))
    expect((await refusedByOAuth(wrong(from))).error).toBe('invalid_client')
    expect(await refusedByOAuth(wrong(from))).toEqual(blocked)
  })

  it('is none where no secret was sent: libraries that wait for the challenge first block nobody', async () => {
    const from = newAddress()
    for (let request = 1; request <= 11; request++) {
      const bare = request % 2 === 0 ? {} : { client_id: client.client_id }
      const asked = post(INTROSPECT, { token: 'x', ...bare }, { from })
      expect((await refusedByOAuth(asked)).error).toBe('invalid_client')
      expect((await post(INTROSPECT, { token: 'x' }, { ...own(), from })).status).toBe(200)
    }
  })

  it('is counted at the address that all foreign Workers share, and blocks no right secret there', async () => {
    const from = '2a06:98c0:3600::1'
    for (let failure = 1; failure <= 10; failure++) await wrong(from)
    expect(await refusedByOAuth(wrong(from))).toEqual(blocked)
    const right = await post(INTROSPECT, { token: 'x' }, { ...own(), from: '2a06:98c0:3600::103' })
    expect(right.status).toBe(200)
  })

  it('costs no query for an id that no client could have', async () => {
    const watched = watch()
    const fetch = workerWith(watched.bindings)
    const ask = () => post(INTROSPECT, { token: 'x' }, { headers: basic('x', 'y'), fetch })
    await ask()
    watched.reset()
    await refusedByOAuth(ask())
    expect(watched.counts.d1).toBe(0)
  })

  it('needs to know where it comes from, and a right secret does not', async () => {
    const ask = (headers: Record<string, string>) =>
      worker(
        new Request(PUBLIC_URL + INTROSPECT, {
          method: 'POST',
          body: new URLSearchParams({ token: 'x' }),
          headers,
        }),
      )
    const answer = await ask(basic(client.client_id, 'a guess'))
    expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'client_ip_unknown' }])
    expect((await ask(own().headers)).status).toBe(200)
  })

  it('is not counted where the rule is off', async () => {
    const fetch = workerWith({ LIMITS: { client_failures_per_ip: { enabled: false } } })
    const from = newAddress()
    const fails = Array.from({ length: 12 }, () =>
      post(INTROSPECT, { token: 'x' }, { headers: basic(client.client_id, 'a guess'), from, fetch }),
    )
    expect(new Set((await Promise.all(fails)).map(({ status }) => status))).toEqual(new Set([401]))
  })

  it('is told to nobody where it cannot be counted', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const watched = watch()
    const fetch = workerWith(watched.bindings)
    await ok(post(INTROSPECT, { token: 'x' }, { ...own(), fetch }))
    watched.fail('settle', { before: true })
    const asked = post(INTROSPECT, { token: 'x' }, { headers: basic(client.client_id, 'a guess'), fetch })
    expect(await refusedByOAuth(asked)).toEqual({ status: 503, error: 'unavailable' })
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
    const answer = await oauth.revocationRequest(server, PUBLIC, oauth.None(), refresh_token, options)
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
