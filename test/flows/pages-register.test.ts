import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { admin } from '../support/admin.ts'
import { alertOf, Browser, textOf } from '../support/browser.ts'
import { call, logIn, newName, newPerson, ok, PASSWORD, workerWith } from '../support/client.ts'
import { watch } from '../support/counting.ts'
import { useFastPasswords } from '../support/faults.ts'
import { APP, isLoggedIn, PAGE_COOKIE, REFRESH_COOKIE, registered } from '../support/pages.ts'
import type { Tokens } from '../support/responses.ts'

beforeEach(useFastPasswords)
afterEach(() => vi.restoreAllMocks())

describe('the registration page', () => {
  it.each([
    ['username', () => newName()],
    ['email', () => `${newName()}@example.com`],
    ['phone', () => '+12015550177'],
  ])(
    'registers with a %s and sets a cookie for the pages and one for apps of the same site',
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
    ['a bad username', { identifier: '!!' }, 'register-identifier-error', /username, use 3 to 32/],
    ['a bad address', { identifier: 'a@b' }, 'register-identifier-error', /an email address such as/],
    ['a bad number', { identifier: '+1 2' }, 'register-identifier-error', /a phone number with/],
    ['a control character', { identifier: 'a\u0000bcd' }, 'register-identifier-error', /username/],
    ['a reserved username', { identifier: 'Admin' }, 'register-identifier-error', /is reserved/],
    [
      'an invisible character',
      { identifier: 'grace\ufe0f' },
      'register-identifier-error',
      /no invisible characters/,
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
  ])('shows the error beside the field of a registration with %s', async (_what, fields, id, message) => {
    const sent = { identifier: newName(), password: PASSWORD, ...fields }
    const page = await new Browser().send('/register', sent)
    expect(page.status).toBe(422)
    expect(textOf(page, id)).toMatch(message)
    expect(page.html).toContain('aria-invalid="true"')
    expect(page.html).toContain(`aria-describedby="${id.replace('-error', '-hint')} ${id}"`)
    expect(page.html).not.toContain(PASSWORD)
    expect(alertOf(page)).toBeDefined()
  })

  it('explains digits as an identifier in Chinese', async () => {
    const browser = new Browser({ 'Accept-Language': 'zh-CN' })
    const page = await browser.send('/register', { identifier: '13800138000', password: PASSWORD })
    expect(textOf(page, 'register-identifier-error')).toMatch(/至少含一个字母.*以 \+ 和国家代码开头/)
  })

  it('shows the errors of all fields of a registration at once, with a username that the password contains', async () => {
    const sent = { identifier: 'admin', password: 'admin admin admin!' }
    const page = await new Browser().send('/register', sent)
    expect(page.status).toBe(422)
    expect(textOf(page, 'register-identifier-error')).toBe('This username is reserved. Choose another one.')
    expect(textOf(page, 'register-password-error')).toBe(
      'The password contains your username, email address or phone number.',
    )
  })

  it('ignores invisible characters around a username and reads a phone number in any digits', async () => {
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

  it('shows beside the field that a username is taken', async () => {
    const { name } = await newPerson()
    const page = await new Browser().send('/register', { identifier: name, password: PASSWORD })
    expect(page.status).toBe(409)
    expect(textOf(page, 'register-identifier-error')).toBe('This username is taken.')
  })

  it('shows when to try again after too many registrations', async () => {
    const address = { 'CF-Connecting-IP': '192.0.2.77' }
    for (let times = 1; times <= 3; times++) await registered(newName(), new Browser(address))
    const page = await new Browser(address).send('/register', { identifier: newName(), password: PASSWORD })
    expect(page.status).toBe(429)
    expect(alertOf(page)).toBe('Too many accounts were created from your network. Try again in 5 minutes.')
    const seconds = page.headers.get('Retry-After')
    expect(seconds).toMatch(/^\d+$/)
    // For the script, which counts down.
    expect(page.html).toContain(`data-retry-after="${seconds}"`)
    expect(page.html).toContain(
      'data-retry-in="Too many accounts were created from your network. Try again in {time}."',
    )
  })

  it('offers no challenge after too many registrations, since that rule blocks', async () => {
    const address = { 'CF-Connecting-IP': '192.0.2.79' }
    for (let times = 1; times <= 3; times++) await registered(newName(), new Browser(address))
    expect((await new Browser(address).open('/register')).html).not.toContain('data-challenge=')
  })

  it('redirects to the login page, which knows the app, if the account is stored but opening its session failed', async () => {
    const watched = watch()
    watched.fail('open', { before: true })
    const name = newName()
    const query = new URLSearchParams({ return_to: `${APP}/`, ui_locales: 'en' })
    const page = await new Browser({}, workerWith(watched.bindings)).send(`/register?${query}`, {
      identifier: name,
      password: PASSWORD,
    })
    expect(page.url).toBe(`/login?done=registered&${query}`)
    expect(page.html).toContain('Your account is created. Log in.')
    await ok(logIn(name))
  })

  it('shows that registration is closed', async () => {
    await admin('PUT', '/admin/limits', { registration_open: false })
    const page = await new Browser().send('/register', { identifier: newName(), password: PASSWORD })
    await admin('PUT', '/admin/limits', { registration_open: true })
    expect(page.status).toBe(403)
    expect(alertOf(page)).toBe('The service does not accept registrations at present.')
  })
})
