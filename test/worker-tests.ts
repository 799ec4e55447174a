/** The configuration that all tests in workerd share. */
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig, type ViteUserConfig } from 'vitest/config'
import type { Settings } from '../src/config/settings.ts'
import { startFakeProvider } from './support/fake-provider/siteverify.ts'
import { startRawOrigin } from './support/raw-origin.ts'

/** An empty value of this setting does not mean the default. */
type MissingSetting = 'RESERVED_USERNAMES'

/** Replaces the settings of .dev.vars and wrangler.toml: the rules of production, the defaults, and no real secret. */
const SETTINGS: { readonly [Name in keyof Omit<Required<Settings>, MissingSetting>]: string } = {
  AUTH_SECRET_FALLBACK: '',
  PASSWORD_PEPPER: '',
  AUDIENCE: '',
  CLIENT_ID: '',
  SIGNING_ALG: '',
  ACCESS_TOKEN_SECONDS: '',
  KEY_ROTATION_DAYS: '',
  REFRESH_IDLE_SECONDS: '',
  REFRESH_MAX_SECONDS: '',
  REFRESH_GRACE_SECONDS: '',
  MAX_SESSIONS: '',
  ACTIVITY_DAYS: '',
  PASSWORD_MIN_LENGTH: '',
  PASSWORD_WORDS: '',
  DEFAULT_PHONE_REGION: '',
  CLIENT_IP_HEADER: '',
  IPV6_PREFIX: '',
  LIMITS: '',
  GATEWAY: '',
  GATEWAY_HOSTS: '',
  FORWARD_AUDIENCES: '',
  PAGES: '',
  CHALLENGE_PROVIDER: '',
  CHALLENGE_SITE_KEY: '',
  CHALLENGE_SECRET: '',
  CHALLENGE_VERIFY_URL: '',
  CHALLENGE_HOSTNAMES: '',
  CHALLENGE_FALLBACK: '',
  ADMIN_TOKEN: 'an admin token of the tests, long enough too',
  ENVIRONMENT: '',
  PUBLIC_URL: 'https://auth.example.test',
  AUTH_SECRET: 'a secret of the tests, long enough for production',
  CORS_ORIGINS: 'https://app.example.test,https://www.example.test',
}

/** Proofs of work and password hashes take real work, which is slow on slow machines. */
const TIMEOUT_MS = 60_000

/** @param test options that differ: files, output */
export async function workerTests(test: ViteUserConfig['test']): Promise<ViteUserConfig> {
  return defineConfig({
    plugins: [
      cloudflareTest({
        wrangler: { configPath: './wrangler.toml' },
        miniflare: {
          bindings: {
            ...SETTINGS,
            SCHEMA: await readD1Migrations('.'),
            MODEL_RUNS: process.env.MODEL_RUNS ?? '',
            FAKE_PROVIDER_URL: (await startFakeProvider()).url,
            RAW_ORIGIN_URL: await startRawOrigin(),
          },
          d1Databases: { REPLICA: 'replica' },
        },
      }),
    ],
    test: { setupFiles: ['test/support/schema.ts'], testTimeout: TIMEOUT_MS, ...test },
  })
}
