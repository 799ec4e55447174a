import { env, exports } from 'cloudflare:workers'
import { afterEach, describe, expect, it } from 'vitest'
import { ADMIN_TOKEN } from '../support/admin.ts'
import { Browser } from '../support/browser.ts'
import { type Call, call, newName, newPerson, ok, refused, workerWith } from '../support/client.ts'
import { FROZEN_MS, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { captureLog, clearLog, lines, requests } from '../support/log.ts'
import { basic, newClient } from '../support/oauth.ts'
import type { OpenApiDocument, OpenApiOperation, Tokens } from '../support/responses.ts'
import { solve } from '../support/solver.ts'

const PASSWORD = 'a password nobody may read'
const NEW_PASSWORD = 'another password nobody may read'
const ADDRESS = '203.0.113.77'

captureLog()
afterEach(thaw)

describe('the log', () => {
  it('writes one JSON line for each request, with the route and not the path or query that was sent', async () => {
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

  it('writes the time of each line in UTC and milliseconds, also for errors', async () => {
    freeze(FROZEN_MS + 7)
    const watched = watch()
    watched.fail('first', { before: true })
    await call('GET', '/healthz', {}, workerWith(watched.bindings))
    const times = lines.map((line) => JSON.parse(line).time)
    expect(times).toEqual(Array(2).fill('2096-10-02T07:06:40.007Z'))
  })

  it('writes no line for a request that receives the public keys', async () => {
    const first = await call('GET', '/.well-known/jwks.json')
    expect(first.status).toBe(200)
    const headers = { 'If-None-Match': first.headers.get('ETag') ?? '' }
    expect((await call('GET', '/.well-known/jwks.json', { headers })).status).toBe(304)
    expect(requests()).toEqual([])
    expect((await call('POST', '/.well-known/jwks.json')).status).toBe(405)
    expect(requests()).toMatchObject([{ status: 405 }])
  })

  it('writes no line for a request that /auth/verify allows, and one for each that it refuses', async () => {
    const { access_token: bearer } = await newPerson()
    clearLog()
    expect((await call('GET', '/auth/verify', { bearer })).status).toBe(200)
    expect(lines).toEqual([])
    expect((await call('GET', '/auth/verify?roles=editor', { bearer })).status).toBe(403)
    expect((await call('GET', '/auth/verify')).status).toBe(401)
    expect(requests().map(({ code }) => code)).toEqual(['insufficient_scope', 'invalid_token'])
  })

  it('names the account of a request if it is known', async () => {
    const { access_token, refresh_token, user } = await newPerson()
    await ok(call('GET', '/auth/me', { bearer: access_token }))
    await ok(call('POST', '/auth/logout', { body: { refresh_token } }), 204)
    const [registered, me, loggedOut] = requests()
    expect(loggedOut).toMatchObject({ route: '/auth/logout', status: 204, account_id: user.id })
    expect(registered).toMatchObject({ route: '/auth/register', status: 201, account_id: user.id })
    expect(me).toMatchObject({ route: '/auth/me', status: 200, account_id: user.id })
  })

  it('uses the CF-Ray as the request id of log line and response, and never a request id that the caller sends', async () => {
    const ray = await call('GET', '/healthz', { headers: { 'CF-Ray': '8a-FRA', 'X-Request-Id': 'mine' } })
    const random = await call('GET', '/healthz', { headers: { 'X-Request-Id': 'mine' } })
    const long = await call('GET', '/healthz', { headers: { 'CF-Ray': 'a'.repeat(65) } })
    const odd = await call('GET', '/healthz', { headers: { 'CF-Ray': '8a FRA' } })
    const ids = [ray, random, long, odd].map(({ headers }) => headers.get('X-Request-Id'))
    expect(ids[0]).toBe('8a-FRA')
    for (const id of ids.slice(1)) expect(id).toMatch(/^[0-9a-f-]{36}$/)
    expect(requests().map(({ request_id }) => request_id)).toEqual(ids)
  })

  it('names each variable that looks like a misspelt setting once for each isolate, and never its value', async () => {
    const variables = {
      ADMIN_TOKE: PASSWORD,
      MAX_SESSION: 7_777,
      PAGE: [PASSWORD],
      LIMIT: { [PASSWORD]: true },
    }
    const worker = workerWith({ CORS_ORIGINS: '', ...variables })
    await call('GET', '/healthz', {}, worker)
    await call('GET', '/healthz', {}, worker)
    const named = lines.filter((line) => line.includes('setting_unknown')).map((line) => JSON.parse(line))
    const line = { time: expect.any(String), level: 'warn', event: 'setting_unknown' }
    expect(named).toEqual([
      { ...line, variable: 'ADMIN_TOKE', meant: 'ADMIN_TOKEN' },
      { ...line, variable: 'MAX_SESSION', meant: 'MAX_SESSIONS' },
      { ...line, variable: 'PAGE', meant: 'PAGES' },
      { ...line, variable: 'LIMIT', meant: 'LIMITS' },
    ])
    expect(lines.join()).not.toMatch(new RegExp(`${PASSWORD}|7777`))
  })

  it('does not name a binding, whose name a deployer chooses freely', async () => {
    const { DB, ACCOUNT, COUNTER } = env
    const bindings = {
      CORS_ORIGINS: '',
      LIMIT: DB,
      PAGE: ACCOUNT,
      GATEWAYS: COUNTER,
      ADMIN_TOKE: exports.default,
    }
    await call('GET', '/healthz', {}, workerWith(bindings))
    expect(lines.join()).not.toContain('setting_unknown')
  })

  it('logs why a dependency failed, with the request id of the response', async () => {
    const watched = watch()
    watched.fail('first', { before: true })
    const response = await call('GET', '/healthz', {}, workerWith(watched.bindings))
    const fault = lines.map((line) => JSON.parse(line)).find(({ event }) => event === 'unavailable')
    expect(fault).toMatchObject({
      level: 'error',
      request_id: response.headers.get('X-Request-Id'),
      error: { name: 'Error', message: 'first: unavailable' },
    })
  })

  it('logs no password, token, secret or address in a whole flow with refusals and faults', async () => {
    // A refresh token that is used again after the grace period ends its session.
    freeze()
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
    const solution = await solve((await refused(post('/auth/login', guess, headers))).challenge)
    for (const challenge of [solution, solution])
      await refused(post('/auth/login', { ...guess, challenge }, headers))
    const admin = { bearer: String(env.ADMIN_TOKEN), body: { rules: {} } }
    await ok(call('PUT', '/admin/limits', admin, worker))
    await refused(call('PUT', '/admin/limits', { ...admin, bearer: `${admin.bearer}x` }, worker))
    for (const name of [
      'batch',
      'read',
      'run',
      'first',
      'open',
      'rotate',
      'check',
      'applyState',
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
      solution,
    ]
    for (const secret of [...secrets, ...tokens].map(String)) {
      expect(written).not.toContain(secret)
    }
    expect(written).not.toMatch(/eyJ[A-Za-z0-9_-]{10}/)
  })

  it('logs nothing that is submitted to the pages, and no cookie that they set', async () => {
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

describe('submitted values', () => {
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

  /** Marks every field that a request takes, except fields of other types. */
  function bodyOf({ requestBody }: OpenApiOperation, { components }: OpenApiDocument): Call {
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

  it('logs nothing from the path, query, headers or body of any request, whatever the credentials', async () => {
    const gateway = { GATEWAY: { '/api': { origin: env.RAW_ORIGIN_URL } }, CLIENT_ID: '' }
    const worker = workerWith(gateway)
    const document = await ok<OpenApiDocument>(call('GET', '/openapi.json', {}, worker))
    const { access_token } = await newPerson(worker)
    const { client_id, client_secret } = await newClient({}, worker)
    clearLog()
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
        // This request would end all sessions.
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
