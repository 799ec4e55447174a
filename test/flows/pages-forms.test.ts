import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Browser, textOf } from '../support/browser.ts'
import { NEW_PASSWORD, newName, newPerson, PASSWORD } from '../support/client.ts'
import { useFastPasswords } from '../support/faults.ts'
import { isLoggedIn, PAGE_COOKIE, registered } from '../support/pages.ts'

beforeEach(useFastPasswords)
afterEach(() => vi.restoreAllMocks())

/** As the script of the pages sends a form. */
const BY_FETCH = { 'Sec-Fetch-Site': 'same-origin', Accept: 'application/json, text/html;q=0.9' }

describe('a form that the script sends', () => {
  it('responds with the address as JSON where it redirects other forms, and sets the same cookies', async () => {
    const { name } = await newPerson()
    const browser = new Browser()
    const page = await browser.send('/login', { identifier: name, password: PASSWORD }, BY_FETCH)
    expect(page.status).toBe(200)
    expect(page.headers.get('Content-Type')).toBe('application/json')
    expect(page.headers.get('Location')).toBeNull()
    expect(page.headers.get('Vary')).toContain('Accept')
    const { location } = JSON.parse(page.html)
    expect(location).toMatch(/^\/login\?just_logged_in=/)
    expect(browser.cookie(PAGE_COOKIE)).toBeDefined()
    expect((await browser.open(location)).url).toBe('/account')
  })

  it.each([
    ['/account/profile', { current_password: PASSWORD, username: newName() }, '/account?done=profile'],
    [
      '/account/password',
      { current_password: PASSWORD, new_password: NEW_PASSWORD },
      '/account/security?done=password',
    ],
    ['/account/sessions/end-others', {}, '/account/devices?done=other_sessions'],
    ['/account/delete', { current_password: PASSWORD }, '/login?done=deleted'],
    ['/logout', {}, '/login?done=logged_out'],
  ] as const)('responds with the next address as JSON: %s', async (path, fields, location) => {
    const { browser } = await registered()
    await browser.open('/account/security')
    const page = await browser.send(path, fields, BY_FETCH)
    expect([page.status, JSON.parse(page.html)]).toEqual([200, { location }])
  })

  it('responds with the address of the login page as JSON if there is no session', async () => {
    const page = await new Browser().send('/account/profile', { current_password: PASSWORD }, BY_FETCH)
    expect([page.status, JSON.parse(page.html)]).toEqual([200, { location: '/login?done=ended' }])
  })

  it('responds to a rejected form with the page, its status, and no password', async () => {
    const { browser } = await registered()
    await browser.open('/account/security')
    const secret = 'a guess that is wrong'
    const forms = [
      ['/login', { identifier: newName(), password: secret }, 401],
      ['/register', { identifier: 'a@b', password: secret }, 422],
      ['/account/profile', { current_password: secret, email: 'nowhere' }, 422],
      ['/account/password', { current_password: PASSWORD, new_password: 'short' }, 422],
      ['/account/delete', { current_password: secret }, 401],
    ] as const
    for (const [path, fields, status] of forms) {
      const page = await browser.send(path, fields, BY_FETCH)
      expect([path, page.status]).toEqual([path, status])
      expect(page.headers.get('Content-Type')).toBe('text/html; charset=UTF-8')
      expect(page.html).toContain('<main>')
      expect(page.html).not.toContain(secret)
      expect(page.html).not.toContain(PASSWORD)
      expect(page.html).not.toContain('value="short"')
    }
  })

  it('refuses a form of another origin that asks for JSON, with a page', async () => {
    const { browser } = await registered()
    const headers = { ...BY_FETCH, 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' }
    const page = await browser.send('/logout', {}, headers)
    expect(page.status).toBe(403)
    expect(page.html).toContain('<code>origin_not_allowed</code>')
    expect(await isLoggedIn(browser)).toBe(true)
  })

  it.each([
    ['a browser', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
    ['a program that accepts anything', '*/*'],
    ['a program that prefers HTML', 'application/json;q=0.5, text/html'],
    ['a program that refuses JSON', 'application/json;q=0'],
  ])('redirects a form of %s', async (_who, Accept) => {
    const { name } = await newPerson()
    const headers = { 'Sec-Fetch-Site': 'same-origin', Accept }
    const page = await new Browser().send('/login', { identifier: name, password: PASSWORD }, headers)
    expect(page.url).toBe('/account')
  })

  it('shows the errors at the fields as for other forms', async () => {
    const page = await new Browser().send('/register', { identifier: 'a@b', password: PASSWORD }, BY_FETCH)
    expect(textOf(page, 'register-identifier-error')).toMatch(/^Enter an email address/)
  })
})
