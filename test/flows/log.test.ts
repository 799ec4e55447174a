import { env } from 'cloudflare:workers'
import { base64url, decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ADMIN_TOKEN, admin, newOperator } from '../support/admin.ts'
import { Browser } from '../support/browser.ts'
import {
  type Call,
  call,
  logIn,
  newAddress,
  newName,
  newPerson,
  ok,
  refresh,
  refused,
  PASSWORD as THEIR_PASSWORD,
  type Tokens,
  workerWith,
} from '../support/client.ts'
import { advance, FROZEN_MS, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { basic, newClient, post } from '../support/oauth.ts'
import { solve } from '../support/solver.ts'

const LEVELS = ['log', 'debug', 'info', 'warn', 'error'] as const
const PASSWORD = 'a password nobody may read'
const NEW_PASSWORD = 'another password nobody may read'
const ADDRESS = '203.0.113.77'

let lines: string[] = []

beforeEach(() => {
  lines = []
  for (const level of LEVELS) {
    vi.spyOn(console, level).mockImplementation(
      (...parts: unknown[]) => void lines.push(parts.map(String).join(' ')),
    )
  }
})
afterEach(() => {
  thaw()
  vi.restoreAllMocks()
})

/** The line of the request that was made last. */
const lastRequest = () => requests().at(-1)

const requests = () => lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'request')

describe('the log', () => {
  it('has one JSON line for each request, with the route and not what a client wrote', async () => {
    await call('DELETE', '/auth/sessions/a-secret-in-a-path?token=a-secret-in-a-query')
    expect(requests()).toEqual([
      {
        level: 'info',
        event: 'request',
        request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        method: 'DELETE',
        route: '/auth/sessions/:id',
        status: 401,
        code: 'invalid_token',
        duration_ms: expect.any(Number),
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      },
    ])
    expect(lines.join()).not.toContain('a-secret')
  })

  it('has the time of each line, in UTC and milliseconds, faults too', async () => {
    freeze(FROZEN_MS + 7)
    const watched = watch()
    watched.fail('first', { before: true })
    await call('GET', '/healthz', {}, workerWith(watched.bindings))
    const times = lines.map((line) => JSON.parse(line).time)
    expect(times).toEqual(Array(2).fill('2096-10-02T07:06:40.007Z'))
  })

  it('has none for a request that /auth/verify lets through, and one for what it refuses', async () => {
    const { access_token: bearer } = await newPerson()
    lines = []
    expect((await call('GET', '/auth/verify', { bearer })).status).toBe(200)
    expect(lines).toEqual([])
    expect((await call('GET', '/auth/verify?roles=editor', { bearer })).status).toBe(403)
    expect((await call('GET', '/auth/verify')).status).toBe(401)
    expect(requests().map(({ code }) => code)).toEqual(['insufficient_scope', 'invalid_token'])
  })

  it('names the account where it is known', async () => {
    const { access_token, refresh_token, user } = await newPerson()
    await ok(call('GET', '/auth/me', { bearer: access_token }))
    await ok(call('POST', '/auth/logout', { body: { refresh_token } }), 204)
    const [registered, me, loggedOut] = requests()
    expect(loggedOut).toMatchObject({ route: '/auth/logout', status: 204, account_id: user.id })
    expect(registered).toMatchObject({ route: '/auth/register', status: 201, account_id: user.id })
    expect(me).toMatchObject({ route: '/auth/me', status: 200, account_id: user.id })
  })

  it('and the answer share a request id: the CF-Ray, never what a client sends for one', async () => {
    const ray = await call('GET', '/healthz', { headers: { 'CF-Ray': '8a-FRA', 'X-Request-Id': 'mine' } })
    const random = await call('GET', '/healthz', { headers: { 'X-Request-Id': 'mine' } })
    const long = await call('GET', '/healthz', { headers: { 'CF-Ray': 'a'.repeat(65) } })
    const odd = await call('GET', '/healthz', { headers: { 'CF-Ray': '8a FRA' } })
    const ids = [ray, random, long, odd].map(({ headers }) => headers.get('X-Request-Id'))
    expect(ids[0]).toBe('8a-FRA')
    for (const id of ids.slice(1)) expect(id).toMatch(/^[0-9a-f-]{36}$/)
    expect(requests().map(({ request_id }) => request_id)).toEqual(ids)
  })

  it('says why a dependency failed, with the request id of the answer', async () => {
    const watched = watch()
    watched.fail('first', { before: true })
    const answer = await call('GET', '/healthz', {}, workerWith(watched.bindings))
    const fault = lines.map((line) => JSON.parse(line)).find(({ event }) => event === 'unavailable')
    expect(fault).toMatchObject({
      level: 'error',
      request_id: answer.headers.get('X-Request-Id'),
      error: { name: 'Error', message: 'first: out of reach' },
    })
  })

  it('has no password, token, secret or address in a whole flow, its refusals and its faults', async () => {
    const watched = watch()
    const worker = workerWith({
      ...watched.bindings,
      PASSWORD_PEPPER: 'a pepper nobody may read, long enough',
    })
    const username = newName()
    const email = `${username}@nobody-may-read.example`
    const headers = { 'CF-Connecting-IP': ADDRESS }
    const post = (path: string, body: object, from = {}) =>
      call('POST', path, { body, headers: from }, worker)
    const first = await ok<Tokens>(post('/auth/register', { username, email, password: PASSWORD }), 201)
    const second = await ok<Tokens>(post('/auth/login', { identifier: email, password: PASSWORD }))
    const third = await ok<Tokens>(post('/auth/refresh', { refresh_token: second.refresh_token }))
    const bearer = third.access_token
    const change = { current_password: PASSWORD, new_password: NEW_PASSWORD }
    const fourth = await ok<Tokens>(call('PUT', '/auth/me/password', { bearer, body: change }, worker))
    await refused(post('/auth/register', { username, password: PASSWORD }))
    await refused(post('/auth/register', { username, password: PASSWORD, [PASSWORD]: first.access_token }))
    await refused(post('/auth/login', { identifier: email, password: `${PASSWORD} and wrong` }))
    await refused(post('/auth/refresh', { refresh_token: first.refresh_token }))
    await refused(call('GET', '/auth/me', { bearer: `${bearer}x` }, worker))
    await refused(call('POST', '/auth/login', { body: `{"password":"${PASSWORD}"` }, worker))
    await refused(call('GET', `/${PASSWORD}?${bearer}`, {}, worker))
    const guess = { identifier: email, password: `${PASSWORD} and wrong` }
    for (let guesses = 1; guesses <= 3; guesses++) await refused(post('/auth/login', guess, headers))
    const answer = await solve((await refused(post('/auth/login', guess, headers))).challenge)
    for (const challenge of [answer, answer])
      await refused(post('/auth/login', { ...guess, challenge }, headers))
    const admin = { bearer: String(env.ADMIN_TOKEN), body: { rules: {} } }
    await ok(call('PUT', '/admin/limits', admin, worker))
    await refused(call('PUT', '/admin/limits', { ...admin, bearer: `${admin.bearer}x` }, worker))
    for (const name of [
      'batch',
      'run',
      'all',
      'first',
      'open',
      'rotate',
      'check',
      'tell',
      'reserve',
      'settle',
    ]) {
      watched.fail(name, { before: true })
      await post('/auth/register', { username: newName(), password: PASSWORD })
      await post('/auth/login', { identifier: email, password: NEW_PASSWORD })
      await post('/auth/refresh', { refresh_token: fourth.refresh_token })
      await call('GET', '/auth/me', { bearer: fourth.access_token }, worker)
      watched.mend()
    }
    const leave = { current_password: NEW_PASSWORD }
    await ok(call('DELETE', '/auth/me', { bearer: fourth.access_token, body: leave }, worker), 204)
    const tokens = [first, second, third, fourth].flatMap((each) => [each.access_token, each.refresh_token])
    const written = lines.join('\n')
    expect(requests()).toHaveLength(60)
    const secrets = [
      PASSWORD,
      NEW_PASSWORD,
      'nobody',
      username,
      env.AUTH_SECRET,
      env.ADMIN_TOKEN,
      ADDRESS,
      answer,
    ]
    for (const secret of [...secrets, ...tokens].map(String)) {
      expect(written).not.toContain(secret)
    }
    expect(written).not.toMatch(/eyJ[A-Za-z0-9_-]{10}/)
  })

  it('has nothing of what pages are sent, either, nor of the cookies that they set', async () => {
    const browser = new Browser({ 'CF-Connecting-IP': ADDRESS })
    const name = newName()
    await browser.send('/register', { identifier: name, password: PASSWORD })
    const cookies = ['__Host-gatehouse_pages', '__Secure-gatehouse_refresh'].map((cookie) =>
      browser.cookie(cookie),
    )
    await browser.send('/account/password', {
      current_password: `${PASSWORD} and wrong`,
      new_password: NEW_PASSWORD,
    })
    await browser.send('/account/password', { current_password: PASSWORD, new_password: NEW_PASSWORD })
    await browser.open('/account')
    await browser.send('/logout', {})
    await browser.send('/login?return_to=https://app.example.test/nobody', {
      identifier: name,
      password: PASSWORD,
    })
    expect(requests().length).toBeGreaterThan(7)
    for (const secret of [PASSWORD, NEW_PASSWORD, name, ADDRESS, 'return_to', ...cookies].map(String)) {
      expect(lines.join('\n')).not.toContain(secret)
    }
  })
})

describe('the line of a failed login', () => {
  const guessAt = (identifier: string, from = newAddress(), password = 'a guess') =>
    call('POST', '/auth/login', {
      body: { identifier, password },
      headers: { 'CF-Connecting-IP': from },
    })

  it('names the account where there is one, and the response does not differ', async () => {
    const { name, user } = await newPerson()
    const known = await guessAt(name)
    expect(lastRequest()).toMatchObject({ status: 401, code: 'invalid_credentials', account_id: user.id })
    const unknown = await guessAt(newName())
    expect(lastRequest()).toMatchObject({ status: 401, code: 'invalid_credentials' })
    expect(lastRequest()).not.toHaveProperty('account_id')
    expect(await known.text()).toBe(await unknown.text())
    const namesOf = ({ headers }: Response) => [...headers.keys()]
    expect(namesOf(known)).toEqual(namesOf(unknown))
  })

  it('names the account of a disabled one, and of a changed, deleted or kept account by Bearer', async () => {
    const { name, user, access_token: bearer } = await newPerson()
    const wrong = { current_password: 'a guess' }
    for (const [method, path, body] of [
      ['PATCH', '/auth/me', { ...wrong, username: newName() }],
      ['PUT', '/auth/me/password', { ...wrong, new_password: NEW_PASSWORD }],
      ['DELETE', '/auth/me', wrong],
    ] as const) {
      await refused(call(method, path, { bearer, body }))
      expect(lastRequest()).toMatchObject({ code: 'invalid_credentials', account_id: user.id })
      expect(lastRequest()).toHaveProperty('identifier_digest')
    }
    await ok(admin('PATCH', `/admin/users/${user.id}`, { disabled: true }))
    await guessAt(name, newAddress(), THEIR_PASSWORD)
    expect(lastRequest()).toMatchObject({ status: 403, code: 'account_disabled', account_id: user.id })
  })

  it('says the same of one address and of one identifier, and nothing by which they are found', async () => {
    const [from, other] = [newAddress(), newAddress()]
    const name = newName()
    await guessAt(name, from)
    await guessAt(name.toUpperCase(), other)
    await guessAt(newName(), from)
    const [first, second, third] = requests()
    expect(first.identifier_digest).toMatch(/^[\w-]{16}$/)
    expect(first.address_digest).toMatch(/^[\w-]{16}$/)
    expect(second.identifier_digest).toBe(first.identifier_digest)
    expect(second.address_digest).not.toBe(first.address_digest)
    expect(third.address_digest).toBe(first.address_digest)
    expect(third.identifier_digest).not.toBe(first.identifier_digest)
  })

  it.each([
    ['203.0.113.7', 'client:203.0.113.7', 'Ada@Example.COM', 'identifier:email:ada@example.com'],
    ['2001:db8:1:2:3::4', 'client:2001:db8:1:2::/64', '+1 201 555 0123', 'identifier:phone:+12015550123'],
    ['::ffff:203.0.113.7', 'client:203.0.113.7', 'ADA', 'identifier:username:ada'],
    ['203.0.113.7', 'client:203.0.113.7', '@', 'identifier:none:@'],
  ])('has digests that the naming key in D1 explains: %s', async (from, client, typed, identifier) => {
    const key = (await env.DB.prepare('SELECT key FROM naming_key').first<string>('key')) ?? ''
    const hash = { name: 'HMAC', hash: 'SHA-256' }
    const hmacKey = await crypto.subtle.importKey('raw', new TextEncoder().encode(key), hash, false, ['sign'])
    const digest = async (text: string) =>
      base64url
        .encode(new Uint8Array(await crypto.subtle.sign('HMAC', hmacKey, new TextEncoder().encode(text))))
        .slice(0, 16)
    await guessAt(typed, from)
    expect(lastRequest()).toMatchObject({
      address_digest: await digest(client),
      identifier_digest: await digest(identifier),
    })
  })

  it('goes on where the limits refuse, and in the pages', async () => {
    const from = newAddress()
    const { name, user } = await newPerson()
    for (let guess = 1; guess <= 4; guess++) await guessAt(name, from)
    const [, third, fourth] = requests().slice(-3)
    expect(fourth).toMatchObject({
      code: 'challenge_required',
      address_digest: third.address_digest,
      identifier_digest: third.identifier_digest,
    })
    await new Browser().send('/login', { identifier: name, password: 'a guess' })
    expect(lastRequest()).toMatchObject({
      route: '/login',
      code: 'invalid_credentials',
      account_id: user.id,
      identifier_digest: third.identifier_digest,
    })
  })

  it('costs no more round trips', async () => {
    const watched = watch()
    const worker = workerWith(watched.bindings)
    const { name } = await newPerson(worker)
    watched.reset()
    expect((await logIn(name, 'a guess', worker)).status).toBe(401)
    // Two counters are asked and told, and the primary is read before anybody is refused.
    expect(watched.counts).toEqual({ d1: 1, rpc: 4 })
  })
})

describe('the line of a refusal', () => {
  it('names account and session of a token whose session has ended', async () => {
    const { access_token: bearer, refresh_token, user } = await newPerson()
    const session = decodeJwt(bearer).sid
    await ok(call('DELETE', '/auth/sessions', { bearer }), 204)
    await refused(call('GET', '/auth/me', { bearer }))
    expect(lastRequest()).toMatchObject({ code: 'invalid_token', account_id: user.id, session_id: session })
    await refused(refresh(refresh_token))
    expect(lastRequest()).toMatchObject({
      code: 'invalid_refresh_token',
      account_id: user.id,
      session_id: session,
    })
  })

  it('names account and session of a refresh token that comes back late', async () => {
    freeze()
    const { refresh_token, user } = await newPerson()
    await ok(refresh(refresh_token))
    advance(11)
    await refused(refresh(refresh_token))
    expect(lastRequest()).toMatchObject({ code: 'refresh_token_reused', account_id: user.id })
  })

  it('names nobody where a token is forged, and where it comes from', async () => {
    const { access_token: bearer } = await newPerson()
    const from = { 'CF-Connecting-IP': newAddress() }
    await refused(call('GET', '/auth/me', { bearer: `${bearer.slice(0, -4)}AAAA`, headers: from }))
    const [forged] = requests().slice(-1)
    expect(forged).not.toHaveProperty('account_id')
    await refused(call('GET', '/admin/keys', { bearer: 'a guess at the admin token', headers: from }))
    expect(lastRequest().address_digest).toBe(forged.address_digest)
    expect(forged.address_digest).toMatch(/^[\w-]{16}$/)
  })

  it('reads no key for an address: an isolate that has counted nothing yet leaves it out', async () => {
    const watched = watch()
    const worker = workerWith(watched.bindings)
    await refused(call('GET', '/auth/me', { bearer: 'x' }, worker))
    expect(watched.counts).toEqual({ d1: 0, rpc: 0 })
    expect(lastRequest()).not.toHaveProperty('address_digest')
  })

  it.each([
    ['the gateway', '/api/orders', { GATEWAY: { '/api': { origin: env.RAW_ORIGIN_URL, roles: 'editor' } } }],
    ['/auth/verify', '/auth/verify?roles=editor', {}],
    ['the administration', '/admin/keys', {}],
  ])('names the account that lacks a role: %s', async (_where, path, settings) => {
    const { access_token: bearer, user } = await newPerson()
    expect((await call('GET', path, { bearer }, workerWith(settings))).status).toBe(403)
    expect(lastRequest()).toMatchObject({
      status: 403,
      code: 'insufficient_scope',
      account_id: user.id,
      session_id: decodeJwt(bearer).sid,
    })
    expect(lastRequest()).not.toHaveProperty('admin')
  })

  it('names a client whose secret was wrong, and nothing that stands for none', async () => {
    const { client_id } = await newClient()
    await post('/oauth2/introspect', { token: 'x' }, { headers: basic(client_id, 'a guess') })
    expect(lastRequest()).toMatchObject({ code: 'invalid_client', client_id })
    expect(lastRequest()).toHaveProperty('address_digest')
    await post('/oauth2/introspect', { token: 'x' }, { headers: basic(crypto.randomUUID(), 'a guess') })
    expect(lastRequest()).not.toHaveProperty('client_id')
  })

  it('names the account of a token that another client may not revoke', async () => {
    const { client_id, client_secret } = await newClient()
    const { access_token: token, user } = await newPerson()
    await post('/oauth2/revoke', { token }, { headers: basic(client_id, client_secret) })
    expect(lastRequest()).toMatchObject({ code: 'invalid_grant', client_id, account_id: user.id })
  })
})

describe('the line of a change', () => {
  it('says which fields an administrator set of whose account, and not what they were set to', async () => {
    const { user } = await newPerson()
    const operator = await newOperator()
    const change = { disabled: false, roles: ['a-hidden-role'], claims: { 'a-hidden-name': 1 } }
    await ok(admin('PATCH', `/admin/users/${user.id}`, change, undefined, operator.access_token))
    expect(lastRequest()).toMatchObject({
      admin: operator.user.id,
      account_id: user.id,
      session_id: decodeJwt(operator.access_token).sid,
      fields: ['disabled', 'roles', 'claims'],
    })
    expect(lines.join()).not.toContain('a-hidden')
  })

  it('says whose account a change was about that failed, or that is not there', async () => {
    const { user } = await newPerson()
    const watched = watch()
    watched.fail('run', { before: true })
    watched.fail('batch', { before: true })
    const worker = workerWith(watched.bindings)
    expect((await admin('PATCH', `/admin/users/${user.id}`, { roles: [] }, worker)).status).toBe(503)
    expect(lastRequest()).toMatchObject({ account_id: user.id, fields: ['roles'] })
    const operator = await newOperator()
    await refused(admin('GET', '/admin/users/a-hidden-id', undefined, undefined, operator.access_token))
    expect(lastRequest()).toMatchObject({ status: 404, admin: operator.user.id })
    expect(lastRequest()).not.toHaveProperty('account_id')
    expect(lines.join()).not.toContain('a-hidden')
  })

  it('says which limits were set', async () => {
    const rules = { login_failures_per_ip: { threshold: 3 }, registrations_per_ip: { enabled: true } }
    const change = { registration_open: true, registration_allow: { emails: [] }, rules }
    await ok(admin('PUT', '/admin/limits', change))
    expect(lastRequest().fields.toSorted()).toEqual([
      'registration_allow.emails',
      'registration_open',
      'rules.login_failures_per_ip.threshold',
      'rules.registrations_per_ip.enabled',
    ])
    await ok(admin('PUT', '/admin/limits/login_failures_per_ip', { threshold: 3, window_seconds: 300 }))
    expect(lastRequest()).toMatchObject({ admin: 'admin_token' })
    expect(lastRequest().fields.toSorted()).toEqual([
      'rules.login_failures_per_ip.threshold',
      'rules.login_failures_per_ip.window_seconds',
    ])
  })

  it('says which client was made or removed, and which key', async () => {
    const { client_id } = await newClient({ client_name: 'a-hidden-name', audience: 'a-hidden-audience' })
    expect(lastRequest()).toMatchObject({ client_id, fields: ['client_name', 'audience'] })
    await ok(admin('DELETE', `/admin/clients/${client_id}`), 204)
    expect(lastRequest()).toMatchObject({ status: 204, client_id, admin: 'admin_token' })
    await ok(admin('POST', '/admin/keys/rotate'), 202)
    const advanced = lines
      .map((line) => JSON.parse(line))
      .find(({ event }) => event === 'signing_key_advanced')
    expect(advanced).toMatchObject({ kid: expect.any(String), request_id: lastRequest().request_id })
    expect(lines.join()).not.toContain('a-hidden')
  })

  it('says which identifiers somebody set of their own', async () => {
    const { access_token: bearer } = await newPerson()
    const change = { current_password: THEIR_PASSWORD, email: null, username: newName() }
    await ok(call('PATCH', '/auth/me', { bearer, body: change }))
    expect(lastRequest()).toMatchObject({ status: 200, fields: ['username', 'email'] })
  })
})

describe('no line', () => {
  const MARK = 'zq7xmark'
  const PHONE = '+12015550189'
  const NAMED = {
    username: `${MARK}.name`,
    email: `${MARK}@${MARK}.example`,
    phone: PHONE,
    identifier: `${MARK}@${MARK}.example`,
    password: `${MARK} password`,
    current_password: `${MARK} password`,
    new_password: `${MARK} new password`,
    challenge: `${MARK}-challenge`,
    refresh_token: `${MARK}-refresh`,
    token: `${MARK}-token`,
    client_name: `${MARK}-client`,
    audience: `${MARK}-audience`,
    roles: [MARK],
    claims: { [MARK]: MARK },
    scope: MARK,
    client_id: MARK,
    client_secret: `${MARK}-secret`,
  }
  const MARKED_HEADERS = {
    'CF-Connecting-IP': '203.0.113.99',
    'User-Agent': MARK,
    Referer: `https://${MARK}.example/`,
    Origin: `https://${MARK}.example`,
    Cookie: `__Secure-gatehouse_refresh=${MARK}; __Host-gatehouse_pages=${MARK}; other=${MARK}`,
    'X-Request-Id': MARK,
    'X-Forwarded-For': '203.0.113.98',
    'Accept-Language': MARK,
  }
  type Sent = [method: string, path: string, call: Call]
  interface Operation {
    readonly requestBody?: {
      readonly content: Readonly<Record<string, { readonly schema: { readonly $ref?: string } }>>
    }
  }
  interface Document {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
    readonly components: {
      readonly schemas: Readonly<Record<string, { readonly properties?: Readonly<Record<string, unknown>> }>>
    }
  }

  /** Every field that a call takes, marked; fields of other types are left out. */
  function bodyOf({ requestBody }: Operation, { components }: Document): Call {
    const [type, content] = Object.entries(requestBody?.content ?? {})[0] ?? []
    if (type === undefined) return {}
    const name = content?.schema.$ref?.split('/').at(-1) ?? ''
    const known = Object.keys(components.schemas[name]?.properties ?? {})
    const fields = Object.entries(NAMED).filter(([field]) => known.includes(field))
    if (type === 'application/json') return { body: Object.fromEntries(fields) }
    return {
      body: new URLSearchParams(fields as [string, string][]).toString(),
      headers: { 'Content-Type': type },
    }
  }

  it('has anything of what a call was sent, in its path, query, headers or body, whoever sends it', async () => {
    const gateway = { GATEWAY: { '/api': { origin: env.RAW_ORIGIN_URL } }, CLIENT_ID: '' }
    const worker = workerWith(gateway)
    const document = await ok<Document>(call('GET', '/openapi.json', {}, worker))
    const { access_token } = await newPerson(worker)
    const { client_id, client_secret } = await newClient({}, worker)
    lines = []
    const callers: readonly Readonly<Record<string, string>>[] = [
      {},
      { Authorization: `Bearer ${MARK}.${MARK}.${MARK}` },
      { Authorization: `Bearer ${access_token}` },
      { Authorization: `Bearer ${ADMIN_TOKEN}` },
      basic(client_id, client_secret),
      basic(MARK, `${MARK}-secret`),
    ]
    const calls = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, operation]) => {
        return [
          method.toUpperCase(),
          path.replace(/\{\w+\}/g, MARK),
          bodyOf(operation, document),
        ] satisfies Sent
      }),
    )
    const pages = [
      '/login',
      '/register',
      '/logout',
      '/account/profile',
      '/account/password',
      '/account/delete',
    ]
    const form = new URLSearchParams(Object.entries(NAMED).map(([name, value]) => [name, String(value)]))
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded', 'Sec-Fetch-Site': 'same-origin' }
    const forms = pages.map((path) => ['POST', path, { body: form.toString(), headers }] satisfies Sent)
    const reads = ['/login', `/${MARK}`, `/errors/${MARK}`, `/api/${MARK}`, `/auth/verify/${MARK}`, '/']
    const all: readonly Sent[] = [
      ...calls,
      ...forms,
      ...reads.map((path) => ['GET', path, {}] satisfies Sent),
    ]
    expect(calls.length).toBeGreaterThan(20)
    for (const caller of callers) {
      for (const [method, path, sent] of all) {
        // Everybody's sessions would end, and the keys: not what this is about.
        if (caller.Authorization?.endsWith(ADMIN_TOKEN) && path.startsWith('/admin/sessions')) continue
        const marked = { ...MARKED_HEADERS, ...caller, ...sent.headers }
        await call(
          method,
          `${path}?token=${MARK}&return_to=${MARK}&roles=${MARK}`,
          { ...sent, headers: marked },
          worker,
        )
      }
    }
    const written = lines.join('\n')
    expect(requests().length).toBeGreaterThan(100)
    expect(requests().map(({ code }) => code)).not.toContain('internal')
    for (const secret of [MARK, PHONE.slice(2), '203.0.113.99', '203.0.113.98', access_token, client_secret])
      expect(written).not.toContain(secret)
  })
})
