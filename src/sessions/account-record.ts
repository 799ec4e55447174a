/** The rows that an account's object stores, and how they are read and changed. */
import { constantTimeEqual } from '../crypto/bytes.ts'
import type { AccountEvent } from '../outbox/events.ts'
import type { EndRequest, PresentedFamily } from './account-rpc.ts'
import type { ActivityRow } from './activity.ts'
import type { AccountState, LiveState, SessionRow } from './session.ts'
import type { TokenFamily } from './token-family.ts'

export interface AccountRow {
  readonly format: 1
  readonly state: AccountState
  /** The time of the alarm, in unix milliseconds. A time in the past means that no alarm is set. */
  readonly alarmAt: number
}

type Row = AccountRow | SessionRow | ActivityRow | AccountEvent

/** A row to store under a key; null deletes it. */
type Write = readonly [key: string, row: Row | null]

/** What an RPC or an alarm does: its result and the changes of the record. */
export interface Transition<Result> {
  readonly result: Result
  readonly writes: readonly Write[]
  /** When to wake the object, in unix milliseconds, if an alarm has to be set. */
  readonly alarmAt?: number
}

/** The whole record after a change. */
export interface NextRecord {
  readonly state: AccountState
  readonly sessions: readonly SessionRow[]
  /** Null once it has been deleted. */
  readonly activity: ActivityRow | null
  /** Those that are not known to be delivered. */
  readonly events: readonly AccountEvent[]
}

/** A storage of rows by key: that of the object, or a map. */
export interface StoredRows {
  get<T>(key: string): T | undefined
  list<T>(options: { readonly prefix: string }): Iterable<[string, T]>
}

const ACCOUNT_KEY = 'account'
const ACTIVITY_KEY = 'activity'
const SESSION_PREFIX = 'session:'
const EVENT_PREFIX = 'event:'

/** The record at the time of one RPC or alarm. Reads only the rows that it needs, each once: unchanged rows stay the same objects. */
export class AccountRecord {
  readonly #rows: StoredRows
  #account: AccountRow | null = null
  #activity: ActivityRow | null = null
  #sessions: readonly SessionRow[] | null = null
  #events: readonly AccountEvent[] | null = null

  constructor(rows: StoredRows) {
    this.#rows = rows
  }

  /** @returns null if nothing is stored */
  account(): AccountRow | null {
    this.#account ??= this.#rows.get<AccountRow>(ACCOUNT_KEY) ?? null
    return this.#account
  }

  activity(): ActivityRow | null {
    this.#activity ??= this.#rows.get<ActivityRow>(ACTIVITY_KEY) ?? null
    return this.#activity
  }

  session(id: string): SessionRow | null {
    return this.#rows.get<SessionRow>(SESSION_PREFIX + id) ?? null
  }

  /** Also those that have expired and are not deleted yet. */
  sessions(): readonly SessionRow[] {
    this.#sessions ??= [...this.#rows.list<SessionRow>({ prefix: SESSION_PREFIX })].map(([, row]) => row)
    return this.#sessions
  }

  events(): readonly AccountEvent[] {
    this.#events ??= [...this.#rows.list<AccountEvent>({ prefix: EVENT_PREFIX })].map(([, row]) => row)
    return this.#events
  }
}

/** A live session of an account that is not deleted. */
export interface Active {
  readonly state: LiveState
  readonly row: SessionRow
}

/** @returns null if the session has ended or expired */
export function findActive(
  record: AccountRecord,
  { sessionId, sessionsNotBeforeMs }: Pick<EndRequest, 'sessionId' | 'sessionsNotBeforeMs'>,
  nowMs: number,
): Active | null {
  const state = record.account()?.state
  const row = record.session(sessionId)
  if (row === null || !isAlive(row, nowMs, sessionsNotBeforeMs)) return null
  return state === undefined || !isLive(state) ? null : { state, row }
}

function isLive(state: AccountState): state is LiveState {
  return state.profile !== null
}

export function isAlive({ session }: SessionRow, nowMs: number, sessionsNotBeforeMs = 0): boolean {
  return nowMs < session.expiresAt && session.createdAt >= sessionsNotBeforeMs
}

/** @returns null unless the session has the family, with this secret */
export function findFamily(row: SessionRow, { familyId, secretHash }: PresentedFamily): TokenFamily | null {
  const family = row.families.find(({ id }) => id === familyId)
  return family !== undefined && constantTimeEqual(family.secretHash, secretHash) ? family : null
}

export function unchanged<Result>(result: Result): Transition<Result> {
  return { result, writes: [] }
}

/** Stores one session, whose end has moved to a later time at most. An alarm may thus be too early, which does no harm. */
export function storeSession<Result>(row: SessionRow, result: Result): Transition<Result> {
  return { result, writes: [[SESSION_PREFIX + row.session.id, row]] }
}

/** Deletes one session, which may have been deleted already. The alarm may be too early then, too. */
export function deleteSession<Result>(id: string, result: Result): Transition<Result> {
  return { result, writes: [[SESSION_PREFIX + id, null]] }
}

/** Deletes events, which may have been deleted already. The alarm may be too early then, too. */
export function deleteEvents(ids: readonly string[]): Transition<void> {
  return { result: undefined, writes: ids.map((id) => [EVENT_PREFIX + id, null]) }
}

/**
 * Stores the rows that differ from those of the record, and sets the alarm. A pending alarm that is earlier stays: it sets the next one.
 * @param pendingAlarmAt the time of the pending alarm; null for none
 */
export function storeRecord<Result>(
  record: AccountRecord,
  next: NextRecord,
  result: Result,
  nowMs: number,
  pendingAlarmAt = pendingAlarm(record, nowMs),
): Transition<Result> {
  const account = record.account()
  const wakeBy = nextAlarm(next, nowMs)
  const isPending = pendingAlarmAt !== null && pendingAlarmAt <= wakeBy
  const alarmAt = isPending ? pendingAlarmAt : wakeBy
  const isStored = account?.state.version === next.state.version && account.alarmAt === alarmAt
  const writes = [
    ...rowWrites(({ session }) => SESSION_PREFIX + session.id, record.sessions(), next.sessions),
    ...rowWrites(({ id }) => EVENT_PREFIX + id, record.events(), next.events),
  ]
  if (next.activity !== record.activity()) writes.push([ACTIVITY_KEY, next.activity])
  if (!isStored) writes.push([ACCOUNT_KEY, { format: 1, state: next.state, alarmAt }])
  return { result, writes, ...(isPending ? {} : { alarmAt }) }
}

/** @returns when something is to be deleted or delivered: the first session that expires, the activity, the first event that is due */
export function nextAlarm({ sessions, activity, events }: NextRecord, nowMs: number): number {
  const ends = [...sessions.map(({ session }) => session.expiresAt), ...events.map(({ dueAt }) => dueAt)]
  const times = activity === null ? ends : [...ends, activity.keepUntil]
  return times.length === 0 ? nowMs : Math.min(...times)
}

function pendingAlarm(record: AccountRecord, nowMs: number): number | null {
  const alarmAt = record.account()?.alarmAt ?? 0
  return alarmAt > nowMs ? alarmAt : null
}

function rowWrites<T extends Row>(
  keyOf: (row: T) => string,
  before: readonly T[],
  after: readonly T[],
): Write[] {
  const remaining = new Set(after.map(keyOf))
  const removed = before.map(keyOf).filter((key) => !remaining.has(key))
  const changed = after.filter((row) => !before.includes(row))
  return [...removed.map((key): Write => [key, null]), ...changed.map((row): Write => [keyOf(row), row])]
}
