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

/** What a login reads and writes. Earlier activities are in pages, so that it does not write them again. */
export interface ActivityRow {
  readonly format: 1
  /** The newest last. */
  readonly recent: readonly Activity[]
  /** How many pages have been filled, also those that are no longer stored. */
  readonly pages: number
  /** The device of the latest login last. */
  readonly devices: readonly KnownDevice[]
  /** When everything is deleted unless something happens before, in unix milliseconds. */
  readonly keepUntil: number
}

export interface ActivityPage {
  readonly format: 1
  readonly activities: readonly Activity[]
  readonly keepUntil: number
}

export interface ChangedActivity {
  readonly row: ActivityRow
  /** The last page that `row` counts, if it is not stored yet. */
  readonly filled: ActivityPage | null
}

const PAGE_SIZE = 10
/** With the recent ones, the last 50 activities at least. */
const PAGES = 5
const MAX_DEVICES = 20
const DAY_MS = 86_400_000

/** @returns the place of a page, by its number. The sixth takes the place of the first. */
export function placeOf(page: number): number {
  return page % PAGES
}

/** @returns the remembered activity without what is too old, to be kept from now on for ACTIVITY_DAYS */
export function keepActivity(
  row: ActivityRow | null,
  { activityDays }: SessionsConfig,
  nowMs: number,
): ChangedActivity {
  const keptMs = activityDays * DAY_MS
  const recent = row?.recent.filter(({ at }) => at > nowMs - keptMs) ?? []
  const devices = row?.devices.filter(({ lastSeenAt }) => lastSeenAt > nowMs - keptMs) ?? []
  return {
    row: { format: 1, recent, pages: row?.pages ?? 0, devices, keepUntil: nowMs + keptMs },
    filled: null,
  }
}

/** Forgets everything. What else the object stores is kept for one day, so that a stale read is still detected. */
export function forgetActivity(nowMs: number): ChangedActivity {
  return { row: { format: 1, recent: [], pages: 0, devices: [], keepUntil: nowMs + DAY_MS }, filled: null }
}

/**
 * @param changed as `keepActivity` returned it at the same time
 * @param session the session that the activity is about; null for several
 */
export function withActivity(
  changed: ChangedActivity,
  type: ActivityType,
  session: Session | null,
  nowMs: number,
): ChangedActivity {
  const { row, filled } = changed
  const activity = {
    at: nowMs,
    type,
    sessionId: session?.id ?? null,
    ip: session?.ip ?? null,
    userAgent: session?.userAgent ?? null,
    country: session?.country ?? null,
  }
  const newest = row.recent.at(-1)
  if (newest === undefined || row.recent.length < PAGE_SIZE)
    return { row: { ...row, recent: [...row.recent, activity] }, filled }
  const keepUntil = newest.at + row.keepUntil - nowMs
  return {
    row: { ...row, recent: [activity], pages: row.pages + 1 },
    filled: { format: 1, activities: row.recent, keepUntil },
  }
}

/** @returns whether the account has logged in before, but not with this browser family from this country */
export function isNewDevice({ row: { devices } }: ChangedActivity, session: Session): boolean {
  return devices.length > 0 && !devices.some((device) => isDeviceOf(device, session))
}

export function withDevice(
  { row, filled }: ChangedActivity,
  session: Session,
  nowMs: number,
): ChangedActivity {
  const others = row.devices.filter((device) => !isDeviceOf(device, session))
  const device = { browser: browserFamily(session), country: session.country, lastSeenAt: nowMs }
  return { row: { ...row, devices: [...others, device].slice(-MAX_DEVICES) }, filled }
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
