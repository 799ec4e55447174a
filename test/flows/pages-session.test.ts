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
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { APP, isLoggedIn, PAGE_COOKIE, REFRESH_COOKIE, registered } from '../support/pages.ts'
import type { Tokens } from '../support/responses.ts'

afterEach(() => vi.restoreAllMocks())

describe('the session of the pages', () => {
  beforeEach(() => freeze())
  afterEach(thaw)

  it('survives a change of AUTH_SECRET if the browser opened a page while both secrets were accepted', async () => {
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

  it('ends the earlier session of the browser at a login', async () => {
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

  it.each(FORMS)(
    'replaces the session in the cookie of an app at a login or a registration: %s',
    async (form, path) => {
      const { browser, app } = await withAnotherInAnApp()
      const name = path === '/auth/login' ? (await newPerson()).name : newName()
      const page = await browser.send(form, { identifier: name, password: PASSWORD })
      expect(page.url).toBe('/account')
      expect(await isAlive(app.access_token)).toBe(false)
      const refreshed = await ok<Tokens>(refreshByCookie(browser.cookie(REFRESH_COOKIE) ?? ''))
      expect(refreshed.user.username).toBe(name)
    },
  )

  it('replaces the session in the cookie of an app that /login/continue leads to', async () => {
    const { browser, app, name } = await withAnotherInAnApp()
    await browser.send(`/auth/pages/login/continue?${new URLSearchParams({ return_to: APP })}`, {})
    expect(await isAlive(app.access_token)).toBe(false)
    const refreshed = await ok<Tokens>(refreshByCookie(browser.cookie(REFRESH_COOKIE) ?? ''))
    expect(refreshed.user.username).toBe(name)
    expect(await isLoggedIn(browser)).toBe(true)
  })

  it.each(['/logout', '/auth/pages/logout'])(
    'ends the session of the pages and the one in the cookie of an app at a logout: %s',
    async (form) => {
      const { browser, app } = await withAnotherInAnApp()
      const copy = browser.copy()
      expect((await browser.send(form, {})).url).toBe('/login?done=logged_out')
      expect(await isAlive(app.access_token)).toBe(false)
      expect(await isLoggedIn(copy)).toBe(false)
      expect(browser.cookie(REFRESH_COOKIE)).toBeUndefined()
    },
  )

  it.each([
    ['a new password', 'password', { new_password: NEW_PASSWORD }],
    ['the end of all sessions', 'sessions/end-all', {}],
    ['the deletion of the account', 'delete', {}],
  ])('ends the session in the cookie of an app with %s', async (_what, form, fields) => {
    const { browser, app } = await withAnotherInAnApp()
    await browser.open('/account')
    const sent = { account: browser.account, current_password: PASSWORD, ...fields }
    await browser.send(`/auth/pages/account/${form}`, sent)
    expect(await isAlive(app.access_token)).toBe(false)
  })

  it('keeps the cookies if one of the two sessions cannot be ended, so that the logout can be tried again', async () => {
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

  it('completes a login if the session that it replaces cannot be ended, and logs that', async () => {
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

  it('keeps both sessions after a failed login', async () => {
    const { browser, app } = await withAnotherInAnApp()
    await browser.send('/auth/pages/login', { identifier: newName(), password: PASSWORD })
    expect(await isLoggedIn(browser)).toBe(true)
    expect(await isAlive(app.access_token)).toBe(true)
  })

  it('redirects from the forms for login and registration to the account page if a session exists', async () => {
    const { browser } = await registered()
    for (const path of ['/login', '/login/continue', '/register', '/logout']) {
      expect((await browser.open(path)).url).toBe('/account')
    }
  })

  it('ends the session at a logout, so that a copy of the cookie is useless', async () => {
    const { browser } = await registered()
    const copy = browser.copy()
    expect((await browser.send('/logout', {})).url).toBe('/login?done=logged_out')
    expect(browser.cookie(PAGE_COOKIE)).toBeUndefined()
    expect(await isLoggedIn(copy)).toBe(false)
  })

  it('does not rotate the refresh token of an app when the cookie of the pages rotates, and survives its rotations', async () => {
    const { browser } = await registered()
    const refreshCookie = browser.cookie(REFRESH_COOKIE) ?? ''
    advance(60)
    const { refresh_token: _none, ...tokens } = await ok<Tokens>(refreshByCookie(refreshCookie))
    expect(tokens.access_token).toBeDefined()
    advance(3_600)
    expect(await isLoggedIn(browser)).toBe(true)
    expect(await isLoggedIn(browser)).toBe(true)
  })

  it('keeps a session of the pages alive while it is used and ends it after 30 idle days', async () => {
    const day = 86_400
    const { browser } = await registered()
    advance(20 * day)
    expect(await isLoggedIn(browser)).toBe(true)
    advance(20 * day)
    expect(await isLoggedIn(browser)).toBe(true)
    advance(31 * day)
    expect(await isLoggedIn(browser)).toBe(false)
  })

  it('records the last use of a session of the pages at most once an hour', async () => {
    const lastUsed = (page: Page) => /datetime="([^"]+)"/.exec(page.html)?.[1]
    const { browser } = await registered()
    const page = await browser.open('/account/devices')
    advance(3_599)
    expect(lastUsed(await browser.open('/account/devices'))).toBe(lastUsed(page))
    advance(1)
    expect(lastUsed(await browser.open('/account/devices'))).not.toBe(lastUsed(page))
  })

  it('ends the session of the pages when the account is disabled', async () => {
    const { browser, name } = await registered()
    const { user } = await ok<Tokens>(logIn(name))
    await ok(admin('PATCH', `/admin/users/${user.id}`, { disabled: true }))
    expect(await isLoggedIn(browser)).toBe(false)
  })

  it('rejects a refresh token from a response body as the cookie of the pages', async () => {
    const { refresh_token } = await newPerson()
    const browser = new Browser()
    browser.setCookie(PAGE_COOKIE, refresh_token)
    expect(await isLoggedIn(browser)).toBe(false)
    await ok(refresh(refresh_token))
  })

  it('rejects the token of the pages for refresh, logout and revocation at the API', async () => {
    const { browser } = await registered()
    const token = browser.cookie(PAGE_COOKIE) ?? ''
    expect(await refused(refresh(token))).toMatchObject({ code: 'invalid_refresh_token' })
    await ok(call('POST', '/auth/logout', { body: { refresh_token: token } }), 204)
    const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
    await call('POST', '/oauth2/revoke', { headers, body: `token=${token}&client_id=gatehouse` })
    expect(await isLoggedIn(browser)).toBe(true)
  })

  it('rejects the refresh token of an app as the cookie of the pages', async () => {
    const { browser } = await registered()
    const other = new Browser()
    other.setCookie(PAGE_COOKIE, browser.cookie(REFRESH_COOKIE) ?? '')
    expect(await isLoggedIn(other)).toBe(false)
  })

  it.each(['', 'garbage', 'A'.repeat(120)])('rejects a malformed cookie of the pages: %j', async (value) => {
    const browser = new Browser()
    browser.setCookie(PAGE_COOKIE, value)
    expect(await isLoggedIn(browser)).toBe(false)
  })

  /** A browser that is logged in on the pages, and with another account in an app of the same site. */
  async function withAnotherInAnApp() {
    const { browser, name } = await registered()
    const body = { username: newName(), password: PASSWORD, transport: 'cookie' }
    const response = await call('POST', '/auth/register', { body, headers: { Origin: APP } })
    const [, value = ''] = /=([^;]+)/.exec(response.headers.get('Set-Cookie') ?? '') ?? []
    browser.setCookie(REFRESH_COOKIE, value)
    return { browser, name, app: await response.json<Tokens>() }
  }

  function refreshByCookie(value: string) {
    const headers = { Cookie: `${REFRESH_COOKIE}=${value}`, Origin: APP, 'X-Gatehouse-CSRF': '1' }
    return call('POST', '/auth/refresh', { headers })
  }
})

// Last: it ends the sessions of the other tests too.
describe('the end of the sessions of all accounts', () => {
  it('ends the session of the pages when an operator ends all sessions', async () => {
    const { browser } = await registered()
    await admin('DELETE', '/admin/sessions')
    expect(await isLoggedIn(browser)).toBe(false)
  })
})
