import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config/read-config.ts'
import type { Settings } from '../../src/config/settings.ts'
import { development, problemsOf, valid } from './example-settings.ts'

describe('challenge provider', () => {
  const turnstile: Settings = {
    ...valid,
    CHALLENGE_PROVIDER: 'turnstile',
    CHALLENGE_SITE_KEY: '0x4AAAAAAA-site-key-of-tests',
    CHALLENGE_SECRET: '0x4AAAAAAA-secret-key-of-the-tests-0',
  }
  const hcaptcha: Settings = { ...turnstile, CHALLENGE_PROVIDER: 'hcaptcha' }
  const withTestKeys: Settings = {
    ...development,
    CHALLENGE_PROVIDER: 'turnstile',
    CHALLENGE_SITE_KEY: '1x00000000000000000000AA',
    CHALLENGE_SECRET: '1x0000000000000000000000000000000AA',
  }

  it.each([
    ['turnstile', turnstile],
    ['hcaptcha', hcaptcha],
  ])('reads the keys of the widget, and fails closed during an outage: %s', (provider, settings) => {
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
  ])('reads the challenge settings %j as %j', (settings, expected) => {
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
    ['CHALLENGE_SITE_KEY', withTestKeys.CHALLENGE_SITE_KEY],
    ['CHALLENGE_SITE_KEY', '10000000-ffff-ffff-ffff-000000000001'],
    ['CHALLENGE_SITE_KEY', '20000000-ffff-ffff-ffff-000000000002'],
    ['CHALLENGE_SECRET', withTestKeys.CHALLENGE_SECRET],
    ['CHALLENGE_SECRET', '2x0000000000000000000000000000000AA'],
    ['CHALLENGE_SECRET', '3x0000000000000000000000000000000AA'],
    ['CHALLENGE_SECRET', '0x0000000000000000000000000000000000000000'],
  ] as const)('rejects %s=%j for a challenge provider', (variable, text) => {
    for (const settings of [turnstile, hcaptcha]) {
      expect(problemsOf(settings)).toEqual([])
      expect(problemsOf({ ...settings, [variable]: text })).toEqual([variable])
    }
  })

  it('names each missing key of the challenge provider, and reveals neither key in a problem', () => {
    const { CHALLENGE_SITE_KEY: _, CHALLENGE_SECRET: __, ...without } = turnstile
    expect(problemsOf(without).toSorted()).toEqual(['CHALLENGE_SECRET', 'CHALLENGE_SITE_KEY'])
    const result = readConfig({ ...turnstile, CHALLENGE_SITE_KEY: turnstile.CHALLENGE_SECRET ?? '' })
    expect(JSON.stringify(result)).not.toContain('secret-key-of-the-tests')
  })

  it('accepts published test keys only in development, and marks the config as testing', () => {
    expect(readConfig(withTestKeys)).toMatchObject({
      config: { challenge: { siteverify: { testing: true } } },
    })
  })

  it('ignores the keys of a challenge provider that is not selected', () => {
    const settings = { ...turnstile, CHALLENGE_PROVIDER: 'altcha', CHALLENGE_SECRET: 'short' }
    expect(readConfig(settings)).toMatchObject({ config: { challenge: { siteverify: null } } })
  })
})
