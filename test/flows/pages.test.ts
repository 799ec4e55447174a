import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Browser } from '../support/browser.ts'
import {
  call,
  logIn,
  NEW_PASSWORD,
  newName,
  newPerson,
  ok,
  PASSWORD,
  PUBLIC_URL,
  worker,
  workerWith,
} from '../support/client.ts'
import { useFastPasswords } from '../support/faults.ts'
import { APP, isLoggedIn, PAGE_COOKIE, registered } from '../support/pages.ts'

beforeEach(useFastPasswords)
afterEach(() => vi.restoreAllMocks())

describe('a form of the pages', () => {
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
    ['no page at all', { 'Sec-Fetch-Site': 'none' }],
    ['another site, by an old browser', { Origin: 'https://evil.example' }],
    ['a page that hides where it is', { Origin: 'null' }],
    ['a program without Origin and Fetch Metadata', {}],
    ['a site that claims the right Origin', { 'Sec-Fetch-Site': 'cross-site', Origin: PUBLIC_URL }],
  ])('rejects a form from %s and changes nothing', async (_who, headers: Record<string, string>) => {
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

  it('accepts a form of a browser without Fetch Metadata by its Origin', async () => {
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
  ])('rejects a form %s with a page', async (_what, headers: Record<string, string>, password, status) => {
    const own = { 'Sec-Fetch-Site': 'same-origin', ...headers }
    const page = await new Browser().send('/login', { identifier: 'x', password }, own)
    expect(page.status).toBe(status)
    expect(page.html).toContain('<main>')
  })

  it.each(['/account/profile', '/account/password', '/account/delete', '/account/sessions/end'])(
    'redirects a form of the account without a session to the login page: %s',
    async (path) => {
      const page = await new Browser().send(path, { current_password: PASSWORD })
      expect(page.url).toBe('/login?done=ended')
      expect(page.html).toContain('You have been logged out. Log in to continue. Nothing was saved.')
    },
  )
})

describe('every page', () => {
  it('answers 405 with Allow to a method that a page does not have', async () => {
    const response = await call('PUT', '/login')
    expect([response.status, response.headers.get('Allow')]).toEqual([405, 'GET, HEAD, POST'])
    expect((await call('HEAD', '/login')).status).toBe(200)
  })

  const PATHS = ['/login', '/register', '/errors/not_found']

  it.each(PATHS)('allows only scripts with its nonce and forbids framing: %s', async (path) => {
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
    ['zh-TW', 'zh-Hant', '登入'],
    ['de-AT', 'de', 'Anmelden'],
    ['en-GB', 'en', 'Log in'],
    ['fr, zh;q=0.5', 'zh-Hans', '登录'],
    ['fr', 'en', 'Log in'],
    ['*', 'en', 'Log in'],
    ['', 'en', 'Log in'],
    ['en;q=0, zh;q=0.1', 'zh-Hans', '登录'],
  ])('shows a page for Accept-Language %j in %s', async (language, lang, heading) => {
    const page = await new Browser({ 'Accept-Language': language }).open('/login')
    expect(page.html).toContain(`<html lang="${lang}">`)
    expect(page.html).toContain(`<h1>${heading}</h1>`)
    expect(page.headers.get('Vary')).toContain('Accept-Language')
  })

  it('shows a page in Arabic from right to left', async () => {
    const page = await new Browser({ 'Accept-Language': 'ar-EG' }).open('/login')
    expect(page.html).toContain('<html lang="ar" dir="rtl">')
    expect(page.html).toContain('<h1>تسجيل الدخول</h1>')
  })

  it('shows the configured name, logo and colour, and allows no other image of its host', async () => {
    const PAGES = { name: 'A & B <i>', logo: 'https://www.example.com/logo.svg', color: '#ffee00' }
    const page = await new Browser({}, workerWith({ PAGES })).open('/login')
    expect(page.html).toContain('A &amp; B &lt;i&gt;')
    expect(page.html).toContain('<img src="https://www.example.com/logo.svg" alt=""')
    expect(page.html).toContain('--accent:#ffee00;--on-accent:#000000;')
    expect(page.headers.get('Content-Security-Policy')).toContain(
      "img-src 'self' data: https://www.example.com/logo.svg;",
    )
  })

  it('loads the configured icon, font and stylesheet after its own styles', async () => {
    const stylesheet = 'https://www.example.com/theme.css?a=1&b=2'
    const PAGES = { favicon: 'data:image/png;base64,AA==', font: '"Open Sans", sans-serif', stylesheet }
    const { html } = await new Browser({}, workerWith({ PAGES })).open('/login')
    expect(html).toContain('<link rel="icon" href="data:image/png;base64,AA=="')
    const parts = ['/assets/pages/page.css"', '--font:"Open Sans", sans-serif;', 'theme.css?a=1&amp;b=2"']
    const places = parts.map((part) => html.indexOf(part))
    expect(places).not.toContain(-1)
    expect(places).toEqual(places.toSorted((a, b) => a - b))
  })

  it.each(['turnstile', 'hcaptcha'] as const)(
    'allows the widget of %s in the policy of a page if it is the challenge provider',
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

  it('sends no CORS headers with a page, even to a configured origin', async () => {
    const { browser } = await registered()
    const headers = { Origin: APP, Cookie: `${PAGE_COOKIE}=${browser.cookie(PAGE_COOKIE)}` }
    for (const path of ['/account', '/login', '/register']) {
      const response = await call('GET', path, { headers })
      expect(response.headers.get('Access-Control-Allow-Origin')).toBeNull()
    }
  })

  it('sends WWW-Authenticate with a page of status 401 (RFC 9110)', async () => {
    const page = await new Browser().send('/login', {
      identifier: newName(),
      password: 'a guess that is wrong',
    })
    expect(page.headers.get('WWW-Authenticate')).toBe('Bearer realm="gatehouse"')
  })

  it('escapes the typed values in a page', async () => {
    const evil = '"><script>alert(1)</script>@x'
    for (const path of ['/login', '/register']) {
      const { html } = await new Browser().send(path, { identifier: evil, password: PASSWORD })
      expect(html).not.toContain('<script>alert')
      expect(html).toContain('&quot;&gt;&lt;script&gt;')
    }
  })

  it('shows an internal error in the language of the browser with the id of the request in the log', async () => {
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

describe('a path without a resource', () => {
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
  ])('answers 404 to a browser with a page: %s', async (path) => {
    const response = await ask(path)
    expect(response.status).toBe(404)
    expect(response.headers.get('Content-Type')).toBe('text/html; charset=UTF-8')
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    expect(response.headers.get('Content-Security-Policy')).toContain("default-src 'none'")
    const html = await response.text()
    expect(html).toContain('<html lang="en">')
    expect(html).toContain(response.headers.get('X-Request-Id'))
    expect(html).not.toContain('nothing.js')
  })

  it('shows the 404 page in the language of the browser', async () => {
    const html = await (await ask('/nothing', { 'Accept-Language': 'zh-CN' })).text()
    expect(html).toContain('<html lang="zh-Hans">')
  })

  it('answers HEAD for an unknown path as GET, without the body', async () => {
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
  ])('answers 404 with a problem to Accept %j', async (accept) => {
    const response = await ask('/nothing', { Accept: accept })
    expect([response.status, response.headers.get('Content-Type')]).toEqual([404, 'application/problem+json'])
  })

  it('answers 404 with a problem to POST, and 405 if the path has other methods', async () => {
    const posted = await ask('/nothing', {}, worker, 'POST')
    expect([posted.status, posted.headers.get('Content-Type')]).toEqual([404, 'application/problem+json'])
    expect((await ask('/auth/login')).status).toBe(405)
  })

  it('answers 404 with a problem to a browser if pages are disabled', async () => {
    const response = await ask('/nothing', {}, workerWith({ PAGES: { enabled: false } }))
    expect(response.headers.get('Content-Type')).toBe('application/problem+json')
  })

  it('leaves a 404 below the prefix of a gateway route to its origin', async () => {
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
    'redirects %s of /.well-known/change-password to the password section of the account page',
    async (method) => {
      const response = await workerWith({})(new Request(PUBLIC_URL + path, { method, redirect: 'manual' }))
      expect([response.status, response.headers.get('Location')]).toEqual([302, '/account/security#password'])
      const browser = new Browser()
      await browser.send('/register', { identifier: newName(), password: PASSWORD })
      const { html } = await browser.open('/account/security')
      expect(html).toContain('id="password"')
      expect(html.indexOf('id="password"')).toBeLessThan(html.indexOf('action="/account/password"'))
    },
  )

  it('answers 404 at /.well-known/change-password if pages are disabled', async () => {
    const response = await call('GET', path, {}, workerWith({ PAGES: { enabled: false } }))
    expect(response.status).toBe(404)
  })
})
