/** Capacity: the limits of one database, one object and one IP address, and how busy a day makes the primary. */
import { objectRequests, type Span, total } from './bill.ts'
import { OPERATIONS, PRODUCTION_TO_LOCAL_CPU } from './operations.ts'
import { D1_READ_MS, D1_WRITE_MS, MAX_DATABASE_BYTES, ROUND_TRIP_MS } from './platform.ts'
import {
  type Counts,
  guessesPerSecond,
  OUTBOX_CRON_SECONDS,
  PEAK_TO_MEAN,
  PUBLISHED_PER_CRON_RUN,
  RECORD_READ_SECONDS,
  RULES,
  SECONDS_PER_DAY,
} from './traffic.ts'

/** Round trips of a login between its reservation and its settlement. */
const ROUND_TRIPS_RESERVED = 5
const MS_PER_SECOND = 1_000
const SECONDS_PER_HOUR = 3_600

export interface Peak {
  readonly registrations: number
  readonly logins: number
  readonly refreshes: number
  readonly requests: number
  readonly objectRequests: number
  /** The share of each second in which the primary is busy. */
  readonly primaryBusy: number
}

/** The busiest second. Isolates read keys and settings at a constant rate; everything else has a peak. */
export function peakOf(day: Counts): Peak {
  const { readRecord = 0, ...calls } = day
  const atPeak = (perDay: number) => (perDay / SECONDS_PER_DAY) * PEAK_TO_MEAN
  const reloads = readRecord / SECONDS_PER_DAY
  const busyMs = atPeak(primaryMs(calls)) + reloads * D1_READ_MS.value
  return {
    registrations: atPeak(day.register ?? 0),
    logins: atPeak(day.login ?? 0),
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

/** The minimum time for all of them to register. */
export function hoursToRegister(accounts: number): number {
  return accounts / REGISTRATIONS_PER_SECOND / SECONDS_PER_HOUR
}

export const REGISTRATIONS_PER_SECOND = MS_PER_SECOND / D1_WRITE_MS.value
/** Without read replicas: the first read of each login goes to the primary. */
export const LOGINS_PER_SECOND = MS_PER_SECOND / D1_READ_MS.value
/** Signing keys, naming key, settings. */
const STATEMENTS_PER_RECORD = 3

/** What isolates cost the primary, a second, by their reads of keys and settings alone. */
export interface IsolateLoad {
  readonly trips: number
  readonly statements: number
  readonly rowsRead: number
  /** The share of each second in which the primary is busy: with a whole read's time for each batch, and for each statement. */
  readonly primaryBusy: Span
}

/** If every one of them has a request every few seconds: an idle isolate reads nothing. */
export function isolateLoad(isolates: number): IsolateLoad {
  const trips = isolates / RECORD_READ_SECONDS
  const busy = (reads: number) => (reads * D1_READ_MS.value) / MS_PER_SECOND
  const statements = trips * STATEMENTS_PER_RECORD
  const rowsRead = trips * OPERATIONS.readRecord.d1RowsRead
  return { trips, statements, rowsRead, primaryBusy: { low: busy(trips), high: busy(statements) } }
}

/** How many isolates fully load the primary by these reads. */
export function isolatesPerPrimary(): Span {
  const { low, high } = isolateLoad(1).primaryBusy
  return { low: 1 / high, high: 1 / low }
}

/** How many IP addresses fully load the primary by their unchallenged guesses alone. */
export const ADDRESSES_PER_PRIMARY = MS_PER_SECOND / D1_READ_MS.value / guessesPerSecond(1)

/** The rule's threshold is the number of reservations at a time; each lasts as long as its login. */
export function loginsPerSecond(rule: 'login_failures_per_ip' | 'login_failures_per_account'): Span {
  const { threshold } = RULES[rule]
  const waitMs = ROUND_TRIPS_RESERVED * ROUND_TRIP_MS.value
  const cpuMs = OPERATIONS.login.localCpuMs
  const rate = (heldMs: number) => (threshold * MS_PER_SECOND) / heldMs
  return { low: rate(waitMs + cpuMs * PRODUCTION_TO_LOCAL_CPU), high: rate(waitMs + cpuMs) }
}

export const PUBLISHED_PER_HOUR = (PUBLISHED_PER_CRON_RUN * SECONDS_PER_HOUR) / OUTBOX_CRON_SECONDS
