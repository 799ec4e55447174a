import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { alertOf, Browser, textOf } from '../support/browser.ts'
import { call, logIn, ok, workerWith } from '../support/client.ts'
import { watch } from '../support/counting.ts'
import { useFastPasswords } from '../support/faults.ts'
import { registered } from '../support/pages.ts'
import type { Tokens } from '../support/responses.ts'

beforeEach(useFastPasswords)
afterEach(() => vi.restoreAllMocks())

const DETAILS = {
  name: 'Grace Hopper',
  picture: 'https://images.example.com/grace.jpg',
  locale: 'de',
  zoneinfo: 'Europe/Berlin',
}

async function userOf(identifier: string) {
  const { user } = await ok<Tokens>(logIn(identifier))
  return user
}

describe('the details of the profile page', () => {
  it('saves a name, a picture, a language and a time zone without the password, and speaks that language', async () => {
    const { browser, name } = await registered()
    const page = await browser.send('/account/details', DETAILS)
    expect(page.url).toBe('/account?done=profile')
    expect(page.html).toContain('<html lang="de">')
    expect(page.html).toContain('Ihr Profil ist gespeichert.')
    expect(page.html).toMatch(/class="avatar"[^>]*>GH</)
    expect(await userOf(name)).toMatchObject(DETAILS)
  })

  it('clears what is sent empty and keeps what is the same', async () => {
    const { browser, name } = await registered()
    await browser.send('/account/details', DETAILS)
    await browser.send('/account/details', { ...DETAILS, picture: '', zoneinfo: '' })
    expect(await userOf(name)).toMatchObject({ ...DETAILS, picture: null, zoneinfo: null })
  })

  it.each([
    ['a name of 101 characters', { name: 'a'.repeat(101) }],
    ['a control character', { name: 'a\u0007b' }],
    ['a picture without https', { picture: 'http://images.example.com/x.jpg' }],
    ['a script as picture', { picture: 'javascript:alert(1)' }],
    ['an unknown language', { locale: 'no such language' }],
    ['an unknown time zone', { zoneinfo: 'Mars/Olympus' }],
  ])('rejects %s at its field, keeps what was typed, and saves nothing', async (_what, broken) => {
    const { browser, name } = await registered()
    const page = await browser.send('/account/details', { ...DETAILS, ...broken })
    expect([page.status, alertOf(page)]).toEqual([422, 'Correct the fields below.'])
    expect(textOf(page, `details-${Object.keys(broken)[0]}-error`)).toBeDefined()
    if (!('name' in broken)) expect(page.html).toContain(`value="${DETAILS.name}"`)
    expect(await userOf(name)).toMatchObject({ name: null, picture: null, locale: null, zoneinfo: null })
  })

  it('names every invalid field at once', async () => {
    const { browser } = await registered()
    const page = await browser.send('/account/details', { ...DETAILS, name: 'a'.repeat(101), picture: 'x' })
    expect(textOf(page, 'details-name-error')).toBeDefined()
    expect(textOf(page, 'details-picture-error')).toBeDefined()
  })

  it('shows a name as text', async () => {
    const { browser } = await registered()
    const { html } = await browser.send('/account/details', { ...DETAILS, name: '<b onclick=x>&' })
    expect(html).toContain('&lt;b onclick=x&gt;&amp;')
    expect(html).not.toContain('<b onclick')
  })

  it('loads no picture: the pages load nothing from other hosts', async () => {
    const { browser } = await registered()
    const { html, headers } = await browser.send('/account/details', DETAILS)
    expect(html).not.toContain('<img')
    expect(headers.get('Content-Security-Policy')).toContain("img-src 'self' data:;")
  })

  it('rejects a form that was opened under another account', async () => {
    const { browser, name } = await registered()
    const page = await browser.send('/account/details', { ...DETAILS, account: 'another' })
    expect(page.status).toBe(409)
    expect((await userOf(name)).name).toBeNull()
  })

  it('saves nothing and says so while D1 is unavailable', async () => {
    const watched = watch()
    const { browser, name } = await registered()
    const faulty = browser.copy({}, workerWith(watched.bindings))
    watched.fail('batch', { before: true })
    const page = await faulty.send('/account/details', DETAILS)
    watched.mend()
    expect(page.status).toBe(503)
    expect((await userOf(name)).name).toBeNull()
  })
})

describe('the account pages', () => {
  it.each([
    ['/account', 'Profile'],
    ['/account/security', 'Security'],
    ['/account/devices', 'Devices'],
    ['/account/delete', 'Delete account'],
  ])('have an address for each section, which the navigation marks: %s', async (path, title) => {
    const { browser } = await registered()
    const { html } = await browser.open(path)
    expect(html).toContain(`<h1>${title}</h1>`)
    expect(html.match(/<a href="([^"]+)" aria-current="page"/)?.[1]).toBe(path)
    expect(html.match(/name="current_password"/g) ?? []).toHaveLength(path === '/account/devices' ? 0 : 1)
  })

  it.each(['/account', '/account/security', '/account/devices', '/account/delete'])(
    'lead to the login without a session: %s',
    async (path) => {
      expect((await new Browser().open(path)).url).toBe('/login')
    },
  )
})

describe('the page of components', () => {
  it('does not exist outside development', async () => {
    expect((await call('GET', '/dev/components')).status).toBe(404)
  })

  it('shows every kind of field, also with errors, in development', async () => {
    const fetch = workerWith({ ENVIRONMENT: 'development', PUBLIC_URL: 'http://localhost:8787' })
    const response = await fetch(new Request('http://localhost:8787/dev/components'))
    expect(response.status).toBe(200)
    const html = await response.text()
    for (const part of ['type="password"', '<select', 'one-time-code', 'type="checkbox"', 'popover'])
      expect(html).toContain(part)
    expect(html).toContain('id="invalid-code-error"')
  })
})
