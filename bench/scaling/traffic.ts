/** The traffic of a day. These are assumptions: replace them by what a deployment measures. */
import { readLimits } from '../../src/config/limits.ts'
import { SettingsReader } from '../../src/config/settings-reader.ts'
import { readTokens } from '../../src/config/tokens.ts'
import type { OperationName } from './operations.ts'

const defaults = new SettingsReader({})
/** The default lifetime of an access token. */
export const ACCESS_TOKEN_SECONDS = readTokens(defaults, '').accessTokenSeconds
/** The default rules of the limits. */
export const { rules: RULES } = readLimits(defaults)

export const SECONDS_PER_DAY = 86_400
export const DAYS_PER_MONTH = 30

export const ACCOUNTS = 10_000_000
export const SITTINGS_PER_USER = 3
export const SITTING_SECONDS = 1_200
/** A session lasts 30 days from its last use, so most active people are logged in already. */
export const LOGINS_PER_USER = 0.1
export const WRONG_PASSWORDS_PER_LOGIN = 0.2
/** Of a password or an identifier. */
export const CHANGES_PER_USER = 0.002
/** Requests to the app's own API. */
export const API_CALLS_PER_USER = 40
export const PEAK_TO_MEAN = 4

/** The share of accounts whose object stores a session. */
export const ACCOUNTS_LOGGED_IN_SHARE = 0.6
/** Isolates at the same time, worldwide. Cloudflare publishes no number. */
export const WARM_ISOLATES = 1_000
/** An isolate with requests reads signing keys, naming key and settings from the primary this often (src/shared-record.ts). */
export const RECORD_READ_SECONDS = 20
/** wrangler.toml: the outbox ... */
export const OUTBOX_CRON_SECONDS = 60
/** ... and the signing keys. */
const KEYS_CRON_SECONDS = 300
/** Accounts that one cron run publishes at most (src/actions/account/deliver-outbox.ts). */
export const PUBLISHED_PER_CRON_RUN = 3_000

export interface Day {
  readonly name: string
  readonly activeShare: number
  readonly registrations: number
  /** Whether `/auth/verify` or the gateway verifies each request to the app's API, instead of the origin itself. */
  readonly verifiedAtEdge: boolean
}

export const ORDINARY: Day = {
  name: 'an ordinary day',
  activeShare: 0.3,
  registrations: 50_000,
  verifiedAtEdge: false,
}
export const AT_EDGE: Day = { ...ORDINARY, name: 'the same, verified at the edge', verifiedAtEdge: true }
export const EVERYBODY: Day = {
  ...AT_EDGE,
  name: 'everybody comes',
  activeShare: 1,
  registrations: 500_000,
}

/** One attacker with many IP addresses who solves no challenge. */
export const ATTACK = { seconds: 3_600, requestsPerSecond: 10_000, addresses: 20_000 } as const

/** How often each operation runs. */
export type Counts = Readonly<Partial<Record<OperationName, number>>>

export function dayOf({ activeShare, registrations, verifiedAtEdge }: Day): Counts {
  const users = ACCOUNTS * activeShare
  const sittings = users * SITTINGS_PER_USER
  const logins = users * LOGINS_PER_USER
  return {
    register: registrations,
    login: logins,
    wrongPassword: logins * WRONG_PASSWORDS_PER_LOGIN,
    refresh: sittings * Math.ceil(SITTING_SECONDS / ACCESS_TOKEN_SECONDS),
    me: sittings,
    verify: verifiedAtEdge ? users * API_CALLS_PER_USER : 0,
    change: users * CHANGES_PER_USER,
    accountAlarm: (ACCOUNTS * ACCOUNTS_LOGGED_IN_SHARE) / DAYS_PER_MONTH,
    readRecord: (WARM_ISOLATES * SECONDS_PER_DAY) / RECORD_READ_SECONDS,
    cronOutbox: SECONDS_PER_DAY / OUTBOX_CRON_SECONDS,
    cronKeys: SECONDS_PER_DAY / KEYS_CRON_SECONDS,
  }
}

/** Guesses whose password is checked: those that the rule per IP address allows without a challenge. */
export function guessesPerSecond(addresses: number): number {
  const { threshold, window_seconds } = RULES.login_failures_per_ip
  return (addresses * threshold) / window_seconds
}

export function attackOf({ seconds, requestsPerSecond, addresses }: typeof ATTACK): Counts {
  const guesses = Math.min(requestsPerSecond, guessesPerSecond(addresses)) * seconds
  return { wrongPassword: guesses, challenged: requestsPerSecond * seconds - guesses }
}
