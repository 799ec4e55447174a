import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config/read-config.ts'
import type { Settings } from '../../src/config/settings.ts'

const SECRET = 'a secret of the tests, long enough for production'
const valid: Settings = { PUBLIC_URL: 'https://auth.example.com', AUTH_SECRET: SECRET }
const development: Settings = {
  ENVIRONMENT: 'development',
  PUBLIC_URL: 'http://localhost:8787',
  AUTH_SECRET: 'dev-0',
}

function problemsOf(settings: Settings): readonly string[] {
  const result = readConfig(settings)
  return result.ok ? [] : result.problems.map(({ variable }) => variable)
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
          authSecretAlso: undefined,
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
        accounts: { passwordMinLength: 8, defaultPhoneRegion: undefined },
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
    ['AUTH_SECRET_ALSO', 'x'.repeat(31)],
    ['AUTH_SECRET_ALSO', `dev-${'x'.repeat(43)}`],
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
