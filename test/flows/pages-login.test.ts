import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { admin } from '../support/admin.ts'
import { alertOf, Browser, type Page, textOf } from '../support/browser.ts'
import {
  call,
  newName,
  newPerson,
  ok,
  PASSWORD,
  refused,
  type Tokens,
  worker,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { disable } from '../support/database.ts'
import { cheapenPasswords } from '../support/faults.ts'
import { APP, REFRESH_COOKIE, registered } from '../support/pages.ts'

beforeEach(cheapenPasswords)
afterEach(() => vi.restoreAllMocks())

describe('the front page', () => {
  it('leads a stranger to the log in', async () => {
    const page = await new Browser().open('/')
    expect(page).toMatchObject({ url: '/login', status: 200 })
    expect(page.headers.get('Content-Type')).toBe('text/html; charset=UTF-8')
    expect(page.headers.get('Cache-Control')).toBe('no-store')
  })

  it("is an origin's where the gateway has one there", async () => {
    const GATEWAY = { '/': { origin: env.RAW_ORIGIN_URL, required: false } }
    const fetch = workerWith({ GATEWAY })
    expect((await call('GET', '/', {}, fetch)).status).toBe(200)
    expect(await (await call('GET', '/', {}, fetch)).text()).toContain('GET / HTTP/1.1')
    expect((await new Browser({}, fetch).open('/login')).html).toContain('<form')
  })

  it('is nothing where there are no pages', async () => {
    const fetch = workerWith({ PAGES: { enabled: false } })
    for (const path of ['/', '/login', '/register', '/account']) {
      expect(await refused(call('GET', path, {}, fetch))).toMatchObject({ code: 'not_found' })
    }
  })
})

describe('somebody who logs in', () => {
  it('comes to the account, in whatever spelling the name was typed', async () => {
    const { name } = await newPerson()
    const page = await new Browser().send('/login', { identifier: name.toUpperCase(), password: PASSWORD })
    expect(page.url).toBe('/account')
    expect(page.html).toContain(`You are logged in as ${name}.`)
  })

  it('is told the same of a wrong password and an unknown name', async () => {
    const { name } = await newPerson()
    const [wrong, unknown] = [
      await new Browser().send('/login', { identifier: name, password: 'a guess that is wrong' }),
      await new Browser().send('/login', { identifier: newName(), password: 'a guess that is wrong' }),
    ]
    expect([wrong.status, unknown.status]).toEqual([401, 401])
    expect(alertOf(wrong)).toBe('The name or the password is wrong.')
    expect(alertOf(unknown)).toBe(alertOf(wrong))
    expect(wrong.html).toContain(`value="${name}"`)
    expect(wrong.html).not.toContain('a guess that is wrong')
  })

  it('with a disabled account is told so', async () => {
    const { name, user } = await newPerson()
    await disable(user.id)
    const page = await new Browser().send('/login', { identifier: name, password: PASSWORD })
    expect(page.status).toBe(403)
    expect(alertOf(page)).toMatch(/account is disabled/)
  })

  it('sees the challenge that the next attempt needs, on the page of the third failure and on a new one', async () => {
    const { name } = await newPerson()
    const browser = new Browser()
    const guess = () => browser.send('/login', { identifier: name, password: 'a guess that is wrong' })
    const isChallenged = (page: Page) => page.html.includes('data-challenge=')
    expect(isChallenged(await browser.open('/login'))).toBe(false)
    expect([await guess(), await guess(), await guess()].map(isChallenged)).toEqual([false, false, true])
    expect(isChallenged(await browser.open('/login'))).toBe(true)
    const unanswered = await browser.send('/login', { identifier: name, password: PASSWORD })
    expect(unanswered.status).toBe(403)
    expect(alertOf(unanswered)).toMatch(/pass the check below/)
    expect(unanswered.html).toContain('<noscript>')
    expect(isChallenged(unanswered)).toBe(true)
  })

  it('sees no challenge where the rule is switched off meanwhile', async () => {
    const browser = new Browser()
    for (let times = 1; times <= 3; times++)
      await browser.send('/login', { identifier: newName(), password: 'a guess that is wrong' })
    await ok(admin('PUT', '/admin/limits/login_failures_per_ip', { enabled: false }))
    const page = await browser.open('/login')
    await ok(admin('PUT', '/admin/limits/login_failures_per_ip', { enabled: true }))
    expect(page.html).not.toContain('data-challenge=')
    expect((await browser.open('/login')).html).toContain('data-challenge=')
  })

  it('counts as one at the API would, and an API guess as one here', async () => {
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

  it('is told to fill in what is empty, with nothing counted', async () => {
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

  it('with a browser that keeps no cookie is told so', async () => {
    const { name } = await newPerson()
    const page = await new Browser({}, worker, false).send('/login', { identifier: name, password: PASSWORD })
    expect(page.status).toBe(200)
    expect(page.url).toMatch(/^\/login\?just_logged_in=[\w-]{54}$/)
    expect(alertOf(page)).toMatch(/your browser keeps no cookie/)
  })

  describe('and an address that says so', () => {
    beforeEach(() => freeze())
    afterEach(thaw)

    /** Where somebody was sent on to whose browser kept no cookie. */
    async function sentOnTo(browser: Browser, query = ''): Promise<string> {
      const { name } = await newPerson()
      return (await browser.send(`/login${query}`, { identifier: name, password: PASSWORD })).url
    }
    const forgetful = () => new Browser({}, worker, false)

    it.each(['', '=', '=1', '=true', `=${'A'.repeat(54)}`, `=${'A'.repeat(5_000)}`, '&just_logged_in'])(
      'is nothing that a link can make: ?just_logged_in%s',
      async (value) => {
        const page = await new Browser().open(`/login?just_logged_in${value}`)
        expect(page.status).toBe(200)
        expect(alertOf(page)).toBeUndefined()
      },
    )

    it('is as good as none for everybody at another address', async () => {
      const address = await sentOnTo(forgetful())
      expect(alertOf(await new Browser().open(address))).toBeUndefined()
    })

    it('is good for two minutes where it was made', async () => {
      const browser = forgetful()
      const address = await sentOnTo(browser)
      advance(119)
      expect(alertOf(await browser.open(address))).toMatch(/your browser keeps no cookie/)
      advance(1)
      expect(alertOf(await browser.open(address))).toBeUndefined()
    })

    it('sends nobody on to an app who has not just logged in', async () => {
      const query = `?${new URLSearchParams({ return_to: `${APP}/` })}`
      const address = await sentOnTo(forgetful(), query)
      expect(address).toContain('return_to=')
      const { browser } = await registered()
      for (const link of [address, `/login${query}&just_logged_in`, `/login${query}&just_logged_in=1`]) {
        const page = await browser.open(link)
        expect(page.html).toContain('Continue to app.example.test')
        expect(page.html).not.toContain('http-equiv="refresh"')
      }
    })
  })

  it.each(['reserve', 'look'])('where a counter is out of reach is told so: %s', async (method) => {
    const watched = watch()
    const { name } = await newPerson()
    watched.fail(method, { before: true })
    const browser = new Browser({}, workerWith(watched.bindings))
    const page = await browser.send('/login', { identifier: name, password: 'a guess that is wrong' })
    expect(page.status).toBe(503)
    expect(page.headers.get('Content-Type')).toMatch(/^text\/html/)
    expect(page.headers.get('Retry-After')).toBe('5')
  })

  it('where all counters are out of reach still has the form, with what was typed', async () => {
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

  it('with a name that no account could have, since it has a control character, is told so', async () => {
    const page = await new Browser().send('/login', { identifier: 'a\u0007bcd', password: PASSWORD })
    expect(page.status).toBe(422)
    expect(textOf(page, 'login-identifier-error')).toMatch(/A username needs/)
  })

  it('where the database is out of reach is told so, and may try again', async () => {
    const fetch = workerWith({
      DB: {
        ...env.DB,
        withSession: () => {
          throw new Error('no database')
        },
      } as unknown as D1Database,
    })
    const { name } = await newPerson()
    const page = await new Browser({}, fetch).send('/login', { identifier: name, password: PASSWORD })
    expect(page.status).toBe(503)
    expect(page.headers.get('Content-Type')).toMatch(/^text\/html/)
    expect(page.html).toContain('The service cannot be reached just now.')
  })
})

describe('return_to', () => {
  const query = (address: string) => `?${new URLSearchParams({ return_to: address })}`

  it('leads back to the app that asked, by a page of ours: Chromium holds what follows a form to its policy', async () => {
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

  it('leads nowhere else', async () => {
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

  it('goes on only when somebody who is logged in already says so: no app and no page go round in circles', async () => {
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

  it('leads a stranger who would go on to the log in', async () => {
    const page = await new Browser().send(`/login/continue${query(APP)}`, {})
    expect(page.url).toBe(`/login${query(`${APP}/`)}`)
  })
})
