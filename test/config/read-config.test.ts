import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config/read-config.ts'
import type { Settings } from '../../src/config/settings.ts'

const SECRET = 'a secret of the tests, long enough for production'
const PUBLIC_URL = 'https://auth.example.com'
const valid: Settings = { PUBLIC_URL, AUTH_SECRET: SECRET }
const development: Settings = {
  ENVIRONMENT: 'development',
  PUBLIC_URL: 'http://localhost:8787',
  AUTH_SECRET: 'dev-0',
}

function problemsOf(settings: Settings): readonly string[] {
  const result = readConfig(settings)
  return result.ok ? [] : result.problems.map(({ variable }) => variable)
}

function reservedBy(settings: Settings): readonly string[] {
  const result = readConfig({ ...valid, ...settings })
  return result.ok ? [...result.config.accounts.reservedUsernames].toSorted() : []
}

describe('settings', () => {
  it('have the defaults of the contract', () => {
    const result = readConfig(valid)
    expect(result).toEqual({
      ok: true,
      config: {
        deployment: {
          development: false,
          publicUrl: 'https://auth.example.com',
          corsOrigins: [],
          clientIpHeader: 'CF-Connecting-IP',
          ipv6Prefix: 64,
        },
        secrets: {
          authSecret: SECRET,
          authSecretFallback: undefined,
          passwordPepper: undefined,
          adminToken: undefined,
        },
        tokens: {
          issuer: 'https://auth.example.com',
          audience: 'https://auth.example.com',
          clientId: 'gatehouse',
          signingAlgorithm: 'ES256',
          accessTokenSeconds: 600,
          keyRotationSeconds: 2_592_000,
        },
        sessions: { idleSeconds: 2_592_000, maxSeconds: 7_776_000, graceSeconds: 10, maxSessions: 100 },
        accounts: {
          passwordMinLength: 8,
          passwordWords: ['gatehouse', 'gatehouse'],
          reservedUsernames: expect.any(Set),
          defaultPhoneRegion: undefined,
        },
        limits: {
          rules: {
            registrations_per_ip: { enabled: true, window_seconds: 300, threshold: 3, action: 'block' },
            login_failures_per_ip: { enabled: true, window_seconds: 300, threshold: 3, action: 'challenge' },
            login_failures_per_account: {
              enabled: true,
              window_seconds: 900,
              threshold: 10,
              action: 'challenge',
            },
            client_failures_per_ip: { enabled: true, window_seconds: 300, threshold: 10, action: 'block' },
          },
        },
        challenge: { siteverify: null },
        pages: {
          enabled: true,
          name: 'Gatehouse',
          logo: null,
          color: '#1f5f8b',
          colorDark: '#8ec7ee',
        },
        gateway: {
          routes: [],
          ownSegments: expect.any(Set),
          hosts: new Set(),
          pagesOnEveryHost: false,
          forwardAudiences: new Set(),
        },
      },
    })
  })

  it('are read as text or as numbers, spaces around them left out', () => {
    const result = readConfig({ ...valid, MAX_SESSIONS: 5, ACCESS_TOKEN_SECONDS: ' 60 ', AUDIENCE: ' api ' })
    expect(result).toMatchObject({
      config: { sessions: { maxSessions: 5 }, tokens: { accessTokenSeconds: 60, audience: 'api' } },
    })
  })

  it.each([
    ['a table', { login_failures_per_ip: { threshold: 5, enabled: false } }],
    ['JSON', '{ "login_failures_per_ip": { "threshold": 5, "enabled": false } }'],
  ])('may change some limits in any part, as %s', (_how, LIMITS) => {
    expect(readConfig({ ...valid, LIMITS })).toMatchObject({
      config: {
        limits: {
          rules: {
            registrations_per_ip: { threshold: 3 },
            login_failures_per_ip: { enabled: false, threshold: 5, window_seconds: 300, action: 'challenge' },
          },
        },
      },
    })
  })

  it('name every limit that is wrong, and where', () => {
    const LIMITS = { registrations_per_ip: { threshold: -1, limit: 3 }, others: {} }
    const result = readConfig({ ...valid, LIMITS })
    expect(result.ok ? [] : result.problems.map(({ problem }) => problem)).toEqual([
      'registrations_per_ip.threshold: Must be a whole number from 0 to 1000.',
      'registrations_per_ip.limit: is unknown',
      'others: is unknown',
    ])
  })

  it('may name several origins', () => {
    const CORS_ORIGINS = 'https://app.example.com, http://localhost:5173,'
    expect(readConfig({ ...valid, CORS_ORIGINS })).toMatchObject({
      config: { deployment: { corsOrigins: ['https://app.example.com', 'http://localhost:5173'] } },
    })
  })

  it('reserve the mailbox names of RFC 2142, names of roles and the own name of the service', () => {
    expect(reservedBy({ PAGES: { name: 'Example Shop' } })).toEqual(
      [
        ...['info', 'marketing', 'sales', 'support', 'abuse', 'noc', 'security', 'postmaster', 'hostmaster'],
        ...['usenet', 'news', 'webmaster', 'www', 'uucp', 'ftp'],
        ...['admin', 'administrator', 'root', 'system', 'help', 'official', 'exampleshop'],
      ].toSorted(),
    )
  })

  it('reserve other usernames where some are named, in compared form, and none where the setting is empty', () => {
    expect(reservedBy({ RESERVED_USERNAMES: ' Billing, Stra\u00dfe,' })).toEqual(['billing', 'strasse'])
    expect(reservedBy({ RESERVED_USERNAMES: '' })).toEqual([])
    expect(reservedBy({ RESERVED_USERNAMES: ' ' })).toEqual([])
  })

  it('may name words that make a password common, beside the name of the service', () => {
    const settings = { ...valid, PASSWORD_WORDS: 'Acme, Stra\u00dfe 7', PAGES: { name: 'Example Shop' } }
    expect(readConfig(settings)).toMatchObject({
      config: { accounts: { passwordWords: ['example shop', 'exampleshop', 'acme', 'stra\u00dfe 7'] } },
    })
  })

  it.each([
    ['AUDIENCE', 'x'.repeat(128)],
    ['AUDIENCE', 'ä'.repeat(64)],
    ['CLIENT_ID', 'x'.repeat(64)],
    ['PUBLIC_URL', `https://${'x'.repeat(60)}.${'y'.repeat(59)}`],
  ])('may be as long as tokens have room for: %s', (variable, value) => {
    expect(problemsOf({ ...valid, [variable]: value })).toEqual([])
    expect(problemsOf({ ...valid, [variable]: `${value}z` })).toEqual([variable])
  })

  it.each([
    ['an audience', { origin: 'https://api.example.com', audience: 'x'.repeat(128) }],
    ['an origin', { origin: `https://${'x'.repeat(60)}.${'y'.repeat(59)}` }],
  ])('may name %s of 128 characters in a route, and none longer', (_what, route) => {
    const longer = Object.fromEntries(Object.entries(route).map(([field, text]) => [field, `${text}z`]))
    expect(problemsOf({ ...valid, GATEWAY: { '/api': route } })).toEqual([])
    expect(problemsOf({ ...valid, GATEWAY: { '/api': { ...route, ...longer } } })).toContain('GATEWAY')
  })

  it.each([
    ['PUBLIC_URL', ''],
    ['PUBLIC_URL', 'auth.example.com'],
    ['PUBLIC_URL', 'http://auth.example.com'],
    ['PUBLIC_URL', 'http://localhost:8787'],
    ['PUBLIC_URL', 'https://auth.example.com/'],
    ['PUBLIC_URL', 'https://auth.example.com/login'],
    ['PUBLIC_URL', 'https://AUTH.example.com'],
    ['PUBLIC_URL', 'https://user@auth.example.com'],
    ['PUBLIC_URL', 'ftp://auth.example.com'],
    ['AUTH_SECRET', ''],
    ['AUTH_SECRET', 'x'.repeat(31)],
    ['AUTH_SECRET', `dev-${'x'.repeat(43)}`],
    ['AUTH_SECRET_FALLBACK', 'x'.repeat(31)],
    ['AUTH_SECRET_FALLBACK', `dev-${'x'.repeat(43)}`],
    ['PASSWORD_PEPPER', 'x'.repeat(31)],
    ['ADMIN_TOKEN', 'x'.repeat(31)],
    ['ADMIN_TOKEN', `dev-${'x'.repeat(43)}`],
    ['SIGNING_ALG', 'HS256'],
    ['SIGNING_ALG', 'es256'],
    ['ACCESS_TOKEN_SECONDS', '0'],
    ['ACCESS_TOKEN_SECONDS', '10m'],
    ['ACCESS_TOKEN_SECONDS', '1e3'],
    ['KEY_ROTATION_DAYS', '0'],
    ['REFRESH_IDLE_SECONDS', '-1'],
    ['REFRESH_MAX_SECONDS', '1.5'],
    ['REFRESH_GRACE_SECONDS', '61'],
    ['MAX_SESSIONS', '0'],
    ['PASSWORD_MIN_LENGTH', '7'],
    ['PASSWORD_MIN_LENGTH', '129'],
    ['DEFAULT_PHONE_REGION', 'Germany'],
    ['DEFAULT_PHONE_REGION', 'de'],
    ['CORS_ORIGINS', '*'],
    ['CORS_ORIGINS', 'https://app.example.com/'],
    ['CORS_ORIGINS', 'https://*.example.com'],
    ['CORS_ORIGINS', 'null'],
    ['CLIENT_IP_HEADER', 'X Client IP'],
    ['IPV6_PREFIX', '31'],
    ['IPV6_PREFIX', '129'],
    ['IPV6_PREFIX', '/64'],
    ['LIMITS', '{'],
    ['LIMITS', '3'],
    ['LIMITS', 'null'],
    ['LIMITS', '[]'],
    ['LIMITS', '{"registrations": {}}'],
    ['LIMITS', { registrations_per_ip: { limit: 3 } }],
    ['LIMITS', { registrations_per_ip: { threshold: '3' } }],
    ['LIMITS', { registrations_per_ip: { threshold: 1_001 } }],
    ['LIMITS', { registrations_per_ip: { window_seconds: 0 } }],
    ['LIMITS', { login_failures_per_account: { action: 'block' } }],
    ['LIMITS', { client_failures_per_ip: { action: 'challenge' } }],
    ['CHALLENGE_PROVIDER', 'recaptcha'],
    ['CHALLENGE_PROVIDER', 'Turnstile'],
    ['CHALLENGE_VERIFY_URL', 'challenges.cloudflare.com'],
    ['CHALLENGE_VERIFY_URL', 'http://challenges.cloudflare.com/turnstile/v0/siteverify'],
    ['CHALLENGE_VERIFY_URL', 'https://user:pass@challenges.cloudflare.com/turnstile/v0/siteverify'],
    ['CHALLENGE_VERIFY_URL', 'ftp://127.0.0.1/siteverify'],
    ['CHALLENGE_HOSTNAMES', 'https://app.example.com'],
    ['CHALLENGE_HOSTNAMES', 'app.example.com:8080'],
    ['CHALLENGE_HOSTNAMES', '*.example.com'],
    ['CHALLENGE_HOSTNAMES', 'app.example.com.'],
    ['CHALLENGE_HOSTNAMES', ','],
    ['CHALLENGE_FALLBACK', 'true'],
    ['CHALLENGE_FALLBACK', 'hcaptcha'],
  ] as const)('refuse %s=%j', (variable, text) => {
    expect(problemsOf(valid)).toEqual([])
    expect(problemsOf({ ...valid, [variable]: text })).toEqual([variable])
  })

  it('report every problem at once, each with a right value and never with a secret', () => {
    const wrong: Settings = { AUTH_SECRET: 'hunter2', PUBLIC_URL: 'http://x', MAX_SESSIONS: 'many' }
    const result = readConfig(wrong)
    if (result.ok) throw new Error('taken')
    expect(result.problems.map(({ variable }) => variable).toSorted()).toEqual(Object.keys(wrong).toSorted())
    for (const { problem, example } of result.problems)
      expect(`${problem}${example}`).not.toContain('hunter2')
  })

  it('offer examples that are right', () => {
    const wrong: Settings = {
      PUBLIC_URL: 'x',
      SIGNING_ALG: 'x',
      MAX_SESSIONS: 'x',
      DEFAULT_PHONE_REGION: 'x',
      CORS_ORIGINS: 'x',
      CLIENT_IP_HEADER: ' : ',
      IPV6_PREFIX: 'x',
      LIMITS: 'x',
      GATEWAY: 'x',
      CHALLENGE_PROVIDER: 'x',
      CHALLENGE_VERIFY_URL: 'x',
      CHALLENGE_HOSTNAMES: '*',
      CHALLENGE_FALLBACK: 'x',
    }
    const result = readConfig({ ...valid, ...wrong })
    if (result.ok) throw new Error('taken')
    const examples = Object.fromEntries(result.problems.map(({ variable, example }) => [variable, example]))
    expect(Object.keys(examples).toSorted()).toEqual(Object.keys(wrong).toSorted())
    expect(problemsOf({ ...valid, ...examples })).toEqual([])
  })

  it('that are wrong leave the public URL known where that one is right', () => {
    expect(readConfig({ ...valid, MAX_SESSIONS: 'x' })).toMatchObject({ publicUrl: valid.PUBLIC_URL })
    expect(readConfig({ ...valid, PUBLIC_URL: 'x' })).toMatchObject({ publicUrl: null })
  })
})

describe('a challenge of others', () => {
  const turnstile: Settings = {
    ...valid,
    CHALLENGE_PROVIDER: 'turnstile',
    CHALLENGE_SITE_KEY: '0x4AAAAAAA-site-key-of-tests',
    CHALLENGE_SECRET: '0x4AAAAAAA-secret-key-of-the-tests-0',
  }
  const hcaptcha: Settings = { ...turnstile, CHALLENGE_PROVIDER: 'hcaptcha' }
  const ofTests: Settings = {
    ...development,
    CHALLENGE_PROVIDER: 'turnstile',
    CHALLENGE_SITE_KEY: '1x00000000000000000000AA',
    CHALLENGE_SECRET: '1x0000000000000000000000000000000AA',
  }

  it.each([
    ['turnstile', turnstile],
    ['hcaptcha', hcaptcha],
  ])('takes the keys of its widget, and lets nobody pass in an outage: %s', (provider, settings) => {
    expect(readConfig(settings)).toMatchObject({
      ok: true,
      config: {
        challenge: {
          siteverify: {
            provider,
            siteKey: '0x4AAAAAAA-site-key-of-tests',
            secret: '0x4AAAAAAA-secret-key-of-the-tests-0',
            testing: false,
            verifyUrl: undefined,
            hostnames: [],
            onOutage: 'refuse',
          },
        },
      },
    })
  })

  it.each([
    [{}, { onOutage: 'refuse' }],
    [{ CHALLENGE_FALLBACK: 'altcha' }, { onOutage: 'altcha' }],
    [
      { CHALLENGE_HOSTNAMES: 'App.example.com, www.example.com' },
      { hostnames: ['app.example.com', 'www.example.com', 'auth.example.com'] },
    ],
    [
      { CHALLENGE_HOSTNAMES: 'app.example.com', PAGES: { enabled: false } },
      { hostnames: ['app.example.com'] },
    ],
    [{ CHALLENGE_VERIFY_URL: 'https://x.example/v' }, { verifyUrl: 'https://x.example/v' }],
    [{ CHALLENGE_VERIFY_URL: 'http://127.0.0.1:9/v' }, { verifyUrl: 'http://127.0.0.1:9/v' }],
  ])('reads %j as %j', (settings, expected) => {
    expect(readConfig({ ...turnstile, ...settings })).toMatchObject({
      config: { challenge: { siteverify: expected } },
    })
  })

  it.each([
    ['CHALLENGE_SITE_KEY', ''],
    ['CHALLENGE_SECRET', ''],
    ['CHALLENGE_SECRET', '0x4AAAAAAA-short'],
    ['CHALLENGE_SECRET', `dev-${'x'.repeat(43)}`],
    ['CHALLENGE_SITE_KEY', turnstile.CHALLENGE_SECRET],
    ['CHALLENGE_SITE_KEY', ofTests.CHALLENGE_SITE_KEY],
    ['CHALLENGE_SITE_KEY', '10000000-ffff-ffff-ffff-000000000001'],
    ['CHALLENGE_SITE_KEY', '20000000-ffff-ffff-ffff-000000000002'],
    ['CHALLENGE_SECRET', ofTests.CHALLENGE_SECRET],
    ['CHALLENGE_SECRET', '2x0000000000000000000000000000000AA'],
    ['CHALLENGE_SECRET', '3x0000000000000000000000000000000AA'],
    ['CHALLENGE_SECRET', '0x0000000000000000000000000000000000000000'],
  ] as const)('refuses %s=%j', (variable, text) => {
    for (const settings of [turnstile, hcaptcha]) {
      expect(problemsOf(settings)).toEqual([])
      expect(problemsOf({ ...settings, [variable]: text })).toEqual([variable])
    }
  })

  it('names each key that is missing, and neither in what it says', () => {
    const { CHALLENGE_SITE_KEY: _, CHALLENGE_SECRET: __, ...without } = turnstile
    expect(problemsOf(without).toSorted()).toEqual(['CHALLENGE_SECRET', 'CHALLENGE_SITE_KEY'])
    const result = readConfig({ ...turnstile, CHALLENGE_SITE_KEY: turnstile.CHALLENGE_SECRET ?? '' })
    expect(JSON.stringify(result)).not.toContain('secret-key-of-the-tests')
  })

  it('takes published test keys in development alone, and says that it does', () => {
    expect(readConfig(ofTests)).toMatchObject({ config: { challenge: { siteverify: { testing: true } } } })
  })

  it('that is not chosen needs no keys, and reads none', () => {
    const settings = { ...turnstile, CHALLENGE_PROVIDER: 'altcha', CHALLENGE_SECRET: 'short' }
    expect(readConfig(settings)).toMatchObject({ config: { challenge: { siteverify: null } } })
  })
})

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

describe('development', () => {
  it.each(['http://localhost:8787', 'http://127.0.0.1:8787', 'http://[::1]:8787', 'https://localhost'])(
    'takes http, and secrets that the setup made, at %s',
    (PUBLIC_URL) => {
      expect(readConfig({ ...development, PUBLIC_URL })).toMatchObject({
        ok: true,
        config: { deployment: { development: true } },
      })
    },
  )

  it.each([
    'http://auth.example.com',
    'http://localhost.example.com',
    'http://127.0.0.1.nip.io',
    'http://0.0.0.0:8787',
    'http://192.168.0.1',
    'http://[::2]',
  ])('counts for nothing at %s', (PUBLIC_URL) => {
    expect(problemsOf({ ...development, PUBLIC_URL }).toSorted()).toEqual([
      'AUTH_SECRET',
      'AUTH_SECRET',
      'PUBLIC_URL',
    ])
  })

  it.each(['', 'production', 'Development', 'dev', 'true'])('is not what %j says', (ENVIRONMENT) => {
    expect(problemsOf({ ...development, ENVIRONMENT })).toContain('PUBLIC_URL')
    expect(readConfig({ ...valid, ENVIRONMENT })).toMatchObject({
      config: { deployment: { development: false } },
    })
  })

  it('still needs a secret', () => {
    expect(problemsOf({ ...development, AUTH_SECRET: '' })).toEqual(['AUTH_SECRET'])
  })

  it('is not entered by a public address', () => {
    expect(readConfig({ ...valid, ENVIRONMENT: 'development' })).toMatchObject({
      config: { deployment: { development: false } },
    })
  })
})

describe('the hosted pages', () => {
  it.each([
    [{ name: '' }, 'name'],
    [{ name: 'x'.repeat(65) }, 'name'],
    [{ logo: 'http://www.example.com/logo.png' }, 'logo'],
    [{ logo: 'javascript:alert(1)' }, 'logo'],
    [{ logo: 'data:text/html,x' }, 'logo'],
    [{ logo: '/logo.png' }, 'logo'],
    [{ color: 'red' }, 'color'],
    [{ color: '#12345' }, 'color'],
    [{ color_dark: '#123456;}' }, 'color_dark'],
    [{ enabled: 'no' }, 'enabled'],
    [{ colour: '#123456' }, 'colour'],
  ])('are refused with %j', (PAGES, field) => {
    const result = readConfig({ ...valid, PAGES })
    const problems = result.ok ? [] : result.problems
    expect(problems.map(({ variable }) => variable)).toEqual(['PAGES'])
    expect(problems[0]?.problem).toContain(field)
  })

  it.each([
    ['HTTPS://www.Example.com/logo.svg', 'https://www.example.com/logo.svg'],
    ['DATA:image/svg+xml;base64,PHN2Zy8+', 'data:image/svg+xml;base64,PHN2Zy8+'],
  ])('show a logo in its canonical spelling: %s', (logo, shown) => {
    expect(readConfig({ ...valid, PAGES: { logo } })).toMatchObject({ config: { pages: { logo: shown } } })
  })

  it('take one colour for both schemes where only one is given', () => {
    const pages = { color: '#123456', colorDark: '#123456' }
    expect(readConfig({ ...valid, PAGES: '{ "color": "#123456" }' })).toMatchObject({ config: { pages } })
  })
})
