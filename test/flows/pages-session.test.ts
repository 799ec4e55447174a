import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { admin } from '../support/admin.ts'
import { Browser, type Page } from '../support/browser.ts'
import {
  call,
  isAlive,
  logIn,
  NEW_PASSWORD,
  newName,
  newPerson,
  ok,
  PASSWORD,
  refresh,
  refused,
  type Tokens,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { cheapenPasswords } from '../support/faults.ts'
import { APP, isLoggedIn, PAGE_COOKIE, REFRESH_COOKIE, registered } from '../support/pages.ts'

beforeEach(cheapenPasswords)
afterEach(() => vi.restoreAllMocks())

describe('the session of a browser', () => {
  beforeEach(() => freeze())
  afterEach(thaw)

  it('outlives its AUTH_SECRET, where the browser came by while both counted', async () => {
    const { browser } = await registered()
    const before = browser.cookie(PAGE_COOKIE)
    const AUTH_SECRET = 'another secret of the tests, long enough for production'
    const between = browser.copy(
      {},
      workerWith({ AUTH_SECRET, AUTH_SECRET_FALLBACK: String(env.AUTH_SECRET) }),
    )
    expect(await isLoggedIn(between)).toBe(true)
    expect(between.cookie(PAGE_COOKIE)).not.toBe(before)
    expect(await isLoggedIn(between.copy({}, workerWith({ AUTH_SECRET })))).toBe(true)
  })

  it('takes the place of the one before, which ends', async () => {
    const { browser } = await registered()
    const before = browser.copy()
    const { name } = await newPerson()
    await browser.send('/login', { identifier: name, password: PASSWORD })
    expect(await isLoggedIn(browser)).toBe(true)
    await vi.waitFor(async () => expect(await isLoggedIn(before)).toBe(false))
  })

  const FORMS = [
    ['/login', '/auth/login'],
    ['/auth/pages/login', '/auth/login'],
    ['/register', '/auth/register'],
    ['/auth/pages/register', '/auth/register'],
  ] as const

  it.each(FORMS)('takes the place of one that an app has in its cookie, too: %s', async (form, path) => {
    const { browser, app } = await withAnotherInAnApp()
    const name = path === '/auth/login' ? (await newPerson()).name : newName()
    const page = await browser.send(form, { identifier: name, password: PASSWORD })
    expect(page.url).toBe('/account')
    expect(await isAlive(app.access_token)).toBe(false)
    const refreshed = await ok<Tokens>(refreshByCookie(browser.cookie(REFRESH_COOKIE) ?? ''))
    expect(refreshed.user.username).toBe(name)
  })

  it('that goes on to an app takes the place of the one there', async () => {
    const { browser, app, name } = await withAnotherInAnApp()
    await browser.send(`/auth/pages/login/continue?${new URLSearchParams({ return_to: APP })}`, {})
    expect(await isAlive(app.access_token)).toBe(false)
    const refreshed = await ok<Tokens>(refreshByCookie(browser.cookie(REFRESH_COOKIE) ?? ''))
    expect(refreshed.user.username).toBe(name)
    expect(await isLoggedIn(browser)).toBe(true)
  })

  it.each(['/logout', '/auth/pages/logout'])('ends with one that an app has: %s', async (form) => {
    const { browser, app } = await withAnotherInAnApp()
    const copy = browser.copy()
    expect((await browser.send(form, {})).url).toBe('/login?done=logged_out')
    expect(await isAlive(app.access_token)).toBe(false)
    expect(await isLoggedIn(copy)).toBe(false)
    expect(browser.cookie(REFRESH_COOKIE)).toBeUndefined()
  })

  it.each([
    ['a new password', 'password', { new_password: NEW_PASSWORD }],
    ['the end of all sessions', 'sessions/end-all', {}],
    ['the end of the account', 'delete', {}],
  ])('leaves none behind in an app with %s', async (_what, form, fields) => {
    const { browser, app } = await withAnotherInAnApp()
    await browser.open('/account')
    const sent = { account: browser.account, current_password: PASSWORD, ...fields }
    await browser.send(`/auth/pages/account/${form}`, sent)
    expect(await isAlive(app.access_token)).toBe(false)
  })

  it('is logged out of nothing where one of the two cannot be ended: it may be tried again', async () => {
    const { browser, app } = await withAnotherInAnApp()
    const watched = watch()
    const faulty = browser.copy({}, workerWith(watched.bindings))
    watched.fail('endBySecret', { before: true })
    expect((await faulty.send('/logout', {})).status).toBe(503)
    expect(faulty.cookie(PAGE_COOKIE)).toBeDefined()
    watched.mend()
    expect((await faulty.send('/logout', {})).url).toBe('/login?done=logged_out')
    expect(await isAlive(app.access_token)).toBe(false)
    expect(await isLoggedIn(browser)).toBe(false)
  })

  it('replaces another also where that cannot be ended, which the log says', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { browser } = await registered()
    const watched = watch()
    const faulty = browser.copy({}, workerWith(watched.bindings))
    watched.fail('endBySecret', { before: true })
    const { name } = await newPerson()
    const page = await faulty.send('/login', { identifier: name, password: PASSWORD })
    expect(page.html).toContain(`You are logged in as ${name}.`)
    const events = warn.mock.calls.map(([line]) => JSON.parse(String(line)).event)
    expect(events).toEqual(['replaced_session_not_ended'])
    vi.restoreAllMocks()
  })

  it('is replaced by no log in that fails', async () => {
    const { browser, app } = await withAnotherInAnApp()
    await browser.send('/auth/pages/login', { identifier: newName(), password: PASSWORD })
    expect(await isLoggedIn(browser)).toBe(true)
    expect(await isAlive(app.access_token)).toBe(true)
  })

  it('leads on from the forms to log in and register, which it needs no more', async () => {
    const { browser } = await registered()
    for (const path of ['/login', '/login/continue', '/register', '/logout']) {
      expect((await browser.open(path)).url).toBe('/account')
    }
  })

  it('ends with the log out, whoever kept a copy of the cookie', async () => {
    const { browser } = await registered()
    const copy = browser.copy()
    expect((await browser.send('/logout', {})).url).toBe('/login?done=logged_out')
    expect(browser.cookie(PAGE_COOKIE)).toBeUndefined()
    expect(await isLoggedIn(copy)).toBe(false)
  })

  it('outlives rotations by an app of the same site, and costs none', async () => {
    const { browser } = await registered()
    const refreshCookie = browser.cookie(REFRESH_COOKIE) ?? ''
    advance(60)
    const { refresh_token: _none, ...tokens } = await ok<Tokens>(refreshByCookie(refreshCookie))
    expect(tokens.access_token).toBeDefined()
    advance(60)
    expect(await isLoggedIn(browser)).toBe(true)
    expect(await isLoggedIn(browser)).toBe(true)
  })

  it('goes on while it is used, and ends where it is not', async () => {
    const day = 86_400
    const { browser } = await registered()
    advance(20 * day)
    expect(await isLoggedIn(browser)).toBe(true)
    advance(20 * day)
    expect(await isLoggedIn(browser)).toBe(true)
    advance(31 * day)
    expect(await isLoggedIn(browser)).toBe(false)
  })

  it('is noted as used once an hour, not with every page', async () => {
    const lastUsed = (page: Page) => /datetime="([^"]+)"/.exec(page.html)?.[1]
    const { browser, page } = await registered()
    advance(3_599)
    expect(lastUsed(await browser.open('/account'))).toBe(lastUsed(page))
    advance(1)
    expect(lastUsed(await browser.open('/account'))).not.toBe(lastUsed(page))
  })

  it('ends when the account is disabled', async () => {
    const { browser, name } = await registered()
    const { user } = await ok<Tokens>(logIn(name))
    await ok(admin('PATCH', `/admin/users/${user.id}`, { disabled: true }))
    expect(await isLoggedIn(browser)).toBe(false)
  })

  it('is none for a refresh token that went to a script', async () => {
    const { refresh_token } = await newPerson()
    const browser = new Browser()
    browser.setCookie(PAGE_COOKIE, refresh_token)
    expect(await isLoggedIn(browser)).toBe(false)
    await ok(refresh(refresh_token))
  })

  it('has a token that refreshes nothing, ends nothing and revokes nothing elsewhere', async () => {
    const { browser } = await registered()
    const token = browser.cookie(PAGE_COOKIE) ?? ''
    expect(await refused(refresh(token))).toMatchObject({ code: 'invalid_refresh_token' })
    await ok(call('POST', '/auth/logout', { body: { refresh_token: token } }), 204)
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    await call('POST', '/oauth2/revoke', { headers, body: `token=${token}&client_id=gatehouse` })
    expect(await isLoggedIn(browser)).toBe(true)
  })

  it('does not live by the refresh cookie', async () => {
    const { browser } = await registered()
    const other = new Browser()
    other.setCookie(PAGE_COOKIE, browser.cookie(REFRESH_COOKIE) ?? '')
    expect(await isLoggedIn(other)).toBe(false)
  })

  it.each(['', 'garbage', 'A'.repeat(120)])('is none for a cookie of %j', async (value) => {
    const browser = new Browser()
    browser.setCookie(PAGE_COOKIE, value)
    expect(await isLoggedIn(browser)).toBe(false)
  })

  /** A browser that is logged in on the pages, and as somebody else in an app of the same site. */
  async function withAnotherInAnApp() {
    const { browser, name } = await registered()
    const body = { username: newName(), password: PASSWORD, transport: 'cookie' }
    const answer = await call('POST', '/auth/register', { body, headers: { Origin: APP } })
    const [, value = ''] = /=([^;]+)/.exec(answer.headers.get('Set-Cookie') ?? '') ?? []
    browser.setCookie(REFRESH_COOKIE, value)
    return { browser, name, app: await answer.json<Tokens>() }
  }

  function refreshByCookie(value: string) {
    const headers = { Cookie: `${REFRESH_COOKIE}=${value}`, Origin: APP, 'X-Gatehouse-CSRF': '1' }
    return call('POST', '/auth/refresh', { headers })
  }
})

// Last: it ends those of the tests as well.
describe("everybody's sessions", () => {
  it('end for browsers, too', async () => {
    const { browser } = await registered()
    await admin('DELETE', '/admin/sessions')
    expect(await isLoggedIn(browser)).toBe(false)
  })
})
