import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config/read-config.ts'
import type { Settings } from '../../src/config/settings.ts'
import { PUBLIC_URL, problemsOf, valid } from './example-settings.ts'

describe('the gateway', () => {
  const origin = 'https://orders.example'
  const CLIENT = '01a2149c-8fcc-76a4-a3d8-ad98e60dd9ad'
  const gateway = (table: unknown, more: object = {}): Settings => ({
    ...valid,
    GATEWAY: table as object,
    ...more,
  })

  it('takes a route by its origin alone: a token is needed, and the rest is as strict as it is cheap', () => {
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
            },
          ],
        },
      },
    })
  })

  it('takes all that a route may say, names as text or as a list, as a table or as JSON', () => {
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
    }
    for (const table of [{ '/api': route }, JSON.stringify({ '/api': route })]) {
      expect(readConfig(gateway(table))).toMatchObject({ config: { gateway: { routes: [expected] } } })
    }
  })

  it('keeps the token from an origin whose assertions are encrypted', () => {
    const read = readConfig(gateway({ '/api': { origin, client_id: CLIENT } }))
    expect(read).toMatchObject({
      config: { gateway: { routes: [{ clientId: CLIENT, authorization: 'drop' }] } },
    })
  })

  it('takes a service binding that is there, with an audience', () => {
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

  it('puts the longest prefix first', () => {
    const result = readConfig(gateway({ '/': { origin }, '/api/orders': { origin }, '/api': { origin } }))
    if (!result.ok) throw new Error('refused')
    expect(result.config.gateway.routes.map(({ prefix }) => prefix)).toEqual(['/api/orders', '/api', '/'])
  })

  it.each(['api', '/api/', '//api', '/a//b', '/api/../x', '/.', '/a b', '/a%20b', '/a?b', '/a*', '/ä', ''])(
    'refuses the prefix %j',
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
  ])("leaves the service's own paths to it: %s", (prefix) => {
    expect(problemsOf(gateway({ [prefix]: { origin } }))).toEqual(['GATEWAY'])
  })

  it.each([
    ['no origin', {}],
    ['an origin without scheme', { origin: 'orders.example' }],
    ['an origin by http', { origin: 'http://orders.example' }],
    ['an origin with a query', { origin: `${origin}/?x` }],
    ['an origin with a password', { origin: 'https://user:pass@orders.example' }],
    ['an unknown field', { origin, roels: 'editor' }],
    ['a role that none can have', { origin, roles: 'ed/itor' }],
    ['a required that is no boolean', { origin, required: 'yes' }],
    ['a session that is misspelt', { origin, session: 'chek' }],
    ['an authorization that is misspelt', { origin, authorization: 'strip' }],
    ['no time', { origin, timeout_seconds: 0 }],
    ['a cache of another kind', { origin, cache: 'force-cache' }],
    ['no audience in it', { origin, audience: '' }],
    ['a client that is none', { origin, client_id: 'orders' }],
    ['a client, and the token beside its assertion', { origin, client_id: CLIENT, authorization: 'pass' }],
    ['a client, and a token made for it', { origin, client_id: CLIENT, authorization: 'exchange' }],
    ["the service's audience", { origin, audience: PUBLIC_URL }],
    ["the audience of the service's user information", { origin, audience: `${PUBLIC_URL}/oauth2/userinfo` }],
    ['an audience that a client could have', { origin, audience: CLIENT }],
    ['an audience that a client could have, in capitals', { origin, audience: CLIENT.toUpperCase() }],
    ['pages, and no host for them', { origin, pages: true }],
    ['pages that are no boolean', { origin, pages: 'yes' }],
    ['no table', 'https://orders.example'],
  ])('refuses a route with %s, and says which', (_what, route) => {
    const result = readConfig(gateway({ '/api': route }))
    if (result.ok) throw new Error('taken')
    expect(result.problems).toEqual([
      { variable: 'GATEWAY', problem: expect.stringMatching(/^\/api: /), example: expect.any(String) },
    ])
  })
})

describe('audiences of the gateway', () => {
  const problemTexts = (table: object, changes: Settings = {}) => {
    const result = readConfig({ ...valid, GATEWAY: table, ...changes })
    return result.ok ? [] : result.problems.map(({ variable, problem }) => `${variable} ${problem}`)
  }
  const [one, other] = ['https://one.example', 'https://other.example']
  const audience = 'https://api.example'

  it('are those of one host alone where tokens are exchanged', () => {
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

  it('may be shared by routes to one host, and by routes that exchange nothing', () => {
    expect(problemTexts({ '/a': { origin: `${one}/a` }, '/b': { origin: `${one}/b` } })).toEqual([])
    const dropped = { audience, authorization: 'drop' }
    expect(problemTexts({ '/a': { origin: one, ...dropped }, '/b': { origin: other, ...dropped } })).toEqual(
      [],
    )
  })

  it("may be the service's own where no token is made for them", () => {
    const route = { origin: one, audience: PUBLIC_URL, authorization: 'drop' }
    expect(problemTexts({ '/a': route })).toEqual([])
  })

  it("are not the service's AUDIENCE where tokens are exchanged", () => {
    const AUDIENCE = 'https://api.example'
    expect(problemTexts({ '/a': { origin: one, audience: AUDIENCE } }, { AUDIENCE })).toHaveLength(1)
  })
})

describe('FORWARD_AUDIENCES', () => {
  it('are texts separated by commas', () => {
    const result = readConfig({ ...valid, FORWARD_AUDIENCES: 'https://one.example, two' })
    if (!result.ok) throw new Error('refused')
    expect([...result.config.gateway.forwardAudiences]).toEqual(['https://one.example', 'two'])
  })

  it.each([
    ["the service's address", PUBLIC_URL],
    ["the service's AUDIENCE", 'https://audience.example'],
    ['the address of user information', `${PUBLIC_URL}/oauth2/userinfo`],
    ['a UUID', '01a21dce-3e26-74e3-9f54-a4e88aef556b'],
    ['one of 129 characters', 'x'.repeat(129)],
  ])('are refused with %s among them', (_what, audience) => {
    const AUDIENCE = 'https://audience.example'
    expect(problemsOf({ ...valid, AUDIENCE, FORWARD_AUDIENCES: `https://one.example,${audience}` })).toEqual([
      'FORWARD_AUDIENCES',
    ])
  })

  it('take one of 128 characters', () => {
    expect(problemsOf({ ...valid, FORWARD_AUDIENCES: 'x'.repeat(128) })).toEqual([])
  })
})

describe('GATEWAY_HOSTS', () => {
  const GATEWAY = { '/': { origin: 'https://app.example', pages: true } }

  it('are host names separated by commas, on which origins may serve pages', () => {
    const result = readConfig({ ...valid, GATEWAY, GATEWAY_HOSTS: 'app.example.com, shop.example.com' })
    if (!result.ok) throw new Error('refused')
    expect([...result.config.gateway.hosts]).toEqual(['app.example.com', 'shop.example.com'])
  })

  it('are not needed for pages while hosted pages are off', () => {
    expect(problemsOf({ ...valid, GATEWAY })).toEqual(['GATEWAY'])
    expect(problemsOf({ ...valid, GATEWAY, PAGES: { enabled: false } })).toEqual([])
  })

  it.each([
    ['a scheme', 'https://app.example.com'],
    ['a port', 'app.example.com:8443'],
    ['a path', 'app.example.com/x'],
    ['capitals', 'App.example.com'],
    ['a wildcard', '*.example.com'],
    ['a dot at its end', 'app.example.com.'],
    ['the host of PUBLIC_URL', 'auth.example.com'],
  ])('are refused with %s', (_what, host) => {
    expect(problemsOf({ ...valid, GATEWAY_HOSTS: `shop.example.com,${host}` })).toEqual(['GATEWAY_HOSTS'])
  })
})
