/** The lifetime of sessions, how many an account may have, and how long its activity is kept. */
import type { SettingsReader } from './settings-reader.ts'

export interface SessionsConfig {
  /** A session ends this long after its last refresh. */
  readonly idleSeconds: number
  /** A session ends this long after its login, however often it is refreshed. */
  readonly maxSeconds: number
  /** For this long after its rotation, the previous refresh token still returns the session's current one. */
  readonly graceSeconds: number
  /** Active sessions per account. One more ends the least recently used one. */
  readonly maxSessions: number
  /** How long an account's activities and known devices are kept, counted from the last one. */
  readonly activityDays: number
}

const TEN_YEARS_SECONDS = 315_360_000

export function readSessions(reader: SettingsReader): SessionsConfig {
  const lifetime = { min: 1, max: TEN_YEARS_SECONDS }
  return {
    idleSeconds: reader.integer('REFRESH_IDLE_SECONDS', { byDefault: 2_592_000, ...lifetime }),
    maxSeconds: reader.integer('REFRESH_MAX_SECONDS', { byDefault: 7_776_000, ...lifetime }),
    graceSeconds: reader.integer('REFRESH_GRACE_SECONDS', { byDefault: 10, min: 0, max: 60 }),
    maxSessions: reader.integer('MAX_SESSIONS', { byDefault: 100, min: 1, max: 1_000 }),
    activityDays: reader.integer('ACTIVITY_DAYS', { byDefault: 90, min: 1, max: 400 }),
  }
}
