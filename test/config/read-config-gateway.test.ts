import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config/read-config.ts'
import type { Settings } from '../../src/config/settings.ts'
import { PUBLIC_URL, problemsOf, valid } from './example-settings.ts'

describe('GATEWAY', () => {
  const origin = 'https://orders.example'
  const CLIENT = '01a2149c-8fcc-76a4-a3d8-ad98e60dd9ad'
  const gateway = (table: unknown, more: object = {}): Settings => ({
    ...valid,
    GATEWAY: table as object,
    ...more,
  })

  it('reads a route with only an origin, and requires a token by default', () => {
    expect(readConfig(gateway({ '/api': { origin: `${origin}/v1` } }))).toMatchObject({
      config: {
        gateway: {
          routes: [
            {
              prefix: '/api',
              origin: { kind: 'address', url: `${origin}/v1` },
              audience: origin,
              clientId: null,
              required: true,
              session: 'trust',
              roles: [],
              scope: [],
              authorization: 'exchange',
              pages: false,
              stripPrefix: false,
              timeoutMs: 30_000,
              cache: 'no-store',
              log: 'all',
            },
          ],
        },
      },
    })
  })

  it('reads every member of a route: names as text or list, the routes as object or JSON', () => {
    const route = {
      origin,
      audience: 'orders',
      required: true,
      session: 'check',
      roles: 'editor reader',
      scope: ['orders:read'],
      authorization: 'drop',
      strip_prefix: true,
      timeout_seconds: 5,
      cache: 'default',
      log: 'failures',
    }
    const expected = {
      prefix: '/api',
      origin: { kind: 'address', url: origin },
      audience: 'orders',
      required: true,
      session: 'check',
      roles: ['editor', 'reader'],
      scope: ['orders:read'],
      authorization: 'drop',
      stripPrefix: true,
      timeoutMs: 5_000,
      cache: 'default',
      log: 'failures',
    }
    for (const table of [{ '/api': route }, JSON.stringify({ '/api': route })]) {
      expect(readConfig(gateway(table))).toMatchObject({ config: { gateway: { routes: [expected] } } })
    }
  })

  it('drops the token for an origin whose assertions are encrypted', () => {
    const read = readConfig(gateway({ '/api': { origin, client_id: CLIENT } }))
    expect(read).toMatchObject({
      config: { gateway: { routes: [{ clientId: CLIENT, authorization: 'drop' }] } },
    })
  })

  it('accepts an existing service binding with an audience, and rejects a missing one', () => {
    const ORDERS = { fetch: () => new Response() }
    const route = { service: 'ORDERS', audience: 'orders' }
    expect(readConfig(gateway({ '/api': route }, { ORDERS }))).toMatchObject({
      config: {
        gateway: { routes: [{ origin: { kind: 'service', binding: 'ORDERS' }, audience: 'orders' }] },
      },
    })
    expect(problemsOf(gateway({ '/api': route }))).toEqual(['GATEWAY'])
    expect(problemsOf(gateway({ '/api': { service: 'ORDERS' } }, { ORDERS }))).toEqual(['GATEWAY'])
    expect(problemsOf(gateway({ '/api': { service: 'AUTH_SECRET', audience: 'x' } }))).toEqual(['GATEWAY'])
    expect(problemsOf(gateway({ '/api': { ...route, origin } }, { ORDERS }))).toEqual(['GATEWAY'])
  })

  it('sorts routes by prefix, longest first', () => {
    const result = readConfig(gateway({ '/': { origin }, '/api/orders': { origin }, '/api': { origin } }))
    if (!result.ok) throw new Error('refused')
    expect(result.config.gateway.routes.map(({ prefix }) => prefix)).toEqual(['/api/orders', '/api', '/'])
  })

  it.each(['api', '/api/', '//api', '/a//b', '/api/../x', '/.', '/a b', '/a%20b', '/a?b', '/a*', '/ä', ''])(
    'rejects the route prefix %j',
    (prefix) => {
      expect(problemsOf(gateway({ [prefix]: { origin } }))).toEqual(['GATEWAY'])
    },
  )

  it.each([
    '/auth',
    '/auth/x',
    '/admin',
    '/oauth2/token',
    '/.well-known/x',
    '/errors',
    '/healthz',
    '/openapi.json',
    '/forgot',
    '/reset/x',
    '/verify',
    '/undo',
    '/consent',
    '/console/x',
    '/dev',
    '/docs',
    '/favicon.ico',
  ])("rejects a route prefix among the service's own paths: %s", (prefix) => {
    expect(problemsOf(gateway({ [prefix]: { origin } }))).toEqual(['GATEWAY'])
  })

  it.each([
    ['no origin', {}],
    ['an origin without scheme', { origin: 'orders.example' }],
    ['an http origin', { origin: 'http://orders.example' }],
    ['an origin with a query', { origin: `${origin}/?x` }],
    ['an origin with credentials', { origin: 'https://user:pass@orders.example' }],
    ['an unknown field', { origin, roels: 'editor' }],
    ['an invalid role name', { origin, roles: 'ed/itor' }],
    ['required that is not a boolean', { origin, required: 'yes' }],
    ['an unknown value of session', { origin, session: 'chek' }],
    ['an unknown value of authorization', { origin, authorization: 'strip' }],
    ['a timeout of zero', { origin, timeout_seconds: 0 }],
    ['an unknown value of cache', { origin, cache: 'force-cache' }],
    ['an unknown value of log', { origin, log: 'errors' }],
    ['log that is not text', { origin, log: false }],
    ['an empty audience', { origin, audience: '' }],
    ['a client id that is not a UUID', { origin, client_id: 'orders' }],
    ['a client id and the passed token', { origin, client_id: CLIENT, authorization: 'pass' }],
    ['a client id and an exchanged token', { origin, client_id: CLIENT, authorization: 'exchange' }],
    ["the service's audience", { origin, audience: PUBLIC_URL }],
    [
      "the audience of the service's UserInfo endpoint",
      { origin, audience: `${PUBLIC_URL}/oauth2/userinfo` },
    ],
    ['an audience that could be a client id', { origin, audience: CLIENT }],
    ['an audience that could be a client id in upper case', { origin, audience: CLIENT.toUpperCase() }],
    ['pages without GATEWAY_HOSTS', { origin, pages: true }],
    ['pages that is not a boolean', { origin, pages: 'yes' }],
    ['text in place of an object', 'https://orders.example'],
  ])('rejects a route with %s, and names its prefix', (_what, route) => {
    const result = readConfig(gateway({ '/api': route }))
    if (result.ok) throw new Error('accepted')
    expect(result.problems).toEqual([
      { variable: 'GATEWAY', problem: expect.stringMatching(/^\/api: /), example: expect.any(String) },
    ])
  })
})

describe('audience of a gateway route', () => {
  const problemTexts = (table: object, changes: Settings = {}) => {
    const result = readConfig({ ...valid, GATEWAY: table, ...changes })
    return result.ok ? [] : result.problems.map(({ variable, problem }) => `${variable} ${problem}`)
  }
  const [one, other] = ['https://one.example', 'https://other.example']
  const audience = 'https://api.example'

  it('rejects an audience shared by routes to different hosts if tokens are exchanged', () => {
    const shared = (authorization: string) => ({
      '/one': { origin: one, audience },
      '/other': { origin: other, audience, authorization },
    })
    const problem = 'must have an "audience" that no route to another host has'
    expect(problemTexts(shared('exchange'))).toEqual([
      `GATEWAY /other: ${problem}`,
      `GATEWAY /one: ${problem}`,
    ])
    for (const authorization of ['drop', 'pass']) {
      expect(problemTexts(shared(authorization))).toEqual([`GATEWAY /one: ${problem}`])
    }
  })

  it('accepts an audience shared by routes to one host, or by routes without token exchange', () => {
    expect(problemTexts({ '/a': { origin: `${one}/a` }, '/b': { origin: `${one}/b` } })).toEqual([])
    const dropped = { audience, authorization: 'drop' }
    expect(problemTexts({ '/a': { origin: one, ...dropped }, '/b': { origin: other, ...dropped } })).toEqual(
      [],
    )
  })

  it("accepts the service's own audience for a route without token exchange", () => {
    const route = { origin: one, audience: PUBLIC_URL, authorization: 'drop' }
    expect(problemTexts({ '/a': route })).toEqual([])
  })

  it('rejects AUDIENCE as the audience of a route with token exchange', () => {
    const AUDIENCE = 'https://api.example'
    expect(problemTexts({ '/a': { origin: one, audience: AUDIENCE } }, { AUDIENCE })).toHaveLength(1)
  })
})

describe('FORWARD_AUDIENCES', () => {
  it('reads FORWARD_AUDIENCES as texts separated by commas', () => {
    const result = readConfig({ ...valid, FORWARD_AUDIENCES: 'https://one.example, two' })
    if (!result.ok) throw new Error('refused')
    expect([...result.config.gateway.forwardAudiences]).toEqual(['https://one.example', 'two'])
  })

  it.each([
    ["the service's address", PUBLIC_URL],
    ["the service's AUDIENCE", 'https://audience.example'],
    ['the address of the UserInfo endpoint', `${PUBLIC_URL}/oauth2/userinfo`],
    ['a UUID', '01a21dce-3e26-74e3-9f54-a4e88aef556b'],
    ['an audience of 129 characters', 'x'.repeat(129)],
  ])('rejects FORWARD_AUDIENCES with %s', (_what, audience) => {
    const AUDIENCE = 'https://audience.example'
    expect(problemsOf({ ...valid, AUDIENCE, FORWARD_AUDIENCES: `https://one.example,${audience}` })).toEqual([
      'FORWARD_AUDIENCES',
    ])
  })

  it('accepts a forward audience of 128 characters', () => {
    expect(problemsOf({ ...valid, FORWARD_AUDIENCES: 'x'.repeat(128) })).toEqual([])
  })
})

describe('GATEWAY_HOSTS', () => {
  const GATEWAY = { '/': { origin: 'https://app.example', pages: true } }

  it('reads GATEWAY_HOSTS as host names separated by commas', () => {
    const result = readConfig({ ...valid, GATEWAY, GATEWAY_HOSTS: 'app.example.com, shop.example.com' })
    if (!result.ok) throw new Error('refused')
    expect([...result.config.gateway.hosts]).toEqual(['app.example.com', 'shop.example.com'])
  })

  it('requires no GATEWAY_HOSTS for pages of an origin while hosted pages are disabled', () => {
    expect(problemsOf({ ...valid, GATEWAY })).toEqual(['GATEWAY'])
    expect(problemsOf({ ...valid, GATEWAY, PAGES: { enabled: false } })).toEqual([])
  })

  it.each([
    ['a scheme', 'https://app.example.com'],
    ['a port', 'app.example.com:8443'],
    ['a path', 'app.example.com/x'],
    ['upper case', 'App.example.com'],
    ['a wildcard', '*.example.com'],
    ['a trailing dot', 'app.example.com.'],
    ['the host of PUBLIC_URL', 'auth.example.com'],
  ])('rejects GATEWAY_HOSTS with %s', (_what, host) => {
    expect(problemsOf({ ...valid, GATEWAY_HOSTS: `shop.example.com,${host}` })).toEqual(['GATEWAY_HOSTS'])
  })
})
