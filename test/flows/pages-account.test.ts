import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { alertOf, Browser, textOf } from '../support/browser.ts'
import {
  call,
  isAlive,
  logIn,
  NEW_PASSWORD,
  newName,
  ok,
  PASSWORD,
  refresh,
  refused,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { useFastPasswords } from '../support/faults.ts'
import { isLoggedIn, PAGE_COOKIE, REFRESH_COOKIE, registered } from '../support/pages.ts'
import { sessionIdOf, type Tokens } from '../support/responses.ts'

beforeEach(useFastPasswords)
afterEach(() => vi.restoreAllMocks())

describe('the account page', () => {
  it('saves a change of the profile and confirms it', async () => {
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
      'Incorrect password.',
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
  ])('rejects a profile with %s and keeps the typed values', async (_what, fields, status, id, message) => {
    const { browser, name } = await registered()
    const sent = { username: `${name}x`, email: '', phone: '', current_password: PASSWORD, ...fields }
    const page = await browser.send('/account/profile', sent)
    expect(page.status).toBe(status)
    expect(textOf(page, id)).toMatch(message)
    expect(page.html).toContain(`value="${sent.username}"`)
    expect(page.html).toContain(`You are logged in as ${name}.`)
    await ok(logIn(name))
  })

  it('changes the password, keeps the session of this browser and ends all others', async () => {
    const { browser, name } = await registered()
    const other = await ok<Tokens>(logIn(name))
    const stale = browser.copy()
    const page = await browser.send('/account/password', {
      current_password: PASSWORD,
      new_password: NEW_PASSWORD,
    })
    expect(page.url).toBe('/account/security?done=password')
    expect(await isAlive(other.access_token)).toBe(false)
    expect(await isLoggedIn(stale)).toBe(false)
    await ok(logIn(name, NEW_PASSWORD))
  })

  it('shows that a change of the password is saved though a later step failed', async () => {
    const watched = watch()
    const { browser, name } = await registered()
    const faulty = new Browser({}, workerWith(watched.bindings))
    faulty.setCookie(PAGE_COOKIE, browser.cookie(PAGE_COOKIE) ?? '')
    await faulty.open('/account')
    watched.fail('applyState', { before: true })
    const page = await faulty.send('/account/password', {
      current_password: PASSWORD,
      new_password: NEW_PASSWORD,
    })
    expect(page.status).toBe(503)
    expect(alertOf(page)).toMatch(/^Your change is saved/)
    watched.mend()
    await ok(logIn(name, NEW_PASSWORD))
  })

  it('rejects a reserved username but lets an account keep the one that it has', async () => {
    const { browser, name } = await registered()
    const send = (username: string, email = '') =>
      browser.send('/account/profile', { username, email, phone: '', current_password: PASSWORD })
    expect(textOf(await send('Support'), 'profile-username-error')).toMatch(/is reserved/)
    await env.DB.prepare(
      "UPDATE accounts SET username = 'support', username_key = 'support' WHERE username = ?1",
    )
      .bind(name)
      .run()
    // A change of another field publishes the account state.
    await send(name, `${name}@example.com`)
    expect((await send('SUPPORT', `${name}@example.com`)).url).toBe('/account?done=profile')
    expect(textOf(await send('sales', `${name}@example.com`), 'profile-username-error')).toMatch(
      /is reserved/,
    )
  })

  it('shows the domain of an email address in Unicode and accepts it in Unicode or ASCII', async () => {
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

  it('shows the domain of an email address in ASCII if its letters are of several scripts', async () => {
    const name = newName()
    const { page } = await registered(`${name}@p\u0430ypal.example`)
    expect(page.html).toContain(`value="${name}@xn--pypal-4ve.example"`)
    expect(page.html).not.toContain('\u0430')
  })

  it('shows a weak new password together with the errors of other fields', async () => {
    const { browser, name } = await registered()
    const page = await browser.send('/account/password', { current_password: '', new_password: `my ${name}` })
    expect(page.status).toBe(422)
    expect(textOf(page, 'password-current_password-error')).toBe('Fill in this field.')
    expect(textOf(page, 'password-new_password-error')).toMatch(/contains your username/)
  })

  it('rejects a weak new password beside its field', async () => {
    const { browser } = await registered()
    const page = await browser.send('/account/password', {
      current_password: PASSWORD,
      new_password: 'q7$kz!v',
    })
    expect(page.status).toBe(422)
    expect(textOf(page, 'password-new_password-error')).toBe('The password is too short.')
  })

  it('lists the sessions of the account and ends the chosen one', async () => {
    const { browser, name } = await registered()
    const headers = { 'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0' }
    const other = await ok<Tokens>(
      call('POST', '/auth/login', { headers, body: { identifier: name, password: PASSWORD } }),
    )
    const page = await browser.open('/account/devices')
    expect(page.html).toContain('aria-label="Log out Firefox, Linux"')
    const id = /name="id" value="([^"]+)"/.exec(page.html)?.[1] ?? ''
    expect((await browser.send('/account/sessions/end', { id })).url).toBe('/account/devices?done=session')
    expect(await isAlive(other.access_token)).toBe(false)
    expect((await browser.send('/account/sessions/end', { id })).url).toBe('/account/devices?done=session')
    expect(await isLoggedIn(browser)).toBe(true)
  })

  it('ends all other sessions and keeps the current one', async () => {
    const { browser, name, page } = await registered()
    expect(page.html).not.toContain('end-others')
    const others = [await ok<Tokens>(logIn(name)), await ok<Tokens>(logIn(name))]
    expect((await browser.open('/account/devices')).html).toContain(
      'formaction="/account/sessions/end-others"',
    )
    const after = await browser.send('/account/sessions/end-others', {})
    expect(after.url).toBe('/account/devices?done=other_sessions')
    expect(after.html).toContain('All other devices are logged out.')
    for (const other of others) expect(await isAlive(other.access_token)).toBe(false)
    expect(await isLoggedIn(browser)).toBe(true)
    expect(browser.cookie(REFRESH_COOKIE)).toBeDefined()
  })

  it('asks for no password if the sessions could not be ended because the service is unavailable', async () => {
    const watched = watch()
    const { browser } = await registered()
    const faulty = browser.copy({}, workerWith(watched.bindings))
    watched.fail('endAll', { before: true })
    const page = await faulty.send('/account/sessions/end-all', {})
    expect(page.status).toBe(503)
    expect(alertOf(page)).toMatch(/temporarily unavailable/)
    expect(page.html).not.toContain('sessions-current_password')
  })

  it('shows the city, the country and the IP address of each session as far as they are known', async () => {
    const { browser, name } = await registered()
    for (const cf of [{ country: 'FR', city: 'Pa<ris' }, { country: 'T1' }]) {
      const body = { identifier: name, password: PASSWORD }
      const headers = { 'CF-Connecting-IP': '192.0.2.1' }
      await ok(call('POST', '/auth/login', { body, cf, headers }, workerWith({})))
    }
    const { html } = await browser.open('/account/devices')
    expect(html).toContain('Pa&lt;ris, FR · 192.0.2.1 · Last used')
    expect(html).toContain('T1 · 192.0.2.1 · Last used')
    const chinese = browser.copy({ 'Accept-Language': 'zh' })
    expect((await chinese.open('/account/devices')).html).toContain('Pa&lt;ris，FR · 192.0.2.1 · 上次使用')
  })

  describe('the end of sessions after an old login', () => {
    beforeEach(() => freeze())
    afterEach(thaw)

    const FIELD = 'sessions-current_password'
    const ENDS = [
      ['sessions/end', '/account/devices?done=session'],
      ['sessions/end-others', '/account/devices?done=other_sessions'],
      ['sessions/end-all', '/login?done=sessions'],
    ] as const

    /** An account with a session in this browser and another one, a day later. */
    async function dayAfter() {
      const { browser, name } = await registered()
      const other = await ok<Tokens>(logIn(name))
      advance(86_400)
      await browser.open('/account/devices')
      const id = sessionIdOf(other)
      const isOtherAlive = async () => (await refresh(other.refresh_token)).status === 200
      return { browser, id, isOtherAlive }
    }

    it('asks for the password to end a session only if the login is more than 15 minutes old', async () => {
      const { browser } = await registered()
      advance(900)
      expect((await browser.open('/account/devices')).html).not.toContain(FIELD)
      advance(1)
      const page = await browser.open('/account/devices')
      expect(page.html).toContain(`<label for="${FIELD}">Current password</label>`)
      expect(textOf(page, `${FIELD}-hint`)).toMatch(/more than 15 minutes ago/)
    })

    it.each(ENDS)(
      'requires the password after an old login and ends no session without it: %s',
      async (form) => {
        const { browser, id, isOtherAlive } = await dayAfter()
        const page = await browser.send(`/account/${form}`, { id, current_password: '' })
        expect(page.status).toBe(401)
        expect(textOf(page, `${FIELD}-error`)).toMatch(/Enter your password to log out a device/)
        expect(await isOtherAlive()).toBe(true)
        expect(await isLoggedIn(browser)).toBe(true)
      },
    )

    it.each(ENDS)('rejects a wrong password after an old login and ends no session: %s', async (form) => {
      const { browser, id, isOtherAlive } = await dayAfter()
      const page = await browser.send(`/account/${form}`, { id, current_password: 'a guess that is wrong' })
      expect(page.status).toBe(401)
      expect(textOf(page, `${FIELD}-error`)).toBe('Incorrect password.')
      expect(page.html).not.toContain('a guess that is wrong')
      expect(await isOtherAlive()).toBe(true)
    })

    it.each(ENDS)('ends the chosen sessions with the password after an old login: %s', async (form, url) => {
      const { browser, id, isOtherAlive } = await dayAfter()
      const page = await browser.send(`/account/${form}`, { id, current_password: PASSWORD })
      expect(page.url).toBe(url)
      expect(await isOtherAlive()).toBe(false)
      expect(await isLoggedIn(browser)).toBe(url.startsWith('/account'))
    })

    it('counts wrong passwords of the forms that end sessions', async () => {
      const { browser } = await dayAfter()
      const guess = (current_password: string) =>
        browser.send('/account/sessions/end-others', { current_password })
      for (let times = 1; times <= 3; times++) expect((await guess(`guess ${times}`)).status).toBe(401)
      const page = await guess(PASSWORD)
      expect(page.status).toBe(403)
      expect(page.html).toMatch(/action="\/account\/sessions\/end".*data-challenge=/s)
    })
  })

  it('ends all sessions including the current one', async () => {
    const { browser, name } = await registered()
    const other = await ok<Tokens>(logIn(name))
    expect((await browser.send('/account/sessions/end-all', {})).url).toBe('/login?done=sessions')
    expect(await isAlive(other.access_token)).toBe(false)
    expect(browser.cookie(PAGE_COOKIE)).toBeUndefined()
    expect(browser.cookie(REFRESH_COOKIE)).toBeUndefined()
  })

  it('deletes the account only with its password', async () => {
    const { browser, name } = await registered()
    const wrong = await browser.send('/account/delete', { current_password: 'a guess that is wrong' })
    expect(wrong.status).toBe(401)
    expect(textOf(wrong, 'delete-current_password-error')).toBe('Incorrect password.')
    expect((await browser.send('/account/delete', { current_password: PASSWORD })).url).toBe(
      '/login?done=deleted',
    )
    expect(await refused(logIn(name))).toMatchObject({ code: 'invalid_credentials' })
  })

  it.each([
    ['profile', '/account'],
    ['password', '/account/security'],
    ['delete', '/account/delete'],
    ['sessions/end', '/account/devices'],
    ['nowhere', '/account'],
  ])('redirects a reload after a rejected form to its section: %s', async (form, section) => {
    const { browser } = await registered()
    expect((await browser.open(`/account/${form}`)).url).toBe(section)
  })

  it('counts wrong passwords of the form that deletes the account', async () => {
    const { browser } = await registered()
    for (let guess = 1; guess <= 3; guess++) {
      expect((await browser.send('/account/delete', { current_password: `guess ${guess}` })).status).toBe(401)
    }
    const page = await browser.send('/account/delete', { current_password: PASSWORD })
    expect(page.status).toBe(403)
    expect(page.html).toContain('data-challenge=')
  })
})
