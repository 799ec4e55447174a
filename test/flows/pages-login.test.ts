import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { admin } from '../support/admin.ts'
import { alertOf, Browser, type Page, textOf } from '../support/browser.ts'
import { call, newName, newPerson, ok, PASSWORD, refused, worker, workerWith } from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { disable } from '../support/database.ts'
import { useFastPasswords } from '../support/faults.ts'
import { APP, REFRESH_COOKIE, registered } from '../support/pages.ts'
import type { Tokens } from '../support/responses.ts'

beforeEach(useFastPasswords)
afterEach(() => vi.restoreAllMocks())

describe('the front page', () => {
  it('redirects from / to the login page if there is no session', async () => {
    const page = await new Browser().open('/')
    expect(page).toMatchObject({ url: '/login', status: 200 })
    expect(page.headers.get('Content-Type')).toBe('text/html; charset=UTF-8')
    expect(page.headers.get('Cache-Control')).toBe('no-store')
  })

  it('proxies / to the origin of a gateway route for /', async () => {
    const GATEWAY = { '/': { origin: env.RAW_ORIGIN_URL, required: false } }
    const fetch = workerWith({ GATEWAY })
    expect((await call('GET', '/', {}, fetch)).status).toBe(200)
    expect(await (await call('GET', '/', {}, fetch)).text()).toContain('GET / HTTP/1.1')
    expect((await new Browser({}, fetch).open('/login')).html).toContain('<form')
  })

  it('answers 404 at the address of each page if pages are disabled', async () => {
    const fetch = workerWith({ PAGES: { enabled: false } })
    for (const path of ['/', '/login', '/register', '/account']) {
      expect(await refused(call('GET', path, {}, fetch))).toMatchObject({ code: 'not_found' })
    }
  })
})

describe('the login page', () => {
  it('logs in to the account by a username in another case', async () => {
    const { name } = await newPerson()
    const page = await new Browser().send('/login', { identifier: name.toUpperCase(), password: PASSWORD })
    expect(page.url).toBe('/account')
    expect(page.html).toContain(`You are logged in as ${name}.`)
  })

  it('shows the same error for a wrong password and for an unknown username', async () => {
    const { name } = await newPerson()
    const [wrong, unknown] = [
      await new Browser().send('/login', { identifier: name, password: 'a guess that is wrong' }),
      await new Browser().send('/login', { identifier: newName(), password: 'a guess that is wrong' }),
    ]
    expect([wrong.status, unknown.status]).toEqual([401, 401])
    expect(alertOf(wrong)).toBe('Incorrect username or password.')
    expect(alertOf(unknown)).toBe(alertOf(wrong))
    expect(wrong.html).toContain(`value="${name}"`)
    expect(wrong.html).not.toContain('a guess that is wrong')
  })

  it('shows that an account is disabled', async () => {
    const { name, user } = await newPerson()
    await disable(user.id)
    const page = await new Browser().send('/login', { identifier: name, password: PASSWORD })
    expect(page.status).toBe(403)
    expect(alertOf(page)).toMatch(/account is disabled/)
  })

  it('shows the challenge for the next attempt with the third failed login and on a new login page', async () => {
    const { name } = await newPerson()
    const browser = new Browser()
    const guess = () => browser.send('/login', { identifier: name, password: 'a guess that is wrong' })
    const isChallenged = (page: Page) => page.html.includes('data-challenge=')
    expect(isChallenged(await browser.open('/login'))).toBe(false)
    expect([await guess(), await guess(), await guess()].map(isChallenged)).toEqual([false, false, true])
    expect(isChallenged(await browser.open('/login'))).toBe(true)
    const unsolved = await browser.send('/login', { identifier: name, password: PASSWORD })
    expect(unsolved.status).toBe(403)
    expect(alertOf(unsolved)).toMatch(/complete the security check below/)
    expect(unsolved.html).toContain('<noscript>')
    expect(isChallenged(unsolved)).toBe(true)
  })

  it('shows no challenge while the rule for failed logins is disabled', async () => {
    const browser = new Browser()
    for (let times = 1; times <= 3; times++)
      await browser.send('/login', { identifier: newName(), password: 'a guess that is wrong' })
    await ok(admin('PUT', '/admin/limits/login_failures_per_ip', { enabled: false }))
    const page = await browser.open('/login')
    await ok(admin('PUT', '/admin/limits/login_failures_per_ip', { enabled: true }))
    expect(page.html).not.toContain('data-challenge=')
    expect((await browser.open('/login')).html).toContain('data-challenge=')
  })

  it('counts a failed login on the page and one at the API together', async () => {
    const { name } = await newPerson()
    const headers = { 'CF-Connecting-IP': '192.0.2.78' }
    const browser = new Browser(headers)
    const body = { identifier: name, password: 'a guess that is wrong' }
    await browser.send('/login', body)
    await browser.send('/login', body)
    expect(await refused(call('POST', '/auth/login', { headers, body }))).toMatchObject({
      code: 'invalid_credentials',
    })
    expect(await refused(call('POST', '/auth/login', { headers, body }))).toMatchObject({
      code: 'challenge_required',
    })
    expect((await browser.send('/login', body)).status).toBe(403)
  })

  it('asks to fill in the empty fields of a login and counts no failure', async () => {
    const browser = new Browser()
    for (let times = 1; times <= 5; times++) {
      const page = await browser.send('/login', { identifier: '', password: '' })
      expect(page.status).toBe(422)
      expect(textOf(page, 'login-identifier-error')).toBe('Fill in this field.')
      const unseen = await browser.send('/login', { identifier: '\u200b ', password: PASSWORD })
      expect(textOf(unseen, 'login-identifier-error')).toBe('Fill in this field.')
      expect(textOf(page, 'login-password-error')).toBe('Fill in this field.')
    }
    expect((await browser.open('/login')).html).not.toContain('data-challenge=')
  })

  it('shows after a login that the browser is blocking cookies', async () => {
    const { name } = await newPerson()
    const page = await new Browser({}, worker, false).send('/login', { identifier: name, password: PASSWORD })
    expect(page.status).toBe(200)
    expect(page.url).toMatch(/^\/login\?just_logged_in=[\w-]{54}$/)
    expect(alertOf(page)).toMatch(/Your browser is blocking cookies/)
  })

  describe('just_logged_in', () => {
    beforeEach(() => freeze())
    afterEach(thaw)

    /** @returns the address that a new account's browser is redirected to after a login */
    async function redirectAfterLogin(browser: Browser, query = ''): Promise<string> {
      const { name } = await newPerson()
      return (await browser.send(`/login${query}`, { identifier: name, password: PASSWORD })).url
    }
    const withoutCookies = () => new Browser({}, worker, false)

    it.each(['', '=', '=1', '=true', `=${'A'.repeat(54)}`, `=${'A'.repeat(5_000)}`, '&just_logged_in'])(
      'shows no message about cookies for a forged ?just_logged_in%s',
      async (value) => {
        const page = await new Browser().open(`/login?just_logged_in${value}`)
        expect(page.status).toBe(200)
        expect(alertOf(page)).toBeUndefined()
      },
    )

    it('ignores the just_logged_in of another IP address', async () => {
      const address = await redirectAfterLogin(withoutCookies())
      expect(alertOf(await new Browser().open(address))).toBeUndefined()
    })

    it('accepts just_logged_in for two minutes from the IP address that it was issued to', async () => {
      const browser = withoutCookies()
      const address = await redirectAfterLogin(browser)
      advance(119)
      expect(alertOf(await browser.open(address))).toMatch(/Your browser is blocking cookies/)
      advance(1)
      expect(alertOf(await browser.open(address))).toBeUndefined()
    })

    it('redirects to an app only right after a login: a just_logged_in from a link does not count', async () => {
      const query = `?${new URLSearchParams({ return_to: `${APP}/` })}`
      const address = await redirectAfterLogin(withoutCookies(), query)
      expect(address).toContain('return_to=')
      const { browser } = await registered()
      for (const link of [address, `/login${query}&just_logged_in`, `/login${query}&just_logged_in=1`]) {
        const page = await browser.open(link)
        expect(page.html).toContain('Continue to app.example.test')
        expect(page.html).not.toContain('http-equiv="refresh"')
      }
    })
  })

  it.each(['reserve', 'peek'])(
    'answers 503 to a login with a page if the counter is unavailable: %s',
    async (method) => {
      const watched = watch()
      const { name } = await newPerson()
      watched.fail(method, { before: true })
      const browser = new Browser({}, workerWith(watched.bindings))
      const page = await browser.send('/login', { identifier: name, password: 'a guess that is wrong' })
      expect(page.status).toBe(503)
      expect(page.headers.get('Content-Type')).toMatch(/^text\/html/)
      expect(page.headers.get('Retry-After')).toBe('5')
    },
  )

  it('keeps the form and the typed identifier if all counters are unavailable', async () => {
    const down = new Proxy({}, { get: () => () => Promise.reject(new Error('no counter')) })
    const COUNTER = { getByName: () => down } as unknown as typeof env.COUNTER
    const name = newName()
    const page = await new Browser({}, workerWith({ COUNTER })).send('/login', {
      identifier: name,
      password: PASSWORD,
    })
    expect(page.status).toBe(503)
    expect(page.html).toContain(`value="${name}"`)
  })

  it('rejects a control character in the identifier of a login', async () => {
    const page = await new Browser().send('/login', { identifier: 'a\u0007bcd', password: PASSWORD })
    expect(page.status).toBe(422)
    expect(textOf(page, 'login-identifier-error')).toMatch(/For a username, use/)
  })

  it('shows that the service is unavailable if the database does not respond', async () => {
    const watched = watch()
    for (const name of ['read', 'run', 'batch']) watched.fail(name, { before: true })
    const fetch = workerWith(watched.bindings)
    const { name } = await newPerson()
    const page = await new Browser({}, fetch).send('/login', { identifier: name, password: PASSWORD })
    expect(page.status).toBe(503)
    expect(page.headers.get('Content-Type')).toMatch(/^text\/html/)
    expect(page.html).toContain('The service is temporarily unavailable.')
  })
})

describe('return_to', () => {
  const query = (address: string) => `?${new URLSearchParams({ return_to: address })}`

  it('redirects a login to return_to by a page with a refresh, since form-action covers redirects in Chromium', async () => {
    const { name } = await newPerson()
    const browser = new Browser()
    const path = `/login${query(`${APP}/cart?x=1&y="`)}`
    const form = await browser.open(path)
    expect(form.headers.get('Content-Security-Policy')).toContain("form-action 'self';")
    const action = /action="([^"]*)"/.exec(form.html)?.[1]?.replaceAll('&amp;', '&') ?? ''
    const page = await browser.send(action, { identifier: name, password: PASSWORD })
    expect(page.status).toBe(200)
    expect(page.html).toContain(`<meta http-equiv="refresh" content="0;url=${APP}/cart?x=1&amp;y=%22"/>`)
  })

  it('ignores a return_to of an origin that is not configured', async () => {
    const { name } = await newPerson()
    const page = await new Browser().send(`/login${query('https://evil.example/')}`, {
      identifier: name,
      password: PASSWORD,
    })
    expect(page.url).toBe('/account')
    const form = await new Browser().open(`/login${query('https://evil.example/')}`)
    expect(form.html).not.toContain('evil.example')
    const { browser } = await registered()
    expect((await browser.open(`/login${query('https://evil.example/')}&just_logged_in`)).url).toBe(
      '/account',
    )
  })

  it('continues to return_to only after a confirmation if a session exists already, so that no redirect loop forms', async () => {
    const { browser, name } = await registered()
    const page = await browser.open(`/login${query(APP)}`)
    expect(page).toMatchObject({ status: 200, url: `/login${query(APP)}` })
    expect(page.html).toContain(`You are logged in as ${name}.`)
    expect(page.html).toContain('Continue to app.example.test')
    expect(page.html).not.toContain('http-equiv="refresh"')
    browser.setCookie(REFRESH_COOKIE, "somebody else's")
    const next = await browser.send(`/login/continue${query(APP)}`, {})
    expect(next.html).toContain(`<meta http-equiv="refresh" content="0;url=${APP}/"/>`)
    const headers = {
      Cookie: `${REFRESH_COOKIE}=${browser.cookie(REFRESH_COOKIE)}`,
      Origin: APP,
      'X-Gatehouse-CSRF': '1',
    }
    expect((await ok<Tokens>(call('POST', '/auth/refresh', { headers }))).user.username).toBe(name)
  })

  it('redirects from /login/continue to the login page if there is no session', async () => {
    const page = await new Browser().send(`/login/continue${query(APP)}`, {})
    expect(page.url).toBe(`/login${query(`${APP}/`)}`)
  })
})
