import { env } from 'cloudflare:workers'
import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { admin } from '../support/admin.ts'
import { alertOf, Browser, type Page, textOf } from '../support/browser.ts'
import {
  call,
  isAlive,
  logIn,
  NEW_PASSWORD,
  newName,
  newPerson,
  ok,
  PASSWORD,
  PUBLIC_URL,
  refresh,
  refused,
  type Tokens,
  worker,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { disable } from '../support/database.ts'
import { cheapenPasswords } from '../support/faults.ts'

beforeEach(cheapenPasswords)
afterEach(() => vi.restoreAllMocks())

const APP = 'https://app.example.test'
const PAGE_COOKIE = '__Host-gatehouse_pages'
const REFRESH_COOKIE = '__Secure-gatehouse_refresh'

async function registered(name = newName(), browser = new Browser()) {
  const page = await browser.send('/register', { identifier: name, password: PASSWORD })
  expect(page.url).toBe('/account')
  return { browser, name, page }
}

const isLoggedIn = async (browser: Browser) => (await browser.open('/account')).url === '/account'

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

describe('somebody who registers', () => {
  it.each([
    ['username', () => newName()],
    ['email', () => `${newName()}@example.com`],
    ['phone', () => '+12015550177'],
  ])(
    'with a %s is logged in, by a cookie for the pages and one for apps of the same site',
    async (kind, make) => {
      const { browser, name } = await registered(make())
      expect(browser.cookie(PAGE_COOKIE)).toMatch(/^[\w-]{100,}$/)
      const headers = {
        Cookie: `${REFRESH_COOKIE}=${browser.cookie(REFRESH_COOKIE)}`,
        Origin: APP,
        'X-Gatehouse-CSRF': '1',
      }
      const tokens = await ok<Tokens>(call('POST', '/auth/refresh', { headers }))
      expect(tokens.user).toMatchObject({ [kind]: name })
      expect(await isLoggedIn(browser)).toBe(true)
    },
  )

  it.each([
    ['an empty identifier', { identifier: '' }, 'register-identifier-error', 'Fill in this field.'],
    ['an empty password', { password: '' }, 'register-password-error', 'Fill in this field.'],
    ['a bad username', { identifier: '!!' }, 'register-identifier-error', /username needs 3 to 32/],
    ['a bad address', { identifier: 'a@b' }, 'register-identifier-error', /an email address such as/],
    ['a bad number', { identifier: '+1 2' }, 'register-identifier-error', /a phone number with/],
    ['a control character', { identifier: 'a\u0000bcd' }, 'register-identifier-error', /username/],
    ['a reserved username', { identifier: 'Admin' }, 'register-identifier-error', /is reserved/],
    [
      'an invisible character',
      { identifier: 'grace\ufe0f' },
      'register-identifier-error',
      /nothing invisible/,
    ],
    ['digits', { identifier: '12345' }, 'register-identifier-error', /needs a letter.*begins with \+/],
    [
      'other digits',
      { identifier: '\u0661-\u0662 (\u0663)' },
      'register-identifier-error',
      /needs a letter.*\+/,
    ],
    [
      'invisible characters',
      { identifier: '\u202a \u200b' },
      'register-identifier-error',
      'Fill in this field.',
    ],
    ['a short password', { password: 'q7$kz!v' }, 'register-password-error', 'The password is too short.'],
    ['a simple password', { password: '12341234' }, 'register-password-error', /^The password is too simple/],
    ['a word and a year', { password: 'Monkey!2024' }, 'register-password-error', /too common/],
    ['a common password', { password: 'password1' }, 'register-password-error', /too common/],
  ])('with %s is told so beside the field, and keeps what was typed', async (_what, fields, id, message) => {
    const sent = { identifier: newName(), password: PASSWORD, ...fields }
    const page = await new Browser().send('/register', sent)
    expect(page.status).toBe(422)
    expect(textOf(page, id)).toMatch(message)
    expect(page.html).toContain('aria-invalid="true"')
    expect(page.html).toContain(`aria-describedby="${id.replace('-error', '-hint')} ${id}"`)
    expect(page.html).not.toContain(PASSWORD)
    expect(alertOf(page)).toBeDefined()
  })

  it('is told of digits in Chinese too', async () => {
    const browser = new Browser({ 'Accept-Language': 'zh-CN' })
    const page = await browser.send('/register', { identifier: '13800138000', password: PASSWORD })
    expect(textOf(page, 'register-identifier-error')).toMatch(/至少含一个字母.*以 \+ 和国家代码开头/)
  })

  it('is told of everything at once, and of a name in the password only beside that', async () => {
    const sent = { identifier: 'admin', password: 'admin admin admin!' }
    const page = await new Browser().send('/register', sent)
    expect(page.status).toBe(422)
    expect(textOf(page, 'register-identifier-error')).toBe('This username is reserved. Choose another one.')
    expect(textOf(page, 'register-password-error')).toBe(
      'The password contains your name, email or phone number.',
    )
  })

  it('may type invisible characters around a name, and a number in any digits', async () => {
    const name = newName()
    const page = await new Browser().send('/register', {
      identifier: `\u202a${name}\u202c `,
      password: PASSWORD,
    })
    expect(page.html).toContain(`You are logged in as ${name}.`)
    const number = '\uff0b\uff11 202 555\u20110166'
    const other = await new Browser().send('/register', { identifier: number, password: PASSWORD })
    expect(other.html).toContain('You are logged in as +12025550166.')
    const again = await new Browser().send('/login', { identifier: ` ${name}\ufeff`, password: PASSWORD })
    expect(again.html).toContain(`You are logged in as ${name}.`)
  })

  it('with a name that is taken is told so beside the field', async () => {
    const { name } = await newPerson()
    const page = await new Browser().send('/register', { identifier: name, password: PASSWORD })
    expect(page.status).toBe(409)
    expect(textOf(page, 'register-identifier-error')).toBe('This username is taken.')
  })

  it('too often is told when to try again', async () => {
    const address = { 'CF-Connecting-IP': '192.0.2.77' }
    for (let times = 1; times <= 3; times++) await registered(newName(), new Browser(address))
    const page = await new Browser(address).send('/register', { identifier: newName(), password: PASSWORD })
    expect(page.status).toBe(429)
    expect(alertOf(page)).toBe('Too many accounts were created from your network. Try again in 5 minutes.')
    expect(page.headers.get('Retry-After')).toMatch(/^\d+$/)
  })

  it('too often is offered no challenge, since that rule blocks', async () => {
    const address = { 'CF-Connecting-IP': '192.0.2.79' }
    for (let times = 1; times <= 3; times++) await registered(newName(), new Browser(address))
    expect((await new Browser(address).open('/register')).html).not.toContain('data-challenge=')
  })

  it('and has an account, but no session since a fault came between, is sent to log in', async () => {
    const watched = watch()
    watched.fail('open', { before: true })
    const name = newName()
    const page = await new Browser({}, workerWith(watched.bindings)).send('/register', {
      identifier: name,
      password: PASSWORD,
    })
    expect(page.url).toBe('/login?done=registered')
    expect(page.html).toContain('Your account is created. Log in.')
    await ok(logIn(name))
  })

  it('where registration is closed is told so', async () => {
    await admin('PUT', '/admin/limits', { registration_open: false })
    const page = await new Browser().send('/register', { identifier: newName(), password: PASSWORD })
    await admin('PUT', '/admin/limits', { registration_open: true })
    expect(page.status).toBe(403)
    expect(alertOf(page)).toBe('The service takes no registrations at present.')
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

describe('a form', () => {
  const FORMS = [
    '/login',
    '/login/continue',
    '/register',
    '/logout',
    '/account/profile',
    '/account/password',
    '/account/delete',
    '/account/sessions/end',
    '/account/sessions/end-others',
    '/account/sessions/end-all',
    '/auth/pages/login',
    '/auth/pages/login/continue',
    '/auth/pages/register',
    '/auth/pages/logout',
    '/auth/pages/account/password',
    '/auth/pages/account/sessions/end-all',
    '/auth/pages/account/delete',
  ]

  it.each([
    ['another site', { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' }],
    ['another host of the site, even a configured one', { 'Sec-Fetch-Site': 'same-site', Origin: APP }],
    ["nobody's page", { 'Sec-Fetch-Site': 'none' }],
    ['another site, by an old browser', { Origin: 'https://evil.example' }],
    ['a page that hides where it is', { Origin: 'null' }],
    ['a program that says nothing', {}],
    ['a site that claims the right Origin', { 'Sec-Fetch-Site': 'cross-site', Origin: PUBLIC_URL }],
  ])('from %s does nothing', async (_who, headers: Record<string, string>) => {
    const { browser, name } = await registered()
    const fields = {
      identifier: newName(),
      password: PASSWORD,
      current_password: PASSWORD,
      new_password: NEW_PASSWORD,
      username: newName(),
    }
    for (const path of FORMS) {
      const page = await browser.send(path, fields, headers)
      expect(page.status).toBe(403)
      expect(page.html).toContain('<code>origin_not_allowed</code>')
      expect(page.headers.getSetCookie()).toEqual([])
    }
    expect(await isLoggedIn(browser)).toBe(true)
    await ok(logIn(name))
  })

  it('from a browser that knows no Fetch Metadata is known by its Origin', async () => {
    const { name } = await newPerson()
    const page = await new Browser().send(
      '/login',
      { identifier: name, password: PASSWORD },
      { Origin: PUBLIC_URL },
    )
    expect(page.url).toBe('/account')
  })

  it.each([
    ['of another type', { 'Content-Type': 'application/json' }, 'x', 415],
    ['without a type', { 'Content-Type': '' }, 'x', 415],
    ['that is too large', {}, 'x'.repeat(17_000), 413],
  ])('%s is refused with a page', async (_what, headers: Record<string, string>, password, status) => {
    const own = { 'Sec-Fetch-Site': 'same-origin', ...headers }
    const page = await new Browser().send('/login', { identifier: 'x', password }, own)
    expect(page.status).toBe(status)
    expect(page.html).toContain('<main>')
  })

  it.each(['/account/profile', '/account/password', '/account/delete', '/account/sessions/end'])(
    'of a stranger leads to the log in: %s',
    async (path) => {
      const page = await new Browser().send(path, { current_password: PASSWORD })
      expect(page.url).toBe('/login?done=ended')
      expect(page.html).toContain('You have been logged out. Log in to go on; nothing was saved.')
    },
  )
})

describe('the account', () => {
  it('keeps what is changed of it, and says so', async () => {
    const { browser, name } = await registered()
    const email = `${newName()}@example.com`
    const page = await browser.send('/account/profile', {
      username: name,
      email,
      phone: '',
      current_password: PASSWORD,
    })
    expect(page.url).toBe('/account?done=profile')
    expect(page.html).toContain('Your profile is saved.')
    expect(page.html).toContain(`value="${email}"`)
    await ok(logIn(email))
  })

  it.each([
    [
      'a wrong password',
      { current_password: 'a guess that is wrong' },
      401,
      'profile-current_password-error',
      'The password is wrong.',
    ],
    ['no password', { current_password: '' }, 422, 'profile-current_password-error', 'Fill in this field.'],
    ['a bad address', { email: 'nowhere' }, 422, 'profile-email-error', /an email address such as/],
    ['a bad number', { phone: '12' }, 422, 'profile-phone-error', /a phone number with/],
    [
      'a number without a password',
      { phone: '12', current_password: '' },
      422,
      'profile-phone-error',
      /phone/,
    ],
  ])('is not changed with %s, and what was typed stays', async (_what, fields, status, id, message) => {
    const { browser, name } = await registered()
    const sent = { username: `${name}x`, email: '', phone: '', current_password: PASSWORD, ...fields }
    const page = await browser.send('/account/profile', sent)
    expect(page.status).toBe(status)
    expect(textOf(page, id)).toMatch(message)
    expect(page.html).toContain(`value="${sent.username}"`)
    expect(page.html).toContain(`You are logged in as ${name}.`)
    await ok(logIn(name))
  })

  it('has another password afterwards; this browser stays, others are logged out', async () => {
    const { browser, name } = await registered()
    const other = await ok<Tokens>(logIn(name))
    const stale = browser.copy()
    const page = await browser.send('/account/password', {
      current_password: PASSWORD,
      new_password: NEW_PASSWORD,
    })
    expect(page.url).toBe('/account?done=password')
    expect(await isAlive(other.access_token)).toBe(false)
    expect(await isLoggedIn(stale)).toBe(false)
    await ok(logIn(name, NEW_PASSWORD))
  })

  it('is told where a change is stored, and not all is done that follows from it', async () => {
    const watched = watch()
    const { browser, name } = await registered()
    const faulty = new Browser({}, workerWith(watched.bindings))
    faulty.setCookie(PAGE_COOKIE, browser.cookie(PAGE_COOKIE) ?? '')
    await faulty.open('/account')
    watched.fail('tell', { before: true })
    const page = await faulty.send('/account/password', {
      current_password: PASSWORD,
      new_password: NEW_PASSWORD,
    })
    expect(page.status).toBe(503)
    expect(alertOf(page)).toMatch(/^The change is saved/)
    watched.mend()
    await ok(logIn(name, NEW_PASSWORD))
  })

  it('says that a username is reserved, and lets an account keep one that it has', async () => {
    const { browser, name } = await registered()
    const send = (username: string, email = '') =>
      browser.send('/account/profile', { username, email, phone: '', current_password: PASSWORD })
    expect(textOf(await send('Support'), 'profile-username-error')).toMatch(/is reserved/)
    await env.DB.prepare(
      "UPDATE accounts SET username = 'support', username_key = 'support' WHERE username = ?1",
    )
      .bind(name)
      .run()
    // A change of another field tells the account's object.
    await send(name, `${name}@example.com`)
    expect((await send('SUPPORT', `${name}@example.com`)).url).toBe('/account?done=profile')
    expect(textOf(await send('sales', `${name}@example.com`), 'profile-username-error')).toMatch(
      /is reserved/,
    )
  })

  it('shows the domain of an address in Unicode, and takes it in either form', async () => {
    const name = newName()
    const { browser, page } = await registered(`${name}@B\u00fccher.example`)
    expect(page.html).toContain(`You are logged in as ${name}@b\u00fccher.example.`)
    expect(page.html).toContain(`value="${name}@b\u00fccher.example"`)
    for (const email of [`${name}@b\u00fccher.example`, `${name}@xn--bcher-kva.example `]) {
      const sent = { username: name, email, phone: '', current_password: PASSWORD }
      expect((await browser.send('/account/profile', sent)).url).toBe('/account?done=profile')
    }
    expect((await ok<Tokens>(logIn(name))).user.email).toBe(`${name}@xn--bcher-kva.example`)
  })

  it('shows the domain in ASCII where its letters are of several scripts', async () => {
    const name = newName()
    const { page } = await registered(`${name}@p\u0430ypal.example`)
    expect(page.html).toContain(`value="${name}@xn--pypal-4ve.example"`)
    expect(page.html).not.toContain('\u0430')
  })

  it('says that a new password is weak beside what else is wrong', async () => {
    const { browser, name } = await registered()
    const page = await browser.send('/account/password', { current_password: '', new_password: `my ${name}` })
    expect(page.status).toBe(422)
    expect(textOf(page, 'password-current_password-error')).toBe('Fill in this field.')
    expect(textOf(page, 'password-new_password-error')).toMatch(/contains your name/)
  })

  it('refuses a weak new password beside its field', async () => {
    const { browser } = await registered()
    const page = await browser.send('/account/password', {
      current_password: PASSWORD,
      new_password: 'q7$kz!v',
    })
    expect(page.status).toBe(422)
    expect(textOf(page, 'password-new_password-error')).toBe('The password is too short.')
  })

  it('shows where it is logged in, and ends what is chosen', async () => {
    const { browser, name } = await registered()
    const headers = { 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0' }
    const other = await ok<Tokens>(
      call('POST', '/auth/login', { headers, body: { identifier: name, password: PASSWORD } }),
    )
    const page = await browser.open('/account')
    expect(page.html).toContain('aria-label="Log out Firefox, Linux"')
    const id = /name="id" value="([^"]+)"/.exec(page.html)?.[1] ?? ''
    expect((await browser.send('/account/sessions/end', { id })).url).toBe('/account?done=session')
    expect(await isAlive(other.access_token)).toBe(false)
    expect((await browser.send('/account/sessions/end', { id })).url).toBe('/account?done=session')
    expect(await isLoggedIn(browser)).toBe(true)
  })

  it('ends all other sessions, and stays', async () => {
    const { browser, name, page } = await registered()
    expect(page.html).not.toContain('end-others')
    const others = [await ok<Tokens>(logIn(name)), await ok<Tokens>(logIn(name))]
    expect((await browser.open('/account')).html).toContain('formaction="/account/sessions/end-others"')
    const after = await browser.send('/account/sessions/end-others', {})
    expect(after.url).toBe('/account?done=other_sessions')
    expect(after.html).toContain('All other devices are logged out.')
    for (const other of others) expect(await isAlive(other.access_token)).toBe(false)
    expect(await isLoggedIn(browser)).toBe(true)
    expect(browser.cookie(REFRESH_COOKIE)).toBeDefined()
  })

  it('asks for no password where another fault kept a session from ending', async () => {
    const watched = watch()
    const { browser } = await registered()
    const faulty = browser.copy({}, workerWith(watched.bindings))
    watched.fail('endAll', { before: true })
    const page = await faulty.send('/account/sessions/end-all', {})
    expect(page.status).toBe(503)
    expect(alertOf(page)).toMatch(/cannot be reached/)
    expect(page.html).not.toContain('sessions-current_password')
  })

  it('says where each session came from, as far as that is known', async () => {
    const { browser, name } = await registered()
    for (const cf of [{ country: 'FR', city: 'Pa<ris' }, { country: 'T1' }]) {
      const body = { identifier: name, password: PASSWORD }
      const headers = { 'CF-Connecting-IP': '192.0.2.1' }
      await ok(call('POST', '/auth/login', { body, cf, headers }, workerWith({})))
    }
    const { html } = await browser.open('/account')
    expect(html).toContain('Pa&lt;ris, FR · 192.0.2.1 · Last used')
    expect(html).toContain('T1 · 192.0.2.1 · Last used')
    const chinese = browser.copy({ 'Accept-Language': 'zh' })
    expect((await chinese.open('/account')).html).toContain('Pa&lt;ris，FR · 192.0.2.1 · 上次使用')
  })

  describe('after an old login', () => {
    beforeEach(() => freeze())
    afterEach(thaw)

    const FIELD = 'sessions-current_password'
    const ENDS = [
      ['sessions/end', '/account?done=session'],
      ['sessions/end-others', '/account?done=other_sessions'],
      ['sessions/end-all', '/login?done=sessions'],
    ] as const

    /** Somebody with a session here and one elsewhere, a day later. */
    async function dayAfter() {
      const { browser, name } = await registered()
      const other = await ok<Tokens>(logIn(name))
      advance(86_400)
      await browser.open('/account')
      const id = String(decodeJwt(other.access_token).sid)
      const isOtherAlive = async () => (await refresh(other.refresh_token)).status === 200
      return { browser, id, isOtherAlive }
    }

    it('asks for the password to end a session, and 15 minutes before that does not', async () => {
      const { browser } = await registered()
      advance(900)
      expect((await browser.open('/account')).html).not.toContain(FIELD)
      advance(1)
      const page = await browser.open('/account')
      expect(page.html).toContain(`<label for="${FIELD}">Current password</label>`)
      expect(textOf(page, `${FIELD}-hint`)).toMatch(/more than 15 minutes ago/)
    })

    it.each(ENDS)('ends nothing without it: %s', async (form) => {
      const { browser, id, isOtherAlive } = await dayAfter()
      const page = await browser.send(`/account/${form}`, { id, current_password: '' })
      expect(page.status).toBe(401)
      expect(textOf(page, `${FIELD}-error`)).toMatch(/Enter your password to log out a device/)
      expect(await isOtherAlive()).toBe(true)
      expect(await isLoggedIn(browser)).toBe(true)
    })

    it.each(ENDS)('ends nothing with a wrong one: %s', async (form) => {
      const { browser, id, isOtherAlive } = await dayAfter()
      const page = await browser.send(`/account/${form}`, { id, current_password: 'a guess that is wrong' })
      expect(page.status).toBe(401)
      expect(textOf(page, `${FIELD}-error`)).toBe('The password is wrong.')
      expect(page.html).not.toContain('a guess that is wrong')
      expect(await isOtherAlive()).toBe(true)
    })

    it.each(ENDS)('ends what is chosen with the right one: %s', async (form, url) => {
      const { browser, id, isOtherAlive } = await dayAfter()
      const page = await browser.send(`/account/${form}`, { id, current_password: PASSWORD })
      expect(page.url).toBe(url)
      expect(await isOtherAlive()).toBe(false)
      expect(await isLoggedIn(browser)).toBe(url.startsWith('/account'))
    })

    it('cannot be used to guess the password without a count', async () => {
      const { browser } = await dayAfter()
      const guess = (current_password: string) =>
        browser.send('/account/sessions/end-others', { current_password })
      for (let times = 1; times <= 3; times++) expect((await guess(`guess ${times}`)).status).toBe(401)
      const page = await guess(PASSWORD)
      expect(page.status).toBe(403)
      expect(page.html).toMatch(/action="\/account\/sessions\/end".*data-challenge=/s)
    })
  })

  it('ends all sessions, this one too', async () => {
    const { browser, name } = await registered()
    const other = await ok<Tokens>(logIn(name))
    expect((await browser.send('/account/sessions/end-all', {})).url).toBe('/login?done=sessions')
    expect(await isAlive(other.access_token)).toBe(false)
    expect(browser.cookie(PAGE_COOKIE)).toBeUndefined()
    expect(browser.cookie(REFRESH_COOKIE)).toBeUndefined()
  })

  it('is deleted with its password, and not without', async () => {
    const { browser, name } = await registered()
    const wrong = await browser.send('/account/delete', { current_password: 'a guess that is wrong' })
    expect(wrong.status).toBe(401)
    expect(wrong.html).toContain('<details open')
    expect((await browser.send('/account/delete', { current_password: PASSWORD })).url).toBe(
      '/login?done=deleted',
    )
    expect(await refused(logIn(name))).toMatchObject({ code: 'invalid_credentials' })
  })

  it.each(['profile', 'password', 'delete', 'sessions/end', 'nowhere'])(
    'is where a reload leads after a form that was not accepted: %s',
    async (form) => {
      const { browser } = await registered()
      expect((await browser.open(`/account/${form}`)).url).toBe('/account')
    },
  )

  it('cannot be used to guess its password without a count', async () => {
    const { browser } = await registered()
    for (let guess = 1; guess <= 3; guess++) {
      expect((await browser.send('/account/delete', { current_password: `guess ${guess}` })).status).toBe(401)
    }
    const page = await browser.send('/account/delete', { current_password: PASSWORD })
    expect(page.status).toBe(403)
    expect(page.html).toContain('data-challenge=')
  })
})

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

describe('every page', () => {
  it('knows the methods that it has', async () => {
    const answer = await call('PUT', '/login')
    expect([answer.status, answer.headers.get('Allow')]).toEqual([405, 'GET, HEAD, POST'])
    expect((await call('HEAD', '/login')).status).toBe(200)
  })

  const PATHS = ['/login', '/register', '/errors/not_found']

  it.each(PATHS)('runs no script but by its nonce, and is framed by nobody: %s', async (path) => {
    const pages = [await new Browser().open(path), await new Browser().open(path)]
    const nonces = pages.map(({ headers, html }) => {
      const policy = headers.get('Content-Security-Policy') ?? ''
      const nonce = /script-src 'nonce-([\w-]{22})' 'strict-dynamic';/.exec(policy)?.[1] ?? ''
      expect(policy).toContain("default-src 'none';")
      expect(policy).toContain("frame-ancestors 'none'")
      expect(policy).toContain("base-uri 'none'")
      expect(policy).not.toMatch(/unsafe|https?:/)
      expect(html.match(/<script/g)).toHaveLength(1)
      expect(html).toContain(`<script type="module" nonce="${nonce}"`)
      expect(html).not.toMatch(/ on[a-z]+=| style=|javascript:/)
      expect(html).not.toMatch(/(src|href)="https?:/)
      return nonce
    })
    expect(nonces[0]).not.toBe(nonces[1])
  })

  it.each([
    ['zh-CN,zh;q=0.9,en;q=0.8', 'zh-Hans', '登录'],
    ['zh', 'zh-Hans', '登录'],
    ['en-GB', 'en', 'Log in'],
    ['fr, zh;q=0.5', 'zh-Hans', '登录'],
    ['fr', 'en', 'Log in'],
    ['*', 'en', 'Log in'],
    ['', 'en', 'Log in'],
    ['en;q=0, zh;q=0.1', 'zh-Hans', '登录'],
  ])('speaks to %j in %s', async (language, lang, heading) => {
    const page = await new Browser({ 'Accept-Language': language }).open('/login')
    expect(page.html).toContain(`<html lang="${lang}">`)
    expect(page.html).toContain(`<h1>${heading}</h1>`)
    expect(page.headers.get('Vary')).toContain('Accept-Language')
  })

  it('carries the name, the logo and the colours of its operator, and loads the logo from nowhere else', async () => {
    const PAGES = { name: 'A & B <i>', logo: 'https://www.example.com/logo.svg', color: '#ffee00' }
    const page = await new Browser({}, workerWith({ PAGES })).open('/login')
    expect(page.html).toContain('A &amp; B &lt;i&gt;')
    expect(page.html).toContain('<img src="https://www.example.com/logo.svg" alt=""')
    expect(page.html).toContain(':root{--accent:#ffee00;--on-accent:#000000}')
    expect(page.headers.get('Content-Security-Policy')).toContain(
      "img-src 'self' data: https://www.example.com;",
    )
  })

  it.each(['turnstile', 'hcaptcha'] as const)(
    'may load the widget of %s where that is chosen',
    async (provider) => {
      const settings = {
        CHALLENGE_PROVIDER: provider,
        CHALLENGE_SITE_KEY: 'site',
        CHALLENGE_SECRET: 'a secret, long enough for production',
      }
      const policy = (await new Browser({}, workerWith(settings)).open('/login')).headers.get(
        'Content-Security-Policy',
      )
      const host = provider === 'turnstile' ? 'https://challenges.cloudflare.com' : 'https://hcaptcha.com'
      expect(policy).toContain(`frame-src ${host}`)
      expect(policy).toContain(`connect-src 'self' ${host}`)
    },
  )

  it('is read by no other origin, a configured one neither', async () => {
    const { browser } = await registered()
    const headers = { Origin: APP, Cookie: `${PAGE_COOKIE}=${browser.cookie(PAGE_COOKIE)}` }
    for (const path of ['/account', '/login', '/register']) {
      const answer = await call('GET', path, { headers })
      expect(answer.headers.get('Access-Control-Allow-Origin')).toBeNull()
    }
  })

  it('that is 401 carries what RFC 9110 asks for', async () => {
    const page = await new Browser().send('/login', {
      identifier: newName(),
      password: 'a guess that is wrong',
    })
    expect(page.headers.get('WWW-Authenticate')).toBe('Bearer realm="gatehouse"')
  })

  it('shows what was typed as text, never as markup', async () => {
    const evil = '"><script>alert(1)</script>@x'
    for (const path of ['/login', '/register']) {
      const { html } = await new Browser().send(path, { identifier: evil, password: PASSWORD })
      expect(html).not.toContain('<script>alert')
      expect(html).toContain('&quot;&gt;&lt;script&gt;')
    }
  })

  it('that fails says so in the language of the browser, with what the log calls the request', async () => {
    vi.spyOn(console, 'log').mockImplementation(() => undefined)
    const fetch = workerWith({
      ACCOUNT: {
        getByName: () => {
          throw new Error('no object')
        },
      } as unknown as typeof env.ACCOUNT,
    })
    const { browser } = await registered()
    const other = new Browser({ 'Accept-Language': 'zh' }, fetch)
    other.setCookie(PAGE_COOKIE, browser.cookie(PAGE_COOKIE) ?? '')
    const page = await other.open('/account')
    expect(page.status).toBe(500)
    expect(page.html).toContain('内部错误')
    expect(page.html).toContain(`<code>${page.headers.get('X-Request-Id')}</code>`)
    expect(page.html).not.toContain('no object')
    vi.restoreAllMocks()
  })
})

// Last: it ends those of the tests as well.
describe("everybody's sessions", () => {
  it('end for browsers, too', async () => {
    const { browser } = await registered()
    await admin('DELETE', '/admin/sessions')
    expect(await isLoggedIn(browser)).toBe(false)
  })
})

describe('a page that is not there', () => {
  const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'
  const ask = (path: string, headers: Record<string, string> = {}, fetch = worker, method = 'GET') =>
    call(method, path, { headers: { Accept: BROWSER, ...headers } }, fetch)

  it.each([
    '/nothing',
    '/auth/nothing',
    '/oauth2/nothing',
    '/errors/nothing',
    '/login/',
    '/assets/nothing.js',
    '/admin/limits/nothing',
    '/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200',
  ])('is told to a browser as a page: %s', async (path) => {
    const answer = await ask(path)
    expect(answer.status).toBe(404)
    expect(answer.headers.get('Content-Type')).toBe('text/html; charset=UTF-8')
    expect(answer.headers.get('Cache-Control')).toBe('no-store')
    expect(answer.headers.get('Content-Security-Policy')).toContain("default-src 'none'")
    const html = await answer.text()
    expect(html).toContain('<html lang="en">')
    expect(html).toContain(answer.headers.get('X-Request-Id'))
    expect(html).not.toContain('nothing.js')
  })

  it('speaks the language of the browser', async () => {
    const html = await (await ask('/nothing', { 'Accept-Language': 'zh-CN' })).text()
    expect(html).toContain('<html lang="zh-Hans">')
  })

  it('answers HEAD as GET, without the body', async () => {
    const head = await ask('/nothing', {}, worker, 'HEAD')
    expect([head.status, head.headers.get('Content-Type')]).toEqual([404, 'text/html; charset=UTF-8'])
    expect(await head.text()).toBe('')
  })

  it.each([
    '*/*',
    'application/json',
    'application/problem+json',
    'application/json, text/html;q=0.5',
    'text/html;q=0',
    '',
  ])('is a problem for what asks for %j', async (accept) => {
    const answer = await ask('/nothing', { Accept: accept })
    expect([answer.status, answer.headers.get('Content-Type')]).toEqual([404, 'application/problem+json'])
  })

  it('is a problem for other methods, and 405 where the path knows others', async () => {
    const posted = await ask('/nothing', {}, worker, 'POST')
    expect([posted.status, posted.headers.get('Content-Type')]).toEqual([404, 'application/problem+json'])
    expect((await ask('/auth/login')).status).toBe(405)
  })

  it('is a problem where there are no pages', async () => {
    const answer = await ask('/nothing', {}, workerWith({ PAGES: { enabled: false } }))
    expect(answer.headers.get('Content-Type')).toBe('application/problem+json')
  })

  it('is the business of an origin below its prefix, and a page beside it', async () => {
    const gateway = workerWith({ GATEWAY: { '/api': { origin: env.RAW_ORIGIN_URL, required: false } } })
    expect((await ask('/api/nothing', {}, gateway)).headers.get('Content-Type')).not.toContain(
      'charset=UTF-8',
    )
    expect((await ask('/apis', {}, gateway)).headers.get('Content-Type')).toContain('text/html')
  })
})

describe('/.well-known/change-password', () => {
  const path = '/.well-known/change-password'

  it.each(['GET', 'HEAD'])(
    'leads %s to the section of the account in which the password is changed',
    async (method) => {
      const answer = await workerWith({})(new Request(PUBLIC_URL + path, { method, redirect: 'manual' }))
      expect([answer.status, answer.headers.get('Location')]).toEqual([302, '/account#password'])
      const browser = new Browser()
      await browser.send('/register', { identifier: newName(), password: PASSWORD })
      const { html } = await browser.open('/account')
      expect(html).toContain('id="password"')
      expect(html.indexOf('id="password"')).toBeLessThan(html.indexOf('action="/account/password"'))
    },
  )

  it('is not there without pages', async () => {
    const answer = await call('GET', path, {}, workerWith({ PAGES: { enabled: false } }))
    expect(answer.status).toBe(404)
  })
})
