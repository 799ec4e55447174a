/** Finds names of variables that look like misspelt names of settings. Pure. */
import type { Settings } from './settings.ts'

/** The compiler checks that it lists every setting. */
const SETTINGS: Readonly<Record<keyof Settings, true>> = {
  ENVIRONMENT: true,
  PUBLIC_URL: true,
  AUTH_SECRET: true,
  AUTH_SECRET_FALLBACK: true,
  PASSWORD_PEPPER: true,
  ADMIN_TOKEN: true,
  CHALLENGE_SECRET: true,
  AUDIENCE: true,
  CLIENT_ID: true,
  SIGNING_ALG: true,
  ACCESS_TOKEN_SECONDS: true,
  KEY_ROTATION_DAYS: true,
  REFRESH_IDLE_SECONDS: true,
  REFRESH_MAX_SECONDS: true,
  REFRESH_GRACE_SECONDS: true,
  MAX_SESSIONS: true,
  ACTIVITY_DAYS: true,
  PASSWORD_MIN_LENGTH: true,
  PASSWORD_WORDS: true,
  RESERVED_USERNAMES: true,
  DEFAULT_PHONE_REGION: true,
  CORS_ORIGINS: true,
  CLIENT_IP_HEADER: true,
  IPV6_PREFIX: true,
  LIMITS: true,
  GATEWAY: true,
  GATEWAY_HOSTS: true,
  FORWARD_AUDIENCES: true,
  PAGES: true,
  CHALLENGE_PROVIDER: true,
  CHALLENGE_SITE_KEY: true,
  CHALLENGE_VERIFY_URL: true,
  CHALLENGE_HOSTNAMES: true,
  CHALLENGE_FALLBACK: true,
}
const NAMES = Object.keys(SETTINGS)

/** Longer names are no slip of a setting's name, the longest of which has 21 letters. */
const MAX_LENGTH = 30
/** In a shorter name two changed letters make another word. */
const SHORT_LENGTH = 8

/** Of lists and tables. Bindings are instances of other classes. */
const PROTOTYPES: readonly unknown[] = [Object.prototype, Array.prototype]

/** @returns true for a value that `[vars]` may have, false for a binding */
export function isVariable(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value !== 'function'
  return PROTOTYPES.includes(Object.getPrototypeOf(value))
}

export interface MisspeltName {
  readonly variable: string
  /** The setting whose name is the nearest. */
  readonly meant: string
}

/** @param variables the names that a deployer has set */
export function misspeltNames(variables: readonly string[]): readonly MisspeltName[] {
  return variables.flatMap((variable) => {
    const meant = Object.hasOwn(SETTINGS, variable) ? undefined : nearestSetting(variable)
    return meant === undefined ? [] : [{ variable, meant }]
  })
}

function nearestSetting(variable: string): string | undefined {
  const letters = lettersOf(variable)
  if (letters.length > MAX_LENGTH) return undefined
  const distances = NAMES.map((name) => ({ name, distance: distanceOf(letters, lettersOf(name)) }))
  const [nearest] = distances.toSorted((a, b) => a.distance - b.distance)
  const accepted = letters.length < SHORT_LENGTH ? 1 : 2
  return nearest !== undefined && nearest.distance <= accepted ? nearest.name : undefined
}

/** Names that differ only in case, `_` and `-` are the same. */
function lettersOf(name: string): string {
  return name.replace(/[_-]/g, '').toUpperCase()
}

/** @returns how many letters must be inserted, deleted or replaced (Levenshtein distance) */
function distanceOf(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1]
    for (const [column, other] of [...to].entries()) {
      const replaced = (row[column] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
