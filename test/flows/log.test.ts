import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Browser } from '../support/browser.ts'
import { call, newName, newPerson, ok, refused, type Tokens, workerWith } from '../support/client.ts'
import { watch } from '../support/counting.ts'
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
afterEach(() => vi.restoreAllMocks())

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
      },
    ])
    expect(lines.join()).not.toContain('a-secret')
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
    const ids = [ray, random].map(({ headers }) => headers.get('X-Request-Id'))
    expect(ids[0]).toBe('8a-FRA')
    expect(ids[1]).toMatch(/^[0-9a-f-]{36}$/)
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
      fault: { name: 'Error', message: 'first: out of reach' },
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
