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
  type Tokens,
  workerWith,
} from '../support/client.ts'
import { APP, byCookie, cookieOf, NAME, newCookieSession } from '../support/cookies.ts'
import { watch } from '../support/counting.ts'
import { cheapenPasswords } from '../support/faults.ts'

beforeEach(cheapenPasswords)
afterEach(() => vi.restoreAllMocks())

describe('a log in or registration with a cookie', () => {
  /** @param sent in place of what a page of the app sends */
  async function enter(path: string, cookie: string, sent: Parameters<typeof call>[2] = {}, fetch?: Fetch) {
    const name = path === '/auth/login' ? (await newPerson()).name : newName()
    const identifier = path === '/auth/login' ? { identifier: name } : { username: name }
    const body = { ...identifier, password: PASSWORD, transport: 'cookie', ...Object(sent.body) }
    return call('POST', path, { headers: { Origin: APP, Cookie: cookie, ...sent.headers }, body }, fetch)
  }

  it.each(['/auth/login', '/auth/register'])(
    'ends the session whose cookie it replaces: %s',
    async (path) => {
      const before = await newCookieSession()
      const answer = await enter(path, before.cookie)
      expect(answer.ok).toBe(true)
      expect(await isAlive(before.tokens.access_token)).toBe(false)
      expect(await refused(byCookie('/auth/refresh', before.cookie))).toMatchObject({
        code: 'invalid_refresh_token',
      })
      expect((await byCookie('/auth/refresh', cookieOf(answer))).status).toBe(200)
    },
  )

  it('ends one of the same account, and by a cookie that was rotated out', async () => {
    const { name, tokens, cookie } = await newCookieSession()
    expect((await byCookie('/auth/refresh', cookie)).status).toBe(200)
    const body = { identifier: name, password: PASSWORD, transport: 'cookie' }
    const answer = await call('POST', '/auth/login', { body, headers: { Cookie: cookie } })
    expect(answer.status).toBe(200)
    expect(await isAlive(tokens.access_token)).toBe(false)
    expect(await isAlive((await answer.json<Tokens>()).access_token)).toBe(true)
  })

  it.each([
    ['with a wrong password', '/auth/login', { body: { password: 'a guess that is wrong' } }, 401],
    ['with an unknown field', '/auth/login', { body: { more: 1 } }, 422],
    ['with a weak password', '/auth/register', { body: { password: 'x' } }, 422],
    ['of a foreign page', '/auth/login', { headers: { Origin: 'https://evil.example' } }, 403],
    ['of a page that hides', '/auth/register', { headers: { Origin: 'null' } }, 403],
    ['by a form of a foreign page', '/auth/login', { headers: { 'Content-Type': 'text/plain' } }, 415],
  ] as const)('ends nothing where it fails: %s', async (_what, path, sent, status) => {
    const { tokens, cookie } = await newCookieSession()
    expect((await enter(path, cookie, sent)).status).toBe(status)
    expect(await isAlive(tokens.access_token)).toBe(true)
    expect((await byCookie('/auth/refresh', cookie)).status).toBe(200)
  })

  it('ends nothing where its own refresh token goes into the body: the cookie stays', async () => {
    const { tokens, cookie } = await newCookieSession()
    expect((await enter('/auth/login', cookie, { body: { transport: 'body' } })).status).toBe(200)
    expect(await isAlive(tokens.access_token)).toBe(true)
  })

  it.each(['', 'garbage', 'A'.repeat(120), 'a'.repeat(4_000)])('takes no notice of %j', async (value) => {
    expect((await enter('/auth/login', `${NAME}=${value}`)).status).toBe(200)
  })

  it('takes no notice of two cookies of the name, since nothing tells which is its own', async () => {
    const [one, other] = [await newCookieSession(), await newCookieSession()]
    expect((await enter('/auth/login', `${one.cookie}; ${other.cookie}`)).status).toBe(200)
    expect(await isAlive(one.tokens.access_token)).toBe(true)
    expect(await isAlive(other.tokens.access_token)).toBe(true)
  })

  it('takes no notice of a token of the hosted pages', async () => {
    const browser = new Browser()
    await browser.send('/register', { identifier: newName(), password: PASSWORD })
    const pageToken = browser.cookie('__Host-gatehouse_pages')
    expect((await enter('/auth/login', `${NAME}=${pageToken}`)).status).toBe(200)
    expect((await browser.open('/account')).url).toBe('/account')
  })

  it('ends one whose cookie was made under the AUTH_SECRET before', async () => {
    const { tokens, cookie } = await newCookieSession()
    const AUTH_SECRET = 'another secret of the tests, long enough for production'
    const fetch = workerWith({ AUTH_SECRET, AUTH_SECRET_ALSO: String(env.AUTH_SECRET) })
    expect((await enter('/auth/login', cookie, {}, fetch)).status).toBe(200)
    expect(await isAlive(tokens.access_token)).toBe(false)
  })

  it('succeeds where the session before cannot be ended, and says so in the log', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { tokens, cookie } = await newCookieSession()
    const watched = watch()
    watched.fail('endBySecret', { before: true })
    const answer = await enter('/auth/login', cookie, {}, workerWith(watched.bindings))
    expect(answer.status).toBe(200)
    expect(cookieOf(answer)).toContain(NAME)
    const lines = warn.mock.calls.map(([line]) => JSON.parse(String(line)))
    expect(lines).toMatchObject([
      {
        event: 'replaced_session_not_ended',
        request_id: answer.headers.get('X-Request-Id'),
        account_id: tokens.user.id,
        session_id: decodeJwt(tokens.access_token).sid,
      },
    ])
    expect(JSON.stringify(lines)).not.toContain(cookie.split('=')[1])
    expect(await isAlive(tokens.access_token)).toBe(true)
  })

  it('does not wait long for an object that is silent', async () => {
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { cookie } = await newCookieSession()
    const watched = watch()
    watched.fail('endBySecret', { until: new Promise(() => undefined) })
    const answer = await enter('/auth/login', cookie, {}, workerWith(watched.bindings))
    expect(answer.status).toBe(200)
    expect(cookieOf(answer)).toContain(NAME)
  }, 8_000)
})
