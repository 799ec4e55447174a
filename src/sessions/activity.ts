/** What an account's object remembers for ACTIVITY_DAYS: the last activities, and the devices of logins. Pure rules. */
import type { SessionsConfig } from '../config/sessions.ts'
import type { Session } from './session.ts'

export type ActivityType =
  | 'registration'
  | 'login'
  | 'password_changed'
  | 'session_ended'
  /** All sessions of the account, or all others. */
  | 'sessions_ended'
  | 'refresh_token_reused'

/** What happened to a session. Its IP address, user agent and country are those of its login. */
export interface Activity {
  /** Unix milliseconds. */
  readonly at: number
  readonly type: ActivityType
  /** Null for an activity of several sessions, which has no address either. */
  readonly sessionId: string | null
  readonly ip: string | null
  readonly userAgent: string | null
  readonly country: string | null
}

export interface KnownDevice {
  /** The names of the browser and its system, such as `Firefox, Linux`. */
  readonly browser: string | null
  readonly country: string | null
  /** The last login, in unix milliseconds. */
  readonly lastSeenAt: number
}

export interface ActivityRow {
  readonly format: 1
  /** The newest last. */
  readonly activities: readonly Activity[]
  /** The device of the latest login last. */
  readonly devices: readonly KnownDevice[]
  /** When everything is deleted unless something happens before, in unix milliseconds. */
  readonly keepUntil: number
}

const MAX_ACTIVITIES = 50
const MAX_DEVICES = 20
const DAY_MS = 86_400_000

/** @returns the remembered activity without what is too old, to be kept from now on for ACTIVITY_DAYS */
export function keepActivity(
  row: ActivityRow | null,
  { activityDays }: SessionsConfig,
  nowMs: number,
): ActivityRow {
  const sinceMs = nowMs - activityDays * DAY_MS
  return {
    format: 1,
    activities: row?.activities.filter(({ at }) => at > sinceMs) ?? [],
    devices: row?.devices.filter(({ lastSeenAt }) => lastSeenAt > sinceMs) ?? [],
    keepUntil: nowMs + activityDays * DAY_MS,
  }
}

/** Forgets everything. What else the object stores is kept for one day, so that a stale read is still detected. */
export function forgetActivity(nowMs: number): ActivityRow {
  return { format: 1, activities: [], devices: [], keepUntil: nowMs + DAY_MS }
}

/** @param session the session that the activity is about; null for several */
export function withActivity(
  row: ActivityRow,
  type: ActivityType,
  session: Session | null,
  nowMs: number,
): ActivityRow {
  const activity = {
    at: nowMs,
    type,
    sessionId: session?.id ?? null,
    ip: session?.ip ?? null,
    userAgent: session?.userAgent ?? null,
    country: session?.country ?? null,
  }
  return { ...row, activities: [...row.activities, activity].slice(-MAX_ACTIVITIES) }
}

/** @returns whether the account has logged in before, but not with this browser family from this country */
export function isNewDevice({ devices }: ActivityRow, session: Session): boolean {
  return devices.length > 0 && !devices.some((device) => isDeviceOf(device, session))
}

export function withDevice(row: ActivityRow, session: Session, nowMs: number): ActivityRow {
  const others = row.devices.filter((device) => !isDeviceOf(device, session))
  const device = { browser: browserFamily(session), country: session.country, lastSeenAt: nowMs }
  return { ...row, devices: [...others, device].slice(-MAX_DEVICES) }
}

function isDeviceOf({ browser, country }: KnownDevice, session: Session): boolean {
  return browser === browserFamily(session) && country === session.country
}

function browserFamily({ userAgent }: Session): string | null {
  return browserName(userAgent, (browser, system) => `${browser}, ${system}`)
}

/** The first match counts, because many browsers also claim to be one further down. */
const BROWSERS = [
  [/Edg(e|A|iOS)?\//, 'Edge'],
  [/OPR\/|Opera/, 'Opera'],
  [/SamsungBrowser\//, 'Samsung Internet'],
  [/Firefox\/|FxiOS\//, 'Firefox'],
  [/Chrom(e|ium)\/|CriOS\//, 'Chrome'],
  [/^(?=.*Version\/).* Safari\//, 'Safari'],
] as const
const SYSTEMS = [
  [/Windows/, 'Windows'],
  [/Android/, 'Android'],
  [/iPhone|iPad|iPod/, 'iOS'],
  [/Mac OS X|Macintosh/, 'macOS'],
  [/CrOS/, 'ChromeOS'],
  [/Linux/, 'Linux'],
] as const

/**
 * Names a browser and its system by their user agent.
 * @param join combines the names of the browser and its system
 * @returns for an unknown browser, the first 40 characters of the user agent; null without a user agent
 */
export function browserName(
  userAgent: string | null,
  join: (browser: string, system: string) => string,
): string | null {
  if (userAgent === null || userAgent === '') return null
  const find = (names: readonly (readonly [RegExp, string])[]) =>
    names.find(([pattern]) => pattern.test(userAgent))?.[1]
  const browser = find(BROWSERS)
  if (browser === undefined) return userAgent.slice(0, 40)
  const system = find(SYSTEMS)
  return system === undefined ? browser : join(browser, system)
}
