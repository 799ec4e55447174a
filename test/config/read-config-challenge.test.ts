import { describe, expect, it } from 'vitest'
import { readConfig } from '../../src/config/read-config.ts'
import type { Settings } from '../../src/config/settings.ts'
import { development, problemsOf, valid } from './example-settings.ts'

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
