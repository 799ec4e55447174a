import { decodeJwt } from 'jose'
import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import './app.ts'
import { Chromium } from './chromium.ts'
import { ACCESS_TOKEN_SECONDS, elsewhere, type Stage, setStage } from './stage.ts'

const PASSWORD = 'correct horse battery staple'
const STORAGES = ['localStorage', 'cookie'] as const

let stage: Stage
let chromium: Chromium
let people = 0

beforeAll(async () => {
  stage = await setStage()
  chromium = await Chromium.launch()
})
afterAll(async () => {
  await chromium?.close()
  await stage?.stop()
})
afterEach(() => expect(chromium.takeFaults()).toEqual([]))

const newName = () => `spa${++people}.${process.pid}`

/** A tab with the app, whose client is ready. */
async function openTab(context: BrowserContext, storage = 'localStorage', app = stage.app): Promise<Page> {
  const page = await context.newPage()
  await page.goto(`${app}/?storage=${storage}&api=${encodeURIComponent(stage.refusing.url)}`)
  await page.waitForFunction(() => 'client' in window)
  return page
}

const user = (page: Page) =>
  page.evaluate(() => outcome(client.user().then((found) => found?.username ?? null)))
const logOut = (page: Page) => page.evaluate(() => outcome(client.logOut()))

function enter(page: Page, how: 'register' | 'logIn', name: string, password = PASSWORD) {
  const credentials = { name, password, how }
  return page.evaluate(({ name, password, how }) => {
    const entering =
      how === 'register'
        ? client.register({ username: name, password })
        : client.logIn({ identifier: name, password })
    return outcome(entering.then(({ username }) => username))
  }, credentials)
}

/** Somebody new, with one tab. */
async function newVisitor(storage: string = 'localStorage') {
  const context = await chromium.visitor()
  const tab = await openTab(context, storage)
  const name = newName()
  expect(await enter(tab, 'register', name)).toEqual({ value: name })
  return { context, tab, name }
}

/** What the origin behind the gateway was sent, or the status of what came instead. */
async function callApi(page: Page): Promise<{ readonly status: number; readonly jti: string | undefined }> {
  const url = `${stage.url}/api/orders`
  const { status, text } = await page.evaluate(async (url) => {
    const answer = await client.fetch(url)
    return { status: answer.status, text: await answer.text() }
  }, url)
  const token = /^authorization: Bearer (.*)\r$/im.exec(text)?.[1]
  return { status, jti: token === undefined ? undefined : decodeJwt(token).jti }
}

/** As a laptop that was shut: the clock has gone on. */
async function passALifetime(tab: Page): Promise<void> {
  await tab.evaluate((passedMs) => {
    const now = Date.now.bind(Date)
    Date.now = () => now() + passedMs
  }, ACCESS_TOKEN_SECONDS * 1000)
}

function countRefreshes(context: BrowserContext): () => number {
  let refreshes = 0
  context.on('request', (request) => {
    if (request.method() === 'POST' && request.url().endsWith('/auth/refresh')) refreshes += 1
  })
  return () => refreshes
}

/** @returns the subprotocol that was selected, or null where the socket did not open, and what it echoed */
const openSocket = (page: Page, url: string, protocols: readonly string[] = []) =>
  page.evaluate(
    async ({ url, protocols }) => {
      const socket = await client.webSocket(url, protocols)
      const next = (type: string) => new Promise((resolve) => socket.addEventListener(type, resolve))
      const opened = await Promise.race([next('open').then(() => true), next('close').then(() => false)])
      if (!opened) return null
      const echo = next('message') as Promise<MessageEvent>
      socket.send('hello')
      const { data } = await echo
      socket.close()
      return { protocol: socket.protocol, data }
    },
    { url, protocols },
  )

describe('a WebSocket of the client', () => {
  const opened = (protocol: string) => ({ protocol, data: 'hello' })

  it('opens through the gateway with the token, which is renewed before it expires', async () => {
    const { tab } = await newVisitor()
    const url = `${stage.url}/api/websocket`
    expect(await openSocket(tab, url)).toEqual(opened('gatehouse'))
    expect(await openSocket(tab, url.replace('http', 'ws'), ['chat'])).toEqual(opened('gatehouse'))
    expect(await openSocket(tab, `${url}?select=chat`, ['other', 'chat'])).toEqual(opened('chat'))
    await passALifetime(tab)
    expect(await openSocket(tab, url)).toEqual(opened('gatehouse'))
  })

  it('does not open where nobody is logged in and the API needs somebody', async () => {
    const tab = await openTab(await chromium.visitor())
    expect(await openSocket(tab, `${stage.url}/api/websocket`)).toBe(null)
    expect(chromium.takeFaults().join()).toMatch(/WebSocket connection .* failed/)
  })

  it('offers the token to no origin that is not among the APIs', async () => {
    const { tab } = await newVisitor()
    // A browser would close the socket if anything had been offered, since nothing is selected there.
    expect(await openSocket(tab, `${stage.origin}/websocket`)).toEqual(opened(''))
  })
})

describe.each(STORAGES)('an app that keeps the refresh token in %s', (storage) => {
  it('registers somebody, knows them after a reload and in another tab, and logs them out in all', async () => {
    const { context, tab, name } = await newVisitor(storage)
    await tab.reload()
    await tab.waitForFunction(() => 'client' in window)
    expect(await user(tab)).toEqual({ value: name })
    const other = await openTab(context, storage)
    expect(await user(other)).toEqual({ value: name })
    expect(await logOut(tab)).toEqual({})
    await other.waitForFunction(() => changes.at(-1) === null && changes.length > 0)
    expect(await user(other)).toEqual({ value: null })
    expect(await user(await openTab(context, storage))).toEqual({ value: null })
  })

  it('tells every tab who logs in', async () => {
    const { context, tab, name } = await newVisitor(storage)
    await logOut(tab)
    const other = await openTab(context, storage)
    expect(await enter(tab, 'logIn', name)).toEqual({ value: name })
    await other.waitForFunction((name) => changes.at(-1) === name, name)
    expect((await callApi(other)).status).toBe(200)
  })

  it('renews with five tabs at once, one for all, for several lifetimes, and logs nobody out', async () => {
    const { context, tab, name } = await newVisitor(storage)
    const tabs = [tab, ...(await Promise.all([1, 2, 3, 4].map(() => openTab(context, storage))))]
    for (const one of tabs) expect(await user(one)).toEqual({ value: name })
    const refreshes = countRefreshes(context)
    const lifetimes = 8
    const seen = new Set<string | undefined>()
    let calls = 0
    while (seen.size <= lifetimes) {
      const answers = await Promise.all(tabs.map(callApi))
      calls += answers.length
      expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
      for (const { jti } of answers) seen.add(jti)
    }
    console.log(`${storage}: ${calls} calls, ${seen.size} tokens, ${refreshes()} refreshes of 5 tabs`)
    for (const one of tabs) expect(await user(one)).toEqual({ value: name })
    // The first token came before the count, and some tab may have had one of its own.
    expect(refreshes()).toBeLessThanOrEqual(seen.size)
  })

  it('asks for a challenge after three wrong passwords, solves it for real, and clears its place', async () => {
    const { tab, name } = await newVisitor(storage)
    await logOut(tab)
    for (let times = 1; times <= 3; times++) {
      const { error } = await enter(tab, 'logIn', name, 'a guess that is wrong')
      expect(error).toMatchObject({ name: 'GatehouseError', code: 'invalid_credentials', status: 401 })
    }
    const widget = tab.locator('altcha-widget').waitFor()
    expect(await enter(tab, 'logIn', name)).toEqual({ value: name })
    await widget
    expect(await tab.locator('#challenge > *').count()).toBe(0)
  })
})

describe('a browser that keeps no cookie for the service', () => {
  it('is told apart, and no session stays behind', async () => {
    const tab = await openTab(await chromium.visitor(), 'cookie', elsewhere(stage.app))
    const name = newName()
    const { error } = await enter(tab, 'register', name)
    expect(error).toMatchObject({ code: 'cookie_blocked' })
    expect(await user(tab)).toEqual({ value: null })
    const sessions = await tab.evaluate(
      async ({ url, identifier, password }) => {
        const headers = { 'Content-Type': 'application/json' }
        const body = JSON.stringify({ identifier, password })
        const answer = await fetch(`${url}/auth/login`, { method: 'POST', headers, body })
        const { access_token } = await answer.json()
        const list = await fetch(`${url}/auth/sessions`, {
          headers: { Authorization: `Bearer ${access_token}` },
        })
        return (await list.json()).sessions.length
      },
      { url: stage.url, identifier: name, password: PASSWORD },
    )
    expect(sessions).toBe(1)
  })

  it('still logs in where the token is kept by the page', async () => {
    const tab = await openTab(await chromium.visitor(), 'localStorage', elsewhere(stage.app))
    const name = newName()
    expect(await enter(tab, 'register', name)).toEqual({ value: name })
    expect((await callApi(tab)).status).toBe(200)
  })
})

describe('an app without a network', () => {
  it('fails while it lasts and goes on afterwards, however long it slept', async () => {
    const { context, tab, name } = await newVisitor()
    await context.setOffline(true)
    await passALifetime(tab)
    expect((await user(tab)).error).toMatchObject({ code: 'network' })
    expect(await tab.evaluate(() => changes)).toEqual([name])
    await context.setOffline(false)
    expect(await user(tab)).toEqual({ value: name })
    expect((await callApi(tab)).status).toBe(200)
  })

  it('uses the token that it has until it expires, though it would have been renewed by then', async () => {
    const context = await chromium.visitor()
    const tab = await openTab(context)
    const name = newName()
    const stop = (atMs: number) =>
      tab.evaluate((atMs) => {
        Date.now = () => atMs
      }, atMs)
    const startMs = Date.now()
    await stop(startMs)
    await enter(tab, 'register', name)
    await context.setOffline(true)
    await stop(startMs + (ACCESS_TOKEN_SECONDS - 1) * 1000 - 1)
    expect(await user(tab)).toEqual({ value: name })
    await stop(startMs + (ACCESS_TOKEN_SECONDS - 1) * 1000)
    expect((await user(tab)).error).toMatchObject({ code: 'network' })
  })

  it.each(['/auth/refresh', '/auth/logout'])(
    'gets the same answer again where one is lost: %s',
    async (path) => {
      const { context, tab, name } = await newVisitor()
      let lost = 0
      await context.route(`${stage.url}${path}`, async (route) => {
        if (lost > 0) return route.fallback()
        lost += 1
        await route.fetch()
        await route.abort()
      })
      if (path === '/auth/logout') {
        expect(await logOut(tab)).toEqual({})
        return expect(await user(tab)).toEqual({ value: null })
      }
      await passALifetime(tab)
      expect(await user(tab)).toEqual({ value: name })
      expect(lost).toBe(1)
      expect((await callApi(tab)).status).toBe(200)
    },
  )

  it('forgets the token when somebody logs out, and says that the session lives on', async () => {
    const { context, tab } = await newVisitor()
    await context.setOffline(true)
    expect((await logOut(tab)).error).toMatchObject({ code: 'network' })
    expect(await tab.evaluate(() => Object.keys(localStorage))).toEqual([])
    await context.setOffline(false)
    expect(await user(tab)).toEqual({ value: null })
  })

  it('stays logged in with a cookie that nobody could end', async () => {
    const { context, tab, name } = await newVisitor('cookie')
    await context.setOffline(true)
    expect((await logOut(tab)).error).toMatchObject({ code: 'network' })
    await context.setOffline(false)
    expect(await user(tab)).toEqual({ value: name })
  })

  it.each([
    [500, '<h1>not the service</h1>'],
    [503, ''],
    [200, '<h1>not the service</h1>'],
    [200, 'null'],
    [200, '{}'],
  ])('keeps the session where something answers a refresh with %i %j', async (status, body) => {
    const { context, tab, name } = await newVisitor()
    const headers = { 'Access-Control-Allow-Origin': stage.app, 'Content-Type': 'text/html' }
    await context.route('**/auth/refresh', (route) => route.fulfill({ status, body, headers }))
    await passALifetime(tab)
    expect((await user(tab)).error).toMatchObject({
      name: 'GatehouseError',
      code: 'internal',
      status: status === 200 ? 0 : status,
    })
    for (const fault of chromium.takeFaults()) expect(fault).toContain(`status of ${status}`)
    await context.unroute('**/auth/refresh')
    expect(await user(tab)).toEqual({ value: name })
  })
})

describe('tabs beside each other', () => {
  it('go on without a tab that froze while it held the lock', async () => {
    const { context, tab, name } = await newVisitor()
    const frozen = await openTab(context)
    await frozen.evaluate(
      (url) =>
        new Promise<void>((held) => {
          void navigator.locks.request(`gatehouse ${url} token 1`, () => {
            held()
            return new Promise(() => undefined)
          })
        }),
      stage.url,
    )
    await passALifetime(tab)
    expect(await user(tab)).toEqual({ value: name })
  })

  it.each(['log out', 'log in'])(
    'let a %s stand that an answer to another tab comes after, without any lock',
    async (what) => {
      const context = await chromium.visitor()
      await context.addInitScript(refuseLocks)
      const [tab, other] = [await openTab(context), await openTab(context)]
      await enter(tab, 'register', newName())
      const { name: somebodyElse } = await newVisitor()
      await user(other)
      const answers = await holdBack(context)
      await passALifetime(tab)
      const renewing = user(tab)
      await answers.begun
      if (what === 'log out') await logOut(other)
      else expect(await enter(other, 'logIn', somebodyElse)).toEqual({ value: somebodyElse })
      answers.release()
      await renewing
      const expected = { value: what === 'log out' ? null : somebodyElse }
      expect(await user(tab)).toEqual(expected)
      expect(await user(other)).toEqual(expected)
      await other.reload()
      await other.waitForFunction(() => 'client' in window)
      expect(await user(other)).toEqual(expected)
    },
  )

  /** Answers to refreshes, which the service has made, come when they are let. */
  async function holdBack(context: BrowserContext) {
    let release = (): void => undefined
    const released = new Promise<void>((resolve) => {
      release = resolve
    })
    const begun = context.waitForEvent('request', (request) => request.url().endsWith('/auth/refresh'))
    await context.route('**/auth/refresh', async (route) => {
      const response = await route.fetch()
      await released
      await route.fulfill({ response })
    })
    return { release: () => release(), begun }
  }
})

/** As in some frames. */
function refuseLocks(): void {
  // Where there are any: not in the empty page before the app's.
  if (!('locks' in navigator)) return
  navigator.locks.request = async () => {
    throw new DOMException('refused', 'SecurityError')
  }
}

describe.each([
  [
    'refuses storage',
    () =>
      Object.defineProperty(window, 'localStorage', {
        get: () => {
          throw new DOMException('refused', 'SecurityError')
        },
      }),
  ],
  [
    'has no room left',
    () => {
      Storage.prototype.setItem = () => {
        throw new DOMException('full', 'QuotaExceededError')
      }
    },
  ],
])('a browser that %s, and refuses locks', (_what, script) => {
  it('logs in all the same, for as long as the page lasts', async () => {
    const context = await chromium.visitor()
    await context.addInitScript(refuseLocks)
    await context.addInitScript(script)
    const tab = await openTab(context)
    const name = newName()
    expect(await enter(tab, 'register', name)).toEqual({ value: name })
    await passALifetime(tab)
    expect((await callApi(tab)).status).toBe(200)
    expect(await logOut(tab)).toEqual({})
  })
})

describe('client.fetch', () => {
  it('renews and tries once more where an API refuses the token, and never again', async () => {
    const { context, tab } = await newVisitor()
    const refreshes = countRefreshes(context)
    const before = stage.refusing.calls()
    const status = await tab.evaluate(async (url) => (await client.fetch(url)).status, stage.refusing.url)
    expect(status).toBe(401)
    expect(stage.refusing.calls() - before).toBe(2)
    expect(refreshes()).toBe(1)
  })

  it('looks into the refusals of an API once in a while, not each time', async () => {
    const { context, tab } = await newVisitor()
    const refreshes = countRefreshes(context)
    const before = stage.refusing.calls()
    for (let times = 1; times <= 5; times++)
      await tab.evaluate((url) => client.fetch(url), stage.refusing.url)
    expect(refreshes()).toBeLessThanOrEqual(2)
    expect(stage.refusing.calls() - before).toBeLessThanOrEqual(7)
  })

  it('asks nothing in the name of somebody else, who has logged in meanwhile', async () => {
    const { context, tab } = await newVisitor()
    const { name } = await newVisitor()
    const other = await openTab(context)
    let calls = 0
    await context.route(`${stage.refusing.url}/**`, async (route) => {
      if (route.request().method() === 'POST' && calls++ === 0) await enter(other, 'logIn', name)
      await route.fallback()
    })
    const status = await tab.evaluate(
      async (url) => (await client.fetch(url, { method: 'POST', body: 'an order' })).status,
      stage.refusing.url,
    )
    expect(status).toBe(401)
    expect(calls).toBe(1)
    expect(await user(tab)).toEqual({ value: name })
  })

  it('sends the body again with the second try', async () => {
    const { context, tab } = await newVisitor()
    const bodies: (string | null)[] = []
    context.on('request', (request) => {
      if (request.url().startsWith(stage.refusing.url) && request.method() === 'POST')
        bodies.push(request.postData())
    })
    await tab.evaluate((url) => client.fetch(url, { method: 'POST', body: 'an order' }), stage.refusing.url)
    expect(bodies).toEqual(['an order', 'an order'])
  })

  it.each(['a page of its own', 'another port', 'a host that only begins alike'])(
    'gives no token to %s',
    async (where) => {
      const { context, tab } = await newVisitor()
      const addresses = {
        'a page of its own': '/orders',
        'another port': stage.url.replace('localhost', '127.0.0.1'),
        'a host that only begins alike': stage.url.replace('localhost', 'localhost.example.test'),
      }
      const sent: (string | undefined)[] = []
      await context.route(/example\.test|127\.0\.0\.1|\/orders/, async (route) => {
        sent.push((await route.request().headerValue('authorization')) ?? undefined)
        await route.fulfill({ status: 204, headers: { 'Access-Control-Allow-Origin': '*' } })
      })
      const url = addresses[where as keyof typeof addresses]
      await tab.evaluate((url) => outcome(client.fetch(url)), url)
      expect(sent).toEqual([undefined])
    },
  )

  it('leaves an Authorization that the page sets, and calls without one while nobody is logged in', async () => {
    const { tab } = await newVisitor()
    const url = `${stage.url}/auth/me`
    const withOwn = await tab.evaluate(
      async (url) => (await client.fetch(url, { headers: { Authorization: 'Bearer x' } })).status,
      url,
    )
    expect(withOwn).toBe(401)
    expect((await user(tab)).value).not.toBeNull()
    await logOut(tab)
    expect(await tab.evaluate(async (url) => (await client.fetch(url)).status, url)).toBe(401)
  })
})

describe('a log out', () => {
  it('ends the session whose token somebody has cleared away', async () => {
    const { tab } = await newVisitor()
    const token = await tab.evaluate(() => {
      const found = Object.values(localStorage)[0]
      localStorage.clear()
      return found
    })
    expect(await logOut(tab)).toEqual({})
    const headers = { 'Content-Type': 'application/json' }
    const body = JSON.stringify({ refresh_token: token })
    expect((await fetch(`${stage.url}/auth/refresh`, { method: 'POST', headers, body })).status).toBe(401)
  })
})

describe('a session that ends elsewhere', () => {
  it.each(STORAGES)('is over for the app at its next refresh, in every tab: %s', async (storage) => {
    const { context, tab, name } = await newVisitor(storage)
    const other = await openTab(context, storage)
    expect(await user(other)).toEqual({ value: name })
    const ended = await tab.evaluate(
      async (url) => (await client.fetch(`${url}/auth/sessions`, { method: 'DELETE' })).status,
      stage.url,
    )
    expect(ended).toBe(204)
    const status = await tab.evaluate(async (url) => (await client.fetch(`${url}/auth/me`)).status, stage.url)
    expect(status).toBe(401)
    expect(await user(tab)).toEqual({ value: null })
    await other.waitForFunction(() => changes.at(-1) === null && changes.length > 0)
  })
})

describe('an error', () => {
  it('has the code of the service, and what it says of the fields', async () => {
    const tab = await openTab(await chromium.visitor())
    const { error } = await enter(tab, 'register', '!!', 'short')
    expect(error).toMatchObject({ name: 'GatehouseError', code: 'invalid_request', status: 422 })
    const errors = await tab.evaluate(async () => {
      const fault = await client.register({ username: '!!', password: 'x' }).catch((fault) => fault)
      return fault.problem.errors
    })
    expect(errors).toEqual([
      { field: 'username', message: expect.any(String) },
      { field: 'password', message: expect.any(String), reasons: ['too_short'] },
    ])
  })

  it('says that no answer came where the service does not name the origin of the page', async () => {
    const tab = await openTab(
      await chromium.visitor(),
      'localStorage',
      stage.app.replace('localhost', '[::1]'),
    )
    const { error } = await enter(tab, 'logIn', newName())
    expect(error?.code).toBe('network')
    expect(error?.message).toContain('CORS_ORIGINS')
    for (const fault of chromium.takeFaults()) expect(fault).toContain('CORS policy')
  })
})
