/** Which challenge stands between a client and one more attempt, and what an outage of its provider means. */
import { isConfidential } from '../verify/loopback.ts'
import { readSecret } from './secrets.ts'
import type { SettingsReader } from './settings-reader.ts'

const SITEVERIFY_PROVIDERS = ['turnstile', 'hcaptcha'] as const
export type SiteverifyProvider = (typeof SITEVERIFY_PROVIDERS)[number]

export interface ChallengeConfig {
  /** Null: the built-in proof of work. */
  readonly siteverify: SiteverifyConfig | null
}

export interface SiteverifyConfig {
  readonly provider: SiteverifyProvider
  /** The widget's public key. */
  readonly siteKey: string
  readonly secret: string
  /** One of the keys that the provider publishes for tests: its answers name no action, and a host of their own. */
  readonly testing: boolean
  /** In place of the provider's own address. */
  readonly verifyUrl: string | undefined
  /** Where the widget may have been solved; empty: wherever the provider lets it be shown. */
  readonly hostnames: readonly string[]
  /** While the provider is unavailable: every attempt is refused, or a proof of work is asked for. */
  readonly onOutage: 'refuse' | 'altcha'
}

const BUILT_IN = 'altcha'
/**
 * Published for tests (Turnstile, "Testing"; hCaptcha, "Test Key Set"): what they let pass proves nothing, and no real
 * token passes with them.
 */
const TEST_SECRETS: readonly string[] = [
  '1x0000000000000000000000000000000AA',
  '2x0000000000000000000000000000000AA',
  '3x0000000000000000000000000000000AA',
  '0x0000000000000000000000000000000000000000',
]
const TEST_SITE_KEYS: readonly string[] = [
  '1x00000000000000000000AA',
  '2x00000000000000000000AB',
  '1x00000000000000000000BB',
  '2x00000000000000000000BB',
  '3x00000000000000000000FF',
  '10000000-ffff-ffff-ffff-000000000001',
  '20000000-ffff-ffff-ffff-000000000002',
  '30000000-ffff-ffff-ffff-000000000003',
]
const OF_WIDGET = {
  CHALLENGE_SITE_KEY: 'the site key that the provider shows for the widget',
  CHALLENGE_SECRET: 'the secret key that the provider shows for the widget',
}
const HOSTNAME = /^[a-z0-9-]+(\.[a-z0-9-]+)*$/

/** @param ownPages the address of the hosted pages, which show the widget as well; null where there are none */
export function readChallenge(
  reader: SettingsReader,
  development: boolean,
  ownPages: string | null,
): ChallengeConfig {
  const name = reader.text('CHALLENGE_PROVIDER') ?? BUILT_IN
  const outside = {
    verifyUrl: readVerifyUrl(reader),
    hostnames: readHostnames(reader, ownPages),
    onOutage: readOutage(reader),
  }
  if (name === BUILT_IN) return { siteverify: null }
  const provider = SITEVERIFY_PROVIDERS.find((known) => known === name)
  if (provider !== undefined)
    return { siteverify: { provider, ...readKeys(reader, development), ...outside } }
  const problem = 'must be altcha, turnstile or hcaptcha'
  return reader.refuse('CHALLENGE_PROVIDER', problem, BUILT_IN, { siteverify: null })
}

function readKeys(
  reader: SettingsReader,
  development: boolean,
): Pick<SiteverifyConfig, 'siteKey' | 'secret' | 'testing'> {
  const secret = readSecret(reader, 'CHALLENGE_SECRET', development, OF_WIDGET.CHALLENGE_SECRET)
  const siteKey = reader.text('CHALLENGE_SITE_KEY')
  const refuse = (variable: keyof typeof OF_WIDGET, problem: string) =>
    reader.refuse(variable, problem, OF_WIDGET[variable], '')
  const isTest = (key: string | undefined, published: readonly string[]) =>
    key !== undefined && published.includes(key)
  const testing = isTest(secret, TEST_SECRETS)
  if (secret === undefined) refuse('CHALLENGE_SECRET', 'is missing')
  if (testing && !development) refuse('CHALLENGE_SECRET', 'is a published test key')
  if (siteKey === undefined) refuse('CHALLENGE_SITE_KEY', 'is missing')
  if (isTest(siteKey, TEST_SITE_KEYS) && !development) refuse('CHALLENGE_SITE_KEY', 'is a published test key')
  // It is handed out to everybody.
  if (siteKey !== undefined && siteKey === secret) refuse('CHALLENGE_SITE_KEY', 'is the secret key')
  return { siteKey: siteKey ?? '', secret: secret ?? '', testing }
}

function readOutage(reader: SettingsReader): SiteverifyConfig['onOutage'] {
  const fallback = reader.text('CHALLENGE_FALLBACK')
  if (fallback === BUILT_IN) return 'altcha'
  if (fallback === undefined) return 'refuse'
  return reader.refuse('CHALLENGE_FALLBACK', 'must be altcha, or empty', BUILT_IN, 'refuse')
}

function readVerifyUrl(reader: SettingsReader): string | undefined {
  const text = reader.text('CHALLENGE_VERIFY_URL')
  const url = URL.parse(text ?? '')
  if (text === undefined || (url !== null && isConfidential(url))) return text
  const example = 'https://challenges.cloudflare.com/turnstile/v0/siteverify'
  return reader.refuse('CHALLENGE_VERIFY_URL', 'must be an https address', example, undefined)
}

function readHostnames(reader: SettingsReader, ownPages: string | null): readonly string[] {
  if (reader.text('CHALLENGE_HOSTNAMES') === undefined) return []
  const hostnames = reader.list('CHALLENGE_HOSTNAMES').map((name) => name.toLowerCase())
  const own = URL.parse(ownPages ?? '')?.hostname ?? []
  if (hostnames.length > 0 && hostnames.every((name) => HOSTNAME.test(name))) return hostnames.concat(own)
  const problem = 'must be names of hosts, separated by commas: no scheme, no port'
  return reader.refuse('CHALLENGE_HOSTNAMES', problem, 'app.example.com,www.example.com', [])
}
