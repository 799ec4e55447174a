/** Which challenge a further attempt requires, and what happens during an outage of its provider. */
import { isConfidential } from '../verify/loopback.ts'
import { readSecret } from './secrets.ts'
import type { SettingsReader } from './settings-reader.ts'

const SITEVERIFY_PROVIDERS = ['turnstile', 'hcaptcha'] as const
export type SiteverifyProvider = (typeof SITEVERIFY_PROVIDERS)[number]

export interface ChallengeConfig {
  /** The external provider; null for the built-in proof of work. */
  readonly siteverify: SiteverifyConfig | null
}

export interface SiteverifyConfig {
  readonly provider: SiteverifyProvider
  /** The widget's public key. */
  readonly siteKey: string
  readonly secret: string
  /** Whether the secret is one that the provider publishes for tests. Its results have no action, and a host of the provider's. */
  readonly testing: boolean
  /** Replaces the provider's own address. */
  readonly verifyUrl: string | undefined
  /** Hosts on which the widget may have been solved; if empty, all hosts that the provider allows. */
  readonly hostnames: readonly string[]
  /** While the provider is unavailable: `refuse` refuses every attempt, `altcha` requires a proof of work. */
  readonly onOutage: 'refuse' | 'altcha'
}

const BUILT_IN = 'altcha'
/**
 * Published for tests (Turnstile, "Testing"; hCaptcha, "Test Key Set"). A token that they accept proves nothing, and they accept
 * no real token.
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
const KEY_EXAMPLES = {
  CHALLENGE_SITE_KEY: 'the site key that the provider shows for the widget',
  CHALLENGE_SECRET: 'the secret key that the provider shows for the widget',
}
const HOSTNAME = /^[a-z0-9-]+(\.[a-z0-9-]+)*$/

/** @param ownPages the address of the hosted pages, which also show the widget; null if there are no hosted pages */
export function readChallenge(
  reader: SettingsReader,
  development: boolean,
  ownPages: string | null,
): ChallengeConfig {
  const name = reader.text('CHALLENGE_PROVIDER') ?? BUILT_IN
  const options = {
    verifyUrl: readVerifyUrl(reader),
    hostnames: readHostnames(reader, ownPages),
    onOutage: readOutage(reader),
  }
  if (name === BUILT_IN) return { siteverify: null }
  const provider = SITEVERIFY_PROVIDERS.find((supported) => supported === name)
  if (provider !== undefined)
    return { siteverify: { provider, ...readKeys(reader, development), ...options } }
  const problem = 'must be altcha, turnstile or hcaptcha'
  return reader.addProblem('CHALLENGE_PROVIDER', problem, BUILT_IN, { siteverify: null })
}

function readKeys(
  reader: SettingsReader,
  development: boolean,
): Pick<SiteverifyConfig, 'siteKey' | 'secret' | 'testing'> {
  const secret = readSecret(reader, 'CHALLENGE_SECRET', development, KEY_EXAMPLES.CHALLENGE_SECRET)
  const siteKey = reader.text('CHALLENGE_SITE_KEY')
  const addProblem = (variable: keyof typeof KEY_EXAMPLES, problem: string) =>
    reader.addProblem(variable, problem, KEY_EXAMPLES[variable], '')
  const isTest = (key: string | undefined, published: readonly string[]) =>
    key !== undefined && published.includes(key)
  const testing = isTest(secret, TEST_SECRETS)
  if (secret === undefined) addProblem('CHALLENGE_SECRET', 'is missing')
  if (testing && !development) addProblem('CHALLENGE_SECRET', 'is a published test key')
  if (siteKey === undefined) addProblem('CHALLENGE_SITE_KEY', 'is missing')
  if (isTest(siteKey, TEST_SITE_KEYS) && !development)
    addProblem('CHALLENGE_SITE_KEY', 'is a published test key')
  // The site key is public.
  if (siteKey !== undefined && siteKey === secret) addProblem('CHALLENGE_SITE_KEY', 'is the secret key')
  return { siteKey: siteKey ?? '', secret: secret ?? '', testing }
}

function readOutage(reader: SettingsReader): SiteverifyConfig['onOutage'] {
  const fallback = reader.text('CHALLENGE_FALLBACK')
  if (fallback === BUILT_IN) return 'altcha'
  if (fallback === undefined) return 'refuse'
  return reader.addProblem('CHALLENGE_FALLBACK', 'must be altcha, or empty', BUILT_IN, 'refuse')
}

function readVerifyUrl(reader: SettingsReader): string | undefined {
  const text = reader.text('CHALLENGE_VERIFY_URL')
  const url = URL.parse(text ?? '')
  if (text === undefined || (url !== null && isConfidential(url))) return text
  const example = 'https://challenges.cloudflare.com/turnstile/v0/siteverify'
  return reader.addProblem('CHALLENGE_VERIFY_URL', 'must be an https address', example, undefined)
}

function readHostnames(reader: SettingsReader, ownPages: string | null): readonly string[] {
  if (reader.text('CHALLENGE_HOSTNAMES') === undefined) return []
  const hostnames = reader.list('CHALLENGE_HOSTNAMES').map((name) => name.toLowerCase())
  const own = URL.parse(ownPages ?? '')?.hostname ?? []
  if (hostnames.length > 0 && hostnames.every((name) => HOSTNAME.test(name))) return hostnames.concat(own)
  const problem = 'must be names of hosts, separated by commas: no scheme, no port'
  return reader.addProblem('CHALLENGE_HOSTNAMES', problem, 'app.example.com,www.example.com', [])
}
