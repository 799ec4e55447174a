import type { BrowserContext, Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import './app.ts'
import {
  callApi,
  changePassword,
  chromium,
  enter,
  logOut,
  newName,
  newVisitor,
  openTab,
  PASSWORD,
  passALifetime,
  stage,
  stopClock,
  user,
} from './spa.ts'
import { ACCESS_TOKEN_SECONDS, elsewhere } from './stage.ts'

describe('a browser that blocks the cookies of the service', () => {
  it('reports cookie_blocked and leaves no session behind if the browser blocks cookies', async () => {
    const tab = await openTab(await chromium.visitor(), 'cookie', elsewhere(stage.app))
    const name = newName()
    const { error } = await enter(tab, 'register', name)
    expect(error).toMatchObject({ code: 'cookie_blocked' })
    expect(await user(tab)).toEqual({ value: null })
    const sessions = await tab.evaluate(
      async ({ url, identifier, password }) => {
        const headers = { 'Content-Type': 'application/json' }
        const body = JSON.stringify({ identifier, password })
        const response = await fetch(`${url}/auth/login`, { method: 'POST', headers, body })
        const { access_token } = await response.json()
        const list = await fetch(`${url}/auth/sessions`, {
          headers: { Authorization: `Bearer ${access_token}` },
        })
        return (await list.json()).sessions.length
      },
      { url: stage.url, identifier: name, password: PASSWORD },
    )
    expect(sessions).toBe(1)
  })

  it('logs in without cookies if the page stores the token', async () => {
    const tab = await openTab(await chromium.visitor(), 'localStorage', elsewhere(stage.app))
    const name = newName()
    expect(await enter(tab, 'register', name)).toEqual({ value: name })
    expect((await callApi(tab)).status).toBe(200)
  })
})

describe('an app without a network', () => {
  it('reports a network error while offline and continues afterwards', async () => {
    const { context, tab, name } = await newVisitor()
    await context.setOffline(true)
    await passALifetime(tab)
    expect((await user(tab)).error).toMatchObject({ code: 'network' })
    expect(await tab.evaluate(() => changes)).toEqual([name])
    await context.setOffline(false)
    expect(await user(tab)).toEqual({ value: name })
    expect((await callApi(tab)).status).toBe(200)
  })

  it('uses the access token until it expires if it cannot be renewed offline', async () => {
    const context = await chromium.visitor()
    const tab = await openTab(context)
    const name = newName()
    const startMs = Date.now()
    await stopClock(tab, startMs)
    await enter(tab, 'register', name)
    await context.setOffline(true)
    await stopClock(tab, startMs + (ACCESS_TOKEN_SECONDS - 1) * 1000 - 1)
    expect(await user(tab)).toEqual({ value: name })
    await stopClock(tab, startMs + (ACCESS_TOKEN_SECONDS - 1) * 1000)
    expect((await user(tab)).error).toMatchObject({ code: 'network' })
  })

  it.each(['/auth/refresh', '/auth/logout'])(
    'repeats a request whose response was lost: %s',
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

  it('forgets the token at a logout offline and reports that the session is not ended', async () => {
    const { context, tab } = await newVisitor()
    await context.setOffline(true)
    expect((await logOut(tab)).error).toMatchObject({ code: 'network' })
    expect(await tab.evaluate(() => Object.keys(localStorage))).toEqual([])
    await context.setOffline(false)
    expect(await user(tab)).toEqual({ value: null })
  })

  it('stays logged in by the cookie after a logout offline', async () => {
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
  ])('keeps the session if the response to a refresh is %i %j', async (status, body) => {
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

describe('a service that redirects', () => {
  it.each(['/auth/login', '/auth/refresh', '/auth/me/password'])(
    'sends no password and no token to where a redirect points: %s',
    async (path) => {
      const { context, tab, name } = await newVisitor()
      if (path === '/auth/login') await logOut(tab)
      const address = `${stage.url}${path}`
      const headers = { 'Access-Control-Allow-Origin': stage.app, Location: address }
      await context.route(address, (route) => route.fulfill({ status: 307, headers }))
      await passALifetime(tab)
      const call = { '/auth/login': () => enter(tab, 'logIn', name), '/auth/refresh': () => user(tab) }
      const result = await (call[path as keyof typeof call] ?? (() => changePassword(tab)))()
      expect(result).toMatchObject({ error: { code: 'network' } })
    },
  )
})

describe('the time limit of a call', () => {
  it('ends all requests of a call at one time, and then lets other tabs continue', async () => {
    const { context, tab, name } = await newVisitorWithClock()
    const refresh = await holdRequests(context, '/auth/refresh')
    const change = await holdRequests(context, '/auth/me/password')
    await passALifetime(tab)
    const changing = changePassword(tab)
    await refresh.begun
    await tab.evaluate(() => advance(19_999))
    refresh.release()
    await change.begun
    await tab.evaluate(() => advance(1))
    change.release()
    expect(await changing).toMatchObject({ error: { code: 'network' } })
    expect(change.sent()).toBe(1)
    const other = await openTab(context)
    expect(await user(other)).toEqual({ value: name })
    expect(await user(tab)).toEqual({ value: name })
  })

  it('includes the time that a call waits for another tab', async () => {
    const { context, tab, name } = await newVisitorWithClock()
    const release = await holdLock(await openTab(context))
    const refresh = await holdRequests(context, '/auth/refresh')
    await passALifetime(tab)
    const renewing = user(tab)
    await waitsForLock(tab)
    await tab.evaluate(() => advance(19_999))
    await release()
    await refresh.begun
    await tab.evaluate(() => advance(1))
    refresh.release()
    expect(await renewing).toMatchObject({ error: { code: 'network' } })
    expect(await user(tab)).toEqual({ value: name })
  })

  it('starts anew if a frozen tab holds the lock, without which the call then continues', async () => {
    const { context, tab, name } = await newVisitorWithClock()
    await holdLock(await openTab(context))
    await passALifetime(tab)
    const renewing = user(tab)
    await waitsForLock(tab)
    await tab.evaluate(() => advance(25_000))
    expect(await renewing).toEqual({ value: name })
  })

  /** A visitor in whose tabs a time limit passes only when the test calls `advance`. */
  async function newVisitorWithClock() {
    const context = await chromium.visitor()
    await context.addInitScript(() => {
      let nowMs = 0
      const limits: { readonly atMs: number; readonly end: AbortController }[] = []
      AbortSignal.timeout = (limitMs) => {
        const end = new AbortController()
        limits.push({ atMs: nowMs + limitMs, end })
        return end.signal
      }
      globalThis.advance = (passedMs) => {
        nowMs += passedMs
        for (const { atMs, end } of limits) if (atMs <= nowMs) end.abort()
      }
    })
    const tab = await openTab(context)
    const name = newName()
    expect(await enter(tab, 'register', name)).toEqual({ value: name })
    return { context, tab, name }
  }

  /** Delays requests on their way to the service until `release` is called. */
  async function holdRequests(context: BrowserContext, path: string) {
    let sent = 0
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    const begun = context.waitForEvent('request', (request) => request.url().endsWith(path))
    await context.route(`**${path}`, async (route) => {
      sent += 1
      await released
      await route.fallback()
    })
    return { release, begun, sent: () => sent }
  }

  /** @returns a function that releases the lock of all tabs */
  async function holdLock(tab: Page) {
    await tab.evaluate(
      (url) =>
        new Promise<void>((held) => {
          void navigator.locks.request(`gatehouse ${url} token 2`, () => {
            held()
            return new Promise<void>((release) => {
              globalThis.releaseLock = release
            })
          })
        }),
      stage.url,
    )
    return () => tab.evaluate(() => releaseLock())
  }

  const waitsForLock = (tab: Page) =>
    tab.waitForFunction(async () => (await navigator.locks.query()).pending?.length === 1)
})

describe('several tabs', () => {
  it.each(['logout', 'login', 'changed password'] as const)(
    'keeps the result of a %s when a late response arrives in another tab, without locks',
    async (what) => {
      const context = await chromium.visitor()
      await context.addInitScript(refuseLocks)
      const [tab, other] = [await openTab(context), await openTab(context)]
      const name = newName()
      await enter(tab, 'register', name)
      const { name: otherName } = await newVisitor()
      await user(other)
      const delayed = await holdBack(context)
      await passALifetime(tab)
      const renewing = user(tab)
      await delayed.begun
      if (what === 'logout') await logOut(other)
      else if (what === 'changed password') expect(await changePassword(other)).toEqual({})
      else expect(await enter(other, 'logIn', otherName)).toEqual({ value: otherName })
      delayed.release()
      await renewing
      const expected = { value: { logout: null, login: otherName, 'changed password': name }[what] }
      expect(await user(tab)).toEqual(expected)
      expect(await user(other)).toEqual(expected)
      await other.reload()
      await other.waitForFunction(() => 'client' in window)
      expect(await user(other)).toEqual(expected)
    },
  )

  /** Delays the responses to refreshes until `release` is called. */
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

/** As browsers do in some frames. */
function refuseLocks(): void {
  // The empty page before that of the app has no locks.
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
  it('logs in for the lifetime of the page if the browser refuses storage and locks', async () => {
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
