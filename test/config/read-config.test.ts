import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config/read-config.ts'
import type { Settings } from '../../src/config/settings.ts'
import {
  DEFAULT_PAGES,
  DEFAULT_SESSIONS,
  development,
  problemsOf,
  SECRET,
  valid,
} from './example-settings.ts'

function reservedBy(settings: Settings): readonly string[] {
  const result = readConfig({ ...valid, ...settings })
  return result.ok ? [...result.config.accounts.reservedUsernames].toSorted() : []
}

describe('settings', () => {
  it('reads the documented defaults', () => {
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
        sessions: DEFAULT_SESSIONS,
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
        pages: DEFAULT_PAGES,
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

  it('reads settings as text or as numbers, and trims spaces', () => {
    const result = readConfig({ ...valid, MAX_SESSIONS: 5, ACCESS_TOKEN_SECONDS: ' 60 ', AUDIENCE: ' api ' })
    expect(result).toMatchObject({
      config: { sessions: { maxSessions: 5 }, tokens: { accessTokenSeconds: 60, audience: 'api' } },
    })
  })

  it.each([
    ['an object', { login_failures_per_ip: { threshold: 5, enabled: false } }],
    ['JSON', '{ "login_failures_per_ip": { "threshold": 5, "enabled": false } }'],
  ])('overrides single members of a limit rule, given as %s', (_form, LIMITS) => {
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

  it('names every invalid member of LIMITS', () => {
    const LIMITS = { registrations_per_ip: { threshold: -1, limit: 3 }, others: {} }
    const result = readConfig({ ...valid, LIMITS })
    expect(result.ok ? [] : result.problems.map(({ problem }) => problem)).toEqual([
      'registrations_per_ip.threshold: Must be a whole number from 0 to 1000.',
      'registrations_per_ip.limit: is unknown',
      'others: is unknown',
    ])
  })

  it('reads several CORS origins', () => {
    const CORS_ORIGINS = 'https://app.example.com, http://localhost:5173,'
    expect(readConfig({ ...valid, CORS_ORIGINS })).toMatchObject({
      config: { deployment: { corsOrigins: ['https://app.example.com', 'http://localhost:5173'] } },
    })
  })

  it('reserves as usernames the mailbox names of RFC 2142, names of roles and the name of the service', () => {
    expect(reservedBy({ PAGES: { name: 'Example Shop' } })).toEqual(
      [
        ...['info', 'marketing', 'sales', 'support', 'abuse', 'noc', 'security', 'postmaster', 'hostmaster'],
        ...['usenet', 'news', 'webmaster', 'www', 'uucp', 'ftp'],
        ...['admin', 'administrator', 'root', 'system', 'help', 'official', 'exampleshop'],
      ].toSorted(),
    )
  })

  it('reserves only the usernames in RESERVED_USERNAMES, in compared form, and none if it is empty', () => {
    expect(reservedBy({ RESERVED_USERNAMES: ' Billing, Stra\u00dfe,' })).toEqual(['billing', 'strasse'])
    expect(reservedBy({ RESERVED_USERNAMES: '' })).toEqual([])
    expect(reservedBy({ RESERVED_USERNAMES: ' ' })).toEqual([])
  })

  it('adds PASSWORD_WORDS to the name of the service as words that make a password common', () => {
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
  ])('accepts values up to the length limit of tokens, and rejects longer ones: %s', (variable, value) => {
    expect(problemsOf({ ...valid, [variable]: value })).toEqual([])
    expect(problemsOf({ ...valid, [variable]: `${value}z` })).toEqual([variable])
  })

  it.each([
    ['an audience', { origin: 'https://api.example.com', audience: 'x'.repeat(128) }],
    ['an origin', { origin: `https://${'x'.repeat(60)}.${'y'.repeat(59)}` }],
  ])('accepts %s of 128 characters in a gateway route, and rejects a longer one', (_what, route) => {
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
    ['ACTIVITY_DAYS', '0'],
    ['ACTIVITY_DAYS', '401'],
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
  ] as const)('rejects %s=%j', (variable, text) => {
    expect(problemsOf(valid)).toEqual([])
    expect(problemsOf({ ...valid, [variable]: text })).toEqual([variable])
  })

  it('reports every invalid setting at once, with an example and without a secret', () => {
    const invalid: Settings = { AUTH_SECRET: 'hunter2', PUBLIC_URL: 'http://x', MAX_SESSIONS: 'many' }
    const result = readConfig(invalid)
    if (result.ok) throw new Error('accepted')
    expect(result.problems.map(({ variable }) => variable).toSorted()).toEqual(
      Object.keys(invalid).toSorted(),
    )
    for (const { problem, example } of result.problems)
      expect(`${problem}${example}`).not.toContain('hunter2')
  })

  it('offers a valid example for each invalid setting', () => {
    const invalid: Settings = {
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
    const result = readConfig({ ...valid, ...invalid })
    if (result.ok) throw new Error('accepted')
    const examples = Object.fromEntries(result.problems.map(({ variable, example }) => [variable, example]))
    expect(Object.keys(examples).toSorted()).toEqual(Object.keys(invalid).toSorted())
    expect(problemsOf({ ...valid, ...examples })).toEqual([])
  })

  it('returns a valid public URL even if other settings are invalid', () => {
    expect(readConfig({ ...valid, MAX_SESSIONS: 'x' })).toMatchObject({ publicUrl: valid.PUBLIC_URL })
    expect(readConfig({ ...valid, PUBLIC_URL: 'x' })).toMatchObject({ publicUrl: null })
  })
})

describe('development environment', () => {
  it.each(['http://localhost:8787', 'http://127.0.0.1:8787', 'http://[::1]:8787', 'https://localhost'])(
    'accepts http and generated secrets in development at %s',
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
  ])('applies the rules of production in development at the public host %s', (PUBLIC_URL) => {
    expect(problemsOf({ ...development, PUBLIC_URL }).toSorted()).toEqual([
      'AUTH_SECRET',
      'AUTH_SECRET',
      'PUBLIC_URL',
    ])
  })

  it.each(['', 'production', 'Development', 'dev', 'true'])(
    'does not enable development for ENVIRONMENT=%j',
    (ENVIRONMENT) => {
      expect(problemsOf({ ...development, ENVIRONMENT })).toContain('PUBLIC_URL')
      expect(readConfig({ ...valid, ENVIRONMENT })).toMatchObject({
        config: { deployment: { development: false } },
      })
    },
  )

  it('requires a secret in development', () => {
    expect(problemsOf({ ...development, AUTH_SECRET: '' })).toEqual(['AUTH_SECRET'])
  })

  it('does not enable development at a public address', () => {
    expect(readConfig({ ...valid, ENVIRONMENT: 'development' })).toMatchObject({
      config: { deployment: { development: false } },
    })
  })
})
