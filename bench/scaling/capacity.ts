/** Where it breaks: what one database, one object and one address carry, and how busy a day makes the primary. */
import { objectRequests, type Span, total } from './bill.ts'
import { OPERATIONS, PRODUCTION_TO_LOCAL_CPU } from './operations.ts'
import { D1_READ_MS, D1_WRITE_MS, MAX_DATABASE_BYTES, ROUND_TRIP_MS } from './platform.ts'
import {
  type Counts,
  CRON_SECONDS,
  guessesPerSecond,
  PEAK_TO_MEAN,
  RULES,
  SECONDS_PER_DAY,
  TOLD_PER_CRON_RUN,
} from './traffic.ts'

/** Of the round trips of a log in, those while it holds its places at the address and the identifier. */
const ROUND_TRIPS_IN_PLACE = 5
const MS_PER_SECOND = 1_000
const SECONDS_PER_HOUR = 3_600

export interface Peak {
  readonly registrations: number
  readonly logIns: number
  readonly refreshes: number
  readonly requests: number
  readonly objectRequests: number
  /** Of each second, the share that the primary is at work. */
  readonly primaryBusy: number
}

/** What comes in the busiest second. Isolates read settings and keys evenly; the rest has its peak. */
export function peakOf(day: Counts): Peak {
  const { readSettings = 0, readKeys = 0, ...calls } = day
  const atPeak = (perDay: number) => (perDay / SECONDS_PER_DAY) * PEAK_TO_MEAN
  const reloads = (readSettings + readKeys) / SECONDS_PER_DAY
  const busyMs = atPeak(primaryMs(calls)) + reloads * D1_READ_MS.value
  return {
    registrations: atPeak(day.register ?? 0),
    logIns: atPeak(day.logIn ?? 0),
    refreshes: atPeak(day.refresh ?? 0),
    requests: atPeak(total(calls, 'requests')),
    objectRequests: atPeak(objectRequests(calls)),
    primaryBusy: busyMs / MS_PER_SECOND,
  }
}

function primaryMs(counts: Counts): number {
  return total(counts, 'd1Reads') * D1_READ_MS.value + total(counts, 'd1Writes') * D1_WRITE_MS.value
}

export function accountsPerDatabase(accountBytes: number): number {
  return MAX_DATABASE_BYTES.value / accountBytes
}

/** At the least, for all of them to register. */
export function hoursToRegister(accounts: number): number {
  return accounts / REGISTRATIONS_PER_SECOND / SECONDS_PER_HOUR
}

export const REGISTRATIONS_PER_SECOND = MS_PER_SECOND / D1_WRITE_MS.value
/** While the first read of each goes to the primary. */
export const LOG_INS_PER_SECOND = MS_PER_SECOND / D1_READ_MS.value
/** Isolates whose reads of settings and keys alone fill the primary. */
export function isolatesPerPrimary({ readSettings = 0, readKeys = 0 }: Counts, isolates: number): number {
  const readsPerSecond = (readSettings + readKeys) / SECONDS_PER_DAY
  return (isolates * MS_PER_SECOND) / D1_READ_MS.value / readsPerSecond
}

/** Addresses whose unchallenged guesses alone fill the primary. */
export const ADDRESSES_PER_PRIMARY = MS_PER_SECOND / D1_READ_MS.value / guessesPerSecond(1)

/** As many at a time as the rule's threshold, each for as long as it holds its place. */
export function logInsPerSecond(rule: 'login_failures_per_ip' | 'login_failures_per_account'): Span {
  const { threshold } = RULES[rule]
  const waitMs = ROUND_TRIPS_IN_PLACE * ROUND_TRIP_MS.value
  const cpuMs = OPERATIONS.logIn.localCpuMs
  const rate = (heldMs: number) => (threshold * MS_PER_SECOND) / heldMs
  return { low: rate(waitMs + cpuMs * PRODUCTION_TO_LOCAL_CPU), high: rate(waitMs + cpuMs) }
}

export const TOLD_PER_DAY = (TOLD_PER_CRON_RUN * SECONDS_PER_DAY) / CRON_SECONDS
