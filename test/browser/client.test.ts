import { describe, expect, it } from 'vitest'
import './app.ts'
import {
  ask,
  callApi,
  chromium,
  countRefreshes,
  enter,
  logOut,
  newName,
  newVisitor,
  openSocket,
  openTab,
  passALifetime,
  STORAGES,
  stage,
  stopClock,
  user,
} from './spa.ts'
import { refusedCalls } from './stage.ts'

describe('client.webSocket', () => {
  const opened = (protocol: string) => ({ protocol, data: 'hello' })

  it('opens a WebSocket through the gateway with a token that is renewed before it expires', async () => {
    const { tab } = await newVisitor()
    const url = `${stage.url}/api/websocket`
    expect(await openSocket(tab, url)).toEqual(opened('gatehouse'))
    expect(await openSocket(tab, url.replace('http', 'ws'), ['chat'])).toEqual(opened('gatehouse'))
    expect(await openSocket(tab, `${url}?select=chat`, ['other', 'chat'])).toEqual(opened('chat'))
    await passALifetime(tab)
    expect(await openSocket(tab, url)).toEqual(opened('gatehouse'))
  })

  it('opens no WebSocket without a session if the route requires a token', async () => {
    const tab = await openTab(await chromium.visitor())
    expect(await openSocket(tab, `${stage.url}/api/websocket`)).toBe(null)
    expect(chromium.takeFaults().join()).toMatch(/WebSocket connection .* failed/)
  })

  it('offers the token of a WebSocket only to the configured APIs', async () => {
    const { tab } = await newVisitor()
    // A browser would close the socket if anything had been offered, since nothing is selected there.
    expect(await openSocket(tab, `${stage.origin}/websocket`)).toEqual(opened(''))
  })
})

describe.each(STORAGES)('an app that keeps the refresh token in %s', (storage) => {
  it('keeps the login after a reload and in another tab, and logs out of all tabs', async () => {
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

  it('reports a login to every tab', async () => {
    const { context, tab, name } = await newVisitor(storage)
    await logOut(tab)
    const other = await openTab(context, storage)
    expect(await enter(tab, 'logIn', name)).toEqual({ value: name })
    await other.waitForFunction((name) => changes.at(-1) === name, name)
    expect((await callApi(other)).status).toBe(200)
  })

  it('renews the token once for five tabs over several lifetimes, and keeps the login', async () => {
    const { context, tab, name } = await newVisitor(storage)
    const tabs = [tab, ...(await Promise.all([1, 2, 3, 4].map(() => openTab(context, storage))))]
    for (const one of tabs) expect(await user(one)).toEqual({ value: name })
    const refreshes = countRefreshes(context)
    const lifetimes = 8
    const seen = new Set<string | undefined>()
    let calls = 0
    while (seen.size <= lifetimes) {
      const responses = await Promise.all(tabs.map(callApi))
      calls += responses.length
      expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
      for (const { jti } of responses) seen.add(jti)
    }
    console.log(`${storage}: ${calls} calls, ${seen.size} tokens, ${refreshes()} refreshes of 5 tabs`)
    for (const one of tabs) expect(await user(one)).toEqual({ value: name })
    // The first token was issued before the count, and a tab may have had a token of its own.
    expect(refreshes()).toBeLessThanOrEqual(seen.size)
  })

  it('solves a challenge after three wrong passwords and removes the widget', async () => {
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

describe('client.fetch', () => {
  it('renews the token and repeats a request once if an API rejects the token', async () => {
    const startMs = Date.now()
    const { context, tab } = await newVisitor()
    await stopClock(tab, startMs)
    const refreshes = countRefreshes(context)
    const before = await refusedCalls(stage)
    const status = await tab.evaluate(async (url) => (await client.fetch(url)).status, stage.refusing)
    expect(status).toBe(401)
    expect((await refusedCalls(stage)) - before).toBe(2)
    expect(refreshes()).toBe(1)
  })

  it('does not renew the token for each rejection of an API that keeps rejecting', async () => {
    const startMs = Date.now()
    const { context, tab } = await newVisitor()
    await stopClock(tab, startMs)
    const refreshes = countRefreshes(context)
    const before = await refusedCalls(stage)
    for (let times = 1; times <= 5; times++) await tab.evaluate((url) => client.fetch(url), stage.refusing)
    expect(refreshes()).toBe(1)
    expect((await refusedCalls(stage)) - before).toBe(6)
  })

  it('does not repeat a request with the token of another account that logged in since', async () => {
    const { context, tab } = await newVisitor()
    const { name } = await newVisitor()
    const other = await openTab(context)
    let calls = 0
    await context.route(`${stage.refusing}/**`, async (route) => {
      if (route.request().method() === 'POST' && calls++ === 0) await enter(other, 'logIn', name)
      await route.fallback()
    })
    const status = await tab.evaluate(
      async (url) => (await client.fetch(url, { method: 'POST', body: 'an order' })).status,
      stage.refusing,
    )
    expect(status).toBe(401)
    expect(calls).toBe(1)
    expect(await user(tab)).toEqual({ value: name })
  })

  it('repeats a request with its body', async () => {
    const { context, tab } = await newVisitor()
    const bodies: (string | null)[] = []
    context.on('request', (request) => {
      if (request.url().startsWith(stage.refusing) && request.method() === 'POST')
        bodies.push(request.postData())
    })
    await tab.evaluate((url) => client.fetch(url, { method: 'POST', body: 'an order' }), stage.refusing)
    expect(bodies).toEqual(['an order', 'an order'])
  })

  it.each(['a page of its own', 'another host', 'a host with the same beginning'])(
    'sends no token to %s',
    async (where) => {
      const { context, tab } = await newVisitor()
      const addresses = {
        'a page of its own': '/orders',
        'another host': stage.url.replace('localhost', '127.0.0.1'),
        'a host with the same beginning': stage.url.replace('localhost', 'localhost.example.test'),
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

  it('keeps an Authorization header of the page, and sends none without a session', async () => {
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

describe('a logout', () => {
  it('ends the session at a logout even if its stored token was cleared', async () => {
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
  it.each(STORAGES)(
    'logs out every tab at the next refresh after the session ended elsewhere: %s',
    async (storage) => {
      const { context, tab, name } = await newVisitor(storage)
      const other = await openTab(context, storage)
      expect(await user(other)).toEqual({ value: name })
      const ended = await tab.evaluate(
        async (url) => (await client.fetch(`${url}/auth/sessions`, { method: 'DELETE' })).status,
        stage.url,
      )
      expect(ended).toBe(204)
      const status = await tab.evaluate(
        async (url) => (await client.fetch(`${url}/auth/me`)).status,
        stage.url,
      )
      expect(status).toBe(401)
      expect(await user(tab)).toEqual({ value: null })
      await other.waitForFunction(() => changes.at(-1) === null && changes.length > 0)
    },
  )
})

describe('an error of the SDK', () => {
  it('exposes the code of the service and the errors of the fields', async () => {
    const tab = await openTab(await chromium.visitor())
    const { error } = await enter(tab, 'register', '!!', 'short')
    expect(error).toMatchObject({ name: 'GatehouseError', code: 'invalid_request', status: 422 })
    const errors = await tab.evaluate(async () => {
      const error = await client.register({ username: '!!', password: 'x' }).catch((error) => error)
      return error.problem.errors
    })
    expect(errors).toEqual([
      { field: 'username', message: expect.any(String) },
      { field: 'password', message: expect.any(String), reasons: ['too_short'] },
    ])
  })

  it.each([
    ['register', undefined],
    ['logIn', undefined],
    ['updateProfile', undefined],
    ['changePassword', undefined],
    ['endSession', undefined],
    ['deleteAccount', undefined],
    ['fetch', 'http://'],
    ['webSocket', 'http://'],
  ] as const)(
    'is a rejection, and is never thrown, if an argument is invalid: %s(%s)',
    async (call, argument) => {
      const tab = await openTab(await chromium.visitor())
      expect(await ask(tab, call, argument)).toEqual({ error: expect.anything() })
    },
  )

  it.each(['storage', 'challenge'] as const)('is what the %s of the app throws', async (part) => {
    const { tab, name } = await newVisitor()
    for (let times = 1; times <= 3; times++) await enter(tab, 'logIn', name, 'a guess that is wrong')
    const message = await tab.evaluate(
      async ({ url, name, part }) => {
        const fail = () => {
          throw new Error('of the app')
        }
        const options = { storage: { storage: { get: fail, set: fail } }, challenge: { challenge: fail } }
        const failing = createClient({ url, tabs: false, ...options[part] })
        const calls = {
          storage: () => failing.user(),
          challenge: () => failing.logIn({ identifier: name, password: 'x' }),
        }
        const { error } = await outcome<unknown>(calls[part]())
        return error?.message
      },
      { url: stage.url, name, part },
    )
    expect(message).toBe('of the app')
  })

  it('reports a network error that names CORS_ORIGINS if the origin of the page is not allowed', async () => {
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
