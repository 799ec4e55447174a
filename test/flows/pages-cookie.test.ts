import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Browser } from '../support/browser.ts'
import { call, changePassword, NEW_PASSWORD, ok, PASSWORD, refused, workerWith } from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { APP, isLoggedIn, PAGE_COOKIE, REFRESH_COOKIE, registered } from '../support/pages.ts'
import { sessionIdOf, type Tokens } from '../support/responses.ts'

const HOUR = 3_600

beforeEach(() => freeze())
afterEach(() => {
  thaw()
  vi.restoreAllMocks()
})

/** Tokens by the refresh cookie of a browser, which keeps the next one. */
async function refreshIn(browser: Browser): Promise<Tokens> {
  const response = await refreshByCookie(browser.cookie(REFRESH_COOKIE) ?? '')
  const [, value = ''] = /=([^;]+)/.exec(response.headers.get('Set-Cookie') ?? '') ?? []
  browser.setCookie(REFRESH_COOKIE, value)
  return ok<Tokens>(Promise.resolve(response))
}

function refreshByCookie(value: string) {
  const headers = { Cookie: `${REFRESH_COOKIE}=${value}`, Origin: APP, 'X-Gatehouse-CSRF': '1' }
  return call('POST', '/auth/refresh', { headers })
}

const continueToApp = (browser: Browser) =>
  browser.send(`/auth/pages/login/continue?${new URLSearchParams({ return_to: APP })}`, {})

describe('the cookie of the pages', () => {
  it('stays the same for an hour of page views and rotates with the next one', async () => {
    const { browser } = await registered()
    const first = browser.cookie(PAGE_COOKIE)
    advance(HOUR - 1)
    await browser.open('/account')
    expect(browser.cookie(PAGE_COOKIE)).toBe(first)
    advance(1)
    await browser.open('/account')
    expect(browser.cookie(PAGE_COOKIE)).not.toBe(first)
    expect(await isLoggedIn(browser)).toBe(true)
  })

  it('rotates with a form, also with a rejected one', async () => {
    const { browser } = await registered()
    const first = browser.cookie(PAGE_COOKIE)
    await browser.send('/account/profile', { username: '', email: '', phone: '', current_password: '' })
    expect(browser.cookie(PAGE_COOKIE)).not.toBe(first)
    expect(await isLoggedIn(browser)).toBe(true)
  })

  it('stays valid when a response is lost, and when the browser is restored much later', async () => {
    const { browser } = await registered()
    const lost = browser.copy()
    advance(HOUR)
    expect(await isLoggedIn(browser)).toBe(true)
    const restored = lost.copy()
    expect(await isLoggedIn(lost)).toBe(true)
    advance(20 * HOUR)
    expect(await isLoggedIn(restored)).toBe(true)
    expect(await isLoggedIn(restored)).toBe(true)
  })

  it('ends the session once two copies of it have been used, and logs that', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const { browser } = await registered()
    const tokens = await refreshIn(browser)
    const copy = browser.copy()
    advance(HOUR)
    expect(await isLoggedIn(browser)).toBe(true)
    expect(await isLoggedIn(browser)).toBe(true)
    advance(10)
    expect(await isLoggedIn(copy)).toBe(false)
    expect(await isLoggedIn(browser)).toBe(false)
    const lines = warn.mock.calls.map(([line]) => JSON.parse(String(line)))
    expect(lines).toMatchObject([{ event: 'refresh_token_reused', session_id: sessionIdOf(tokens) }])
    expect((await refreshByCookie(browser.cookie(REFRESH_COOKIE) ?? '')).status).toBe(401)
  })

  it('keeps the session when two tabs send forms at once', async () => {
    const { browser } = await registered()
    const tab = browser.copy()
    const rejected = { username: '', email: '', phone: '', current_password: '' }
    await Promise.all([browser, tab].map((each) => each.send('/account/profile', rejected)))
    expect(await isLoggedIn(browser)).toBe(true)
    expect(await isLoggedIn(tab)).toBe(true)
  })

  it('keeps a session in use alive if REFRESH_IDLE_SECONDS is less than one hour', async () => {
    const fetch = workerWith({ REFRESH_IDLE_SECONDS: '60' })
    const { browser } = await registered(undefined, new Browser({}, fetch))
    for (let views = 1; views <= 5; views++) {
      advance(40)
      expect(await isLoggedIn(browser)).toBe(true)
    }
    advance(60)
    expect(await isLoggedIn(browser)).toBe(false)
  })
})

describe('an app that the pages continue to', () => {
  it('gets tokens of its own under the same session, and the earlier refresh cookie is invalid', async () => {
    const { browser } = await registered()
    const before = await refreshIn(browser)
    const earlier = browser.cookie(REFRESH_COOKIE) ?? ''
    await continueToApp(browser)
    const after = await refreshIn(browser)
    expect(sessionIdOf(after)).toBe(sessionIdOf(before))
    expect(await refused(refreshByCookie(earlier))).toMatchObject({ code: 'invalid_refresh_token' })
    expect(await isLoggedIn(browser)).toBe(true)
  })

  it('never gets a token of the family of another browser with a copy of the cookie', async () => {
    const { browser } = await registered()
    const copy = new Browser()
    copy.setCookie(PAGE_COOKIE, browser.cookie(PAGE_COOKIE) ?? '')
    await continueToApp(copy)
    const tokens = await refreshIn(copy)
    expect(sessionIdOf(tokens)).toBe(sessionIdOf(await refreshIn(browser)))
    expect((await refreshIn(browser)).access_token).toBeDefined()
  })
})

describe('a change of the password', () => {
  it('keeps both cookies of the browser valid if it is made on the pages', async () => {
    const { browser } = await registered()
    const before = sessionIdOf(await refreshIn(browser))
    const stale = browser.copy()
    await browser.send('/account/password', { current_password: PASSWORD, new_password: NEW_PASSWORD })
    expect(await isLoggedIn(browser)).toBe(true)
    expect(sessionIdOf(await refreshIn(browser))).toBe(before)
    expect(await isLoggedIn(stale)).toBe(false)
    const refusal = await refused(refreshByCookie(stale.cookie(REFRESH_COOKIE) ?? ''))
    expect(refusal).toMatchObject({ code: 'invalid_refresh_token' })
  })

  it('ends the cookie of the pages if it is made at the API with the same session', async () => {
    const { browser } = await registered()
    const { access_token } = await refreshIn(browser)
    await ok(changePassword(access_token))
    expect(await isLoggedIn(browser)).toBe(false)
    expect((await refreshByCookie(browser.cookie(REFRESH_COOKIE) ?? '')).status).toBe(401)
  })
})
