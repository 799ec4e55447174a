import { env } from 'cloudflare:workers'
import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Browser } from '../support/browser.ts'
import {
  call,
  type Fetch,
  isAlive,
  newName,
  newPerson,
  PASSWORD,
  refused,
  workerWith,
} from '../support/client.ts'
import { APP, byCookie, COOKIE_NAME, cookieOf, newCookieSession } from '../support/cookies.ts'
import { watch } from '../support/counting.ts'
import { useFastPasswords } from '../support/faults.ts'
import type { Tokens } from '../support/responses.ts'

beforeEach(useFastPasswords)
afterEach(() => vi.restoreAllMocks())

describe('a login or registration that replaces a cookie', () => {
  /** @param sent in place of what a page of the app sends */
  async function submit(path: string, cookie: string, sent: Parameters<typeof call>[2] = {}, fetch?: Fetch) {
    const name = path === '/auth/login' ? (await newPerson()).name : newName()
    const identifier = path === '/auth/login' ? { identifier: name } : { username: name }
    const body = { ...identifier, password: PASSWORD, transport: 'cookie', ...Object(sent.body) }
    return call('POST', path, { headers: { Origin: APP, Cookie: cookie, ...sent.headers }, body }, fetch)
  }

  it.each(['/auth/login', '/auth/register'])(
    'ends the session whose cookie is replaced: %s',
    async (path) => {
      const before = await newCookieSession()
      const response = await submit(path, before.cookie)
      expect(response.ok).toBe(true)
      expect(await isAlive(before.tokens.access_token)).toBe(false)
      expect(await refused(byCookie('/auth/refresh', before.cookie))).toMatchObject({
        code: 'invalid_refresh_token',
      })
      expect((await byCookie('/auth/refresh', cookieOf(response))).status).toBe(200)
    },
  )

  it('ends the previous session of the same account, even by a cookie that was rotated out', async () => {
    const { name, tokens, cookie } = await newCookieSession()
    expect((await byCookie('/auth/refresh', cookie)).status).toBe(200)
    const body = { identifier: name, password: PASSWORD, transport: 'cookie' }
    const response = await call('POST', '/auth/login', { body, headers: { Cookie: cookie } })
    expect(response.status).toBe(200)
    expect(await isAlive(tokens.access_token)).toBe(false)
    expect(await isAlive((await response.json<Tokens>()).access_token)).toBe(true)
  })

  it.each([
    ['with a wrong password', '/auth/login', { body: { password: 'a guess that is wrong' } }, 401],
    ['with an unknown field', '/auth/login', { body: { more: 1 } }, 422],
    ['with a weak password', '/auth/register', { body: { password: 'x' } }, 422],
    ['from a foreign page', '/auth/login', { headers: { Origin: 'https://evil.example' } }, 403],
    ['from an opaque origin', '/auth/register', { headers: { Origin: 'null' } }, 403],
    ['by a form of a foreign page', '/auth/login', { headers: { 'Content-Type': 'text/plain' } }, 415],
  ] as const)(
    'keeps the previous session when a login or registration fails: %s',
    async (_what, path, sent, status) => {
      const { tokens, cookie } = await newCookieSession()
      expect((await submit(path, cookie, sent)).status).toBe(status)
      expect(await isAlive(tokens.access_token)).toBe(true)
      expect((await byCookie('/auth/refresh', cookie)).status).toBe(200)
    },
  )

  it('keeps the previous session when the new refresh token goes into the body', async () => {
    const { tokens, cookie } = await newCookieSession()
    expect((await submit('/auth/login', cookie, { body: { transport: 'body' } })).status).toBe(200)
    expect(await isAlive(tokens.access_token)).toBe(true)
  })

  it.each(['', 'garbage', 'A'.repeat(120), 'a'.repeat(4_000)])(
    'ignores the invalid cookie %j in a login',
    async (value) => {
      expect((await submit('/auth/login', `${COOKIE_NAME}=${value}`)).status).toBe(200)
    },
  )

  it('ignores two cookies of the name in a login, since another host may have set either', async () => {
    const [one, other] = [await newCookieSession(), await newCookieSession()]
    expect((await submit('/auth/login', `${one.cookie}; ${other.cookie}`)).status).toBe(200)
    expect(await isAlive(one.tokens.access_token)).toBe(true)
    expect(await isAlive(other.tokens.access_token)).toBe(true)
  })

  it('ignores a cookie with a token of the hosted pages in a login', async () => {
    const browser = new Browser()
    await browser.send('/register', { identifier: newName(), password: PASSWORD })
    const pageToken = browser.cookie('__Host-gatehouse_pages')
    expect((await submit('/auth/login', `${COOKIE_NAME}=${pageToken}`)).status).toBe(200)
    expect((await browser.open('/account')).url).toBe('/account')
  })

  it('ends the previous session even if its cookie was issued under the previous AUTH_SECRET', async () => {
    const { tokens, cookie } = await newCookieSession()
    const AUTH_SECRET = 'another secret of the tests, long enough for production'
    const fetch = workerWith({ AUTH_SECRET, AUTH_SECRET_FALLBACK: String(env.AUTH_SECRET) })
    expect((await submit('/auth/login', cookie, {}, fetch)).status).toBe(200)
    expect(await isAlive(tokens.access_token)).toBe(false)
  })

  it('logs in and logs a warning when the previous session cannot be ended', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { tokens, cookie } = await newCookieSession()
    const watched = watch()
    watched.fail('endBySecret', { before: true })
    const response = await submit('/auth/login', cookie, {}, workerWith(watched.bindings))
    expect(response.status).toBe(200)
    expect(cookieOf(response)).toContain(COOKIE_NAME)
    const lines = warn.mock.calls.map(([line]) => JSON.parse(String(line)))
    expect(lines).toMatchObject([
      {
        event: 'replaced_session_not_ended',
        request_id: response.headers.get('X-Request-Id'),
        account_id: tokens.user.id,
        session_id: decodeJwt(tokens.access_token).sid,
      },
    ])
    expect(JSON.stringify(lines)).not.toContain(cookie.split('=')[1])
    expect(await isAlive(tokens.access_token)).toBe(true)
  })

  it('logs in without a long wait when the Durable Object of the previous session does not respond', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { cookie } = await newCookieSession()
    const watched = watch()
    watched.fail('endBySecret', { until: new Promise(() => undefined) })
    const response = await submit('/auth/login', cookie, {}, workerWith(watched.bindings))
    expect(response.status).toBe(200)
    expect(cookieOf(response)).toContain(COOKIE_NAME)
  }, 8_000)
})
