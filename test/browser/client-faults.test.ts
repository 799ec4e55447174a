import type { BrowserContext } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import './app.ts'
import {
  callApi,
  chromium,
  enter,
  logOut,
  newName,
  newVisitor,
  openTab,
  PASSWORD,
  passALifetime,
  stage,
  user,
} from './spa.ts'
import { ACCESS_TOKEN_SECONDS, elsewhere } from './stage.ts'

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
