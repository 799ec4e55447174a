/** The configuration that all tests in workerd share. */
import { cloudflareTest, readD1Migrations } from '@cloudflare/vitest-plugin'
import { defineConfig, type Plugin, type ViteUserConfig } from 'vitest/config'
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

/** What most tests have in place of the full cost: the fewest iterations of a stored hash, and 1 % of the proof of work. */
const CHEAP = [
  ['/src/passwords/pbkdf2.ts', 'CURRENT_ITERATIONS = 100_000', 'CURRENT_ITERATIONS = 1_000'],
  ['/src/challenge/proof-of-work.ts', 'AVERAGE_DERIVATIONS = 500', 'AVERAGE_DERIVATIONS = 5'],
] as const

/** Edits the numbers when the Worker is built, so no setting of a deployment can. All code that uses them stays the same. */
const CHEAP_WORK: Plugin = {
  name: 'cheap-work',
  enforce: 'pre',
  transform(code, id) {
    const [, full, cheap] = CHEAP.find(([file]) => id.endsWith(file)) ?? []
    if (full === undefined || cheap === undefined) return undefined
    if (!code.includes(full)) throw new Error(`${id} does not contain "${full}"`)
    return { code: code.replace(full, cheap), map: null }
  },
}

/** What workerd itself reports of origins that fail and of RPC methods that do not exist, which tests provoke. */
const PROVOKED =
  /Network connection lost|disconnected: |The RPC receiver does not implement|contains non-ASCII characters/

/** The plugin prints what workerd reports, and has no option for it. */
for (const stream of [process.stdout, process.stderr]) {
  const write = stream.write.bind(stream)
  stream.write = (text: string | Uint8Array, ...rest: never[]) =>
    PROVOKED.test(String(text)) || write(text, ...rest)
}

/**
 * Test files that share their workerd: starting one for each file takes more time than most files. Each begins with empty
 * databases and modules that hold nothing (test/support/schema.ts).
 *
 * @param cost `cheap` unless the tests prove what a password hash or a proof of work costs
 * @param test options that differ: files, output
 * @param modelRuns how many random stories of an account are played; by default a few with a fixed seed
 */
export async function workerTests(
  cost: 'cheap' | 'full',
  test: ViteUserConfig['test'],
  modelRuns?: number,
): Promise<ViteUserConfig> {
  return defineConfig({
    plugins: [
      ...(cost === 'cheap' ? [CHEAP_WORK] : []),
      cloudflareTest({
        wrangler: { configPath: './wrangler.toml' },
        miniflare: {
          bindings: {
            ...SETTINGS,
            SCHEMA: await readD1Migrations('.'),
            MODEL_RUNS: String(modelRuns ?? ''),
            FAKE_PROVIDER_URL: (await startFakeProvider()).url,
            RAW_ORIGIN_URL: await startRawOrigin(),
          },
          d1Databases: { REPLICA: 'replica' },
        },
      }),
    ],
    test: {
      setupFiles: ['test/support/schema.ts'],
      isolate: false,
      maxWorkers: 2,
      testTimeout: TIMEOUT_MS,
      ...test,
    },
  })
}
