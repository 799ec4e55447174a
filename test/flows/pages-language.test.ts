import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Browser, type Page } from '../support/browser.ts'
import { call, newName, PASSWORD, PUBLIC_URL, worker, workerWith } from '../support/client.ts'
import { useFastPasswords } from '../support/faults.ts'
import { APP, registered } from '../support/pages.ts'

beforeEach(useFastPasswords)
afterEach(() => vi.restoreAllMocks())

const COOKIE = '__Host-gatehouse_language'
const SAME_ORIGIN = { 'Sec-Fetch-Site': 'same-origin' }
const languageOf = ({ html }: Page) => /<html lang="([^"]+)"/.exec(html)?.[1]

const withoutRedirects: typeof worker = (request) => worker(new Request(request, { redirect: 'manual' }))

/** The response to the form of the switch, before its redirect is followed. */
function choose(fields: Readonly<Record<string, string>>, headers: Record<string, string> = SAME_ORIGIN) {
  const type = { 'Content-Type': 'application/x-www-form-urlencoded' }
  const body = new URLSearchParams(fields).toString()
  return call('POST', '/language', { headers: { ...type, ...headers }, body }, withoutRedirects)
}

describe('the language switch', () => {
  it('keeps the choice for a year in a cookie that no script can read, and returns to the page', async () => {
    const response = await choose({ language: 'zh-Hant', back: '/register?return_to=x' })
    expect([response.status, response.headers.get('Location')]).toEqual([303, '/register?return_to=x'])
    expect(response.headers.getSetCookie()).toEqual([
      `${COOKIE}=zh-Hant; Max-Age=31536000; Path=/; HttpOnly; Secure; SameSite=Lax`,
    ])
  })

  it('shows all later pages in the chosen language, which takes precedence over that of the browser', async () => {
    const browser = new Browser({ 'Accept-Language': 'zh-CN' })
    const page = await browser.send('/language', { language: 'de', back: '/login' })
    expect([page.url, languageOf(page)]).toEqual(['/login', 'de'])
    expect(page.headers.get('Vary')).toContain('Accept-Language, Cookie')
    expect(languageOf(await browser.open('/register'))).toBe('de')
    expect(languageOf(await browser.open('/errors/not_found'))).toBe('de')
    expect(languageOf(await browser.send('/login', { identifier: 'x', password: '' }))).toBe('de')
    const again = await browser.send('/language', { language: 'ar', back: '/register' })
    expect(languageOf(again)).toBe('ar')
  })

  it('tells the script of the pages to open the page again, since all of it changes', async () => {
    const headers = { ...SAME_ORIGIN, Accept: 'application/json, text/html;q=0.9' }
    const response = await choose({ language: 'ar', back: '/register' }, headers)
    expect([response.status, await response.json()]).toEqual([200, { location: '/register' }])
    expect(response.headers.getSetCookie()[0]).toContain(`${COOKIE}=ar;`)
  })

  it('removes ui_locales from the page to which it returns, since it would override the choice', async () => {
    const back = `/login?ui_locales=de&return_to=${encodeURIComponent(`${APP}/?ui_locales=de`)}`
    const page = await new Browser().send('/language', { language: 'ar', back })
    expect(page.url).toBe(`/login?return_to=${encodeURIComponent(`${APP}/?ui_locales=de`)}`)
    expect(languageOf(page)).toBe('ar')
  })

  it.each(['/account', '/auth/pages/login?x=1', '/errors/not_found', '/logout'])(
    'returns to the page %s',
    async (back) => {
      expect((await choose({ language: 'de', back })).headers.get('Location')).toBe(back)
    },
  )

  it.each([
    'https://evil.example/login',
    '//evil.example/login',
    '/\\evil.example/login',
    '\\\\evil.example/login',
    '/\t/evil.example/login',
    '/.//evil.example/login',
    '/login/..//evil.example',
    '/login/../../auth/me',
    `${PUBLIC_URL}/login`,
    'login',
    'javascript:alert(1)',
    '/auth/me',
    '/openapi.json',
    '/loginx',
    '/',
    '',
  ])('returns to the login page instead of the address %j', async (back) => {
    const response = await choose({ language: 'de', back })
    expect([response.status, response.headers.get('Location')]).toEqual([303, '/login'])
  })

  it.each(['fr', 'zh', 'DE', '', '__proto__'])(
    'rejects the unknown language %j with a page',
    async (language) => {
      const response = await choose({ language, back: '/login' })
      expect([response.status, response.headers.getSetCookie()]).toEqual([422, []])
      expect(await response.text()).toContain('<code>invalid_request</code>')
    },
  )

  it('ignores a cookie with an unknown language', async () => {
    const browser = new Browser({ 'Accept-Language': 'de' })
    for (const value of ['fr', '', '<b>', '%E0%A4%A', '__proto__']) {
      browser.setCookie(COOKIE, value)
      expect(languageOf(await browser.open('/login'))).toBe('de')
    }
  })

  it.each<[string, Record<string, string>]>([
    ['another site', { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' }],
    ['another host of the site', { 'Sec-Fetch-Site': 'same-site', Origin: APP }],
    ['a program', {}],
  ])('rejects a form of %s', async (_who, headers) => {
    const response = await choose({ language: 'de', back: '/login' }, headers)
    expect([response.status, response.headers.getSetCookie()]).toEqual([403, []])
  })

  it('redirects GET to the login page, and is 404 without hosted pages', async () => {
    expect((await new Browser().open('/language')).url).toBe('/login')
    const disabled = workerWith({ PAGES: { enabled: false } })
    expect((await call('POST', '/language', { headers: SAME_ORIGIN }, disabled)).status).toBe(404)
  })
})

describe('the languages of a deployment', () => {
  const fetch = workerWith({ PAGES: { languages: ['de', 'zh-Hant'] } })

  it('are those of PAGES.languages, and the first is the default', async () => {
    const languagesFor = async (header: string) =>
      languageOf(await new Browser({ 'Accept-Language': header }, fetch).open('/login'))
    expect(await languagesFor('en')).toBe('de')
    expect(await languagesFor('zh-CN, zh-TW;q=0.5')).toBe('zh-Hant')
  })

  it('are those that the switch accepts', async () => {
    const page = await new Browser({}, fetch).send('/language', { language: 'en', back: '/login' })
    expect(page.status).toBe(422)
  })
})

describe('the locale of an account', () => {
  it('chooses the language of the pages that know the account, before the browser and after the cookie', async () => {
    const { browser } = await registered()
    const french = browser.copy({ 'Accept-Language': 'fr, zh;q=0.5' })
    expect(languageOf(await french.open('/account'))).toBe('zh-Hans')
    const saved = await french.send('/account/details', { locale: 'ar' })
    expect(languageOf(saved)).toBe('ar')
    expect(languageOf(await french.open('/account/nothing'))).toBe('ar')
    expect(languageOf(await french.open(`/login?return_to=${APP}/`))).toBe('ar')
    expect(languageOf(await french.open('/errors/not_found'))).toBe('zh-Hans')
    french.setCookie(COOKIE, 'de')
    expect(languageOf(await french.open('/account'))).toBe('de')
    expect(languageOf(await french.open('/account?ui_locales=en'))).toBe('en')
  })
})

describe('ui_locales', () => {
  it('chooses the language of a page, before the cookie and the browser', async () => {
    const browser = new Browser({ 'Accept-Language': 'zh' })
    browser.setCookie(COOKIE, 'ar')
    expect(languageOf(await browser.open('/login?ui_locales=fr%20de'))).toBe('de')
    expect(languageOf(await browser.open('/login?ui_locales=fr'))).toBe('ar')
  })

  it('survives on links between login and registration, and when a form is rejected', async () => {
    const browser = new Browser()
    const query = `return_to=${encodeURIComponent(`${APP}/`)}&amp;ui_locales=de+en`
    const login = await browser.open(`/login?ui_locales=de%20en&return_to=${APP}/`)
    expect(login.html).toContain(`href="/register?${query}"`)
    expect(login.html).toContain(`formaction="/auth/pages/login?${query}"`)
    const register = await browser.open(`/register?ui_locales=de%20en&return_to=${APP}/`)
    expect(register.html).toContain(`href="/login?${query}"`)
    expect(register.html).toContain(`formaction="/auth/pages/register?${query}"`)
    const path = `/auth/pages/login?${query.replace('&amp;', '&')}`
    const rejected = await browser.send(path, { identifier: newName(), password: 'a wrong guess' })
    expect([rejected.status, languageOf(rejected)]).toEqual([401, 'de'])
    expect(rejected.html).toContain(`href="/register?${query}"`)
  })

  it('survives a login, a registration and a logout', async () => {
    const { browser, name } = await registered()
    const query = `?ui_locales=ar&return_to=${APP}/`
    expect(languageOf(await browser.open(`/register${query}`))).toBe('ar')
    const loggedOut = await browser.send('/logout?ui_locales=ar', {})
    expect([loggedOut.url, languageOf(loggedOut)]).toEqual(['/login?done=logged_out&ui_locales=ar', 'ar'])
    const loggedIn = await browser.send(`/login${query}`, { identifier: name, password: PASSWORD })
    expect(languageOf(loggedIn)).toBe('ar')
    const other = await new Browser().send(`/register${query}`, { identifier: newName(), password: PASSWORD })
    expect(languageOf(other)).toBe('ar')
  })

  it('is escaped in links', async () => {
    const { html } = await new Browser().open('/login?ui_locales=%22%3E%3Cscript%3E%26')
    expect(html).toContain('href="/register?ui_locales=%22%3E%3Cscript%3E%26"')
  })
})
