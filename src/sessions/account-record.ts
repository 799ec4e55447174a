/** The rows that an account's object stores, and how they are read and changed. */
import type { ProfileFields } from '../accounts/account.ts'
import { constantTimeEqual } from '../crypto/bytes.ts'
import type { AccountEvent } from '../outbox/events.ts'
import type { EndRequest, PresentedFamily } from './account-rpc.ts'
import { type ActivityPage, type ActivityRow, type ChangedActivity, placeOf } from './activity.ts'
import type { AccountState, LiveState, SessionRow } from './session.ts'
import type { TokenFamily } from './token-family.ts'

export interface AccountRow {
  readonly format: 1
  readonly state: AccountState
  /** The time of the alarm, in unix milliseconds. A time in the past means that no alarm is set. */
  readonly alarmAt: number
  /** Those that are not known to be delivered. They are rare, so no row of their own has to be looked for at each login. */
  readonly events: readonly AccountEvent[]
}

type Row = AccountRow | SessionRow | ActivityRow | ActivityPage

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
  readonly activity: ChangedActivity | null
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
const PAGE_PREFIX = 'activity:'

/** The record at the time of one RPC or alarm. Reads only the rows that it needs, each once: unchanged rows stay the same objects. */
export class AccountRecord {
  readonly #rows: StoredRows
  #account: AccountRow | null = null
  #activity: ActivityRow | null = null
  #sessions: readonly SessionRow[] | null = null

  constructor(rows: StoredRows) {
    this.#rows = rows
  }

  /** @returns null if nothing is stored */
  account(): AccountRow | null {
    this.#account ??= withProfileFields(this.#rows.get<AccountRow>(ACCOUNT_KEY) ?? null)
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

  /** Those that are not known to be delivered. */
  events(): readonly AccountEvent[] {
    return this.account()?.events ?? []
  }

  /** The pages of earlier activities, by key. No login needs them. */
  activityPages(): readonly (readonly [key: string, page: ActivityPage])[] {
    return [...this.#rows.list<ActivityPage>({ prefix: PAGE_PREFIX })]
  }
}

const UNSET: ProfileFields = { name: null, picture: null, locale: null, zoneinfo: null }

/** A state that was published before profiles had these fields has them as null. */
function withProfileFields(row: AccountRow | null): AccountRow | null {
  const profile = row?.state.profile
  if (row === null || !profile || Object.hasOwn(profile, 'name')) return row
  return { ...row, state: { ...row.state, profile: { ...UNSET, ...profile } } }
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

/** Removes events, which may have been removed already. The alarm may be too early then, too. */
export function removeEvents(record: AccountRecord, ids: readonly string[]): Transition<void> {
  const account = record.account()
  const events = record.events().filter(({ id }) => !ids.includes(id))
  if (account === null || events.length === record.events().length) return unchanged(undefined)
  return { result: undefined, writes: [[ACCOUNT_KEY, { ...account, events }]] }
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
  const { state, events } = next
  const wakeBy = nextAlarm(next, nowMs)
  const isPending = pendingAlarmAt !== null && pendingAlarmAt <= wakeBy
  const alarmAt = isPending ? pendingAlarmAt : wakeBy
  const writes = [
    ...sessionWrites(record.sessions(), next.sessions),
    ...activityWrites(record, next.activity),
  ]
  if (!isStored(record.account(), { ...next, alarmAt }))
    writes.push([ACCOUNT_KEY, { format: 1, state, alarmAt, events }])
  return { result, writes, ...(isPending ? {} : { alarmAt }) }
}

/** Also deletes the pages of activities whose time is over. */
export function withoutOldPages<Result>(
  record: AccountRecord,
  transition: Transition<Result>,
  nowMs: number,
): Transition<Result> {
  const old = record.activityPages().filter(([, { keepUntil }]) => keepUntil <= nowMs)
  return { ...transition, writes: [...transition.writes, ...old.map(([key]): Write => [key, null])] }
}

function isStored(
  account: AccountRow | null,
  next: Pick<AccountRow, 'state' | 'alarmAt' | 'events'>,
): boolean {
  if (account?.state.version !== next.state.version || account.alarmAt !== next.alarmAt) return false
  const { events } = account
  return events.length === next.events.length && events.every((event, at) => event === next.events[at])
}

/** @returns when something is to be deleted or delivered: the first session that expires, the activity, the first event that is due */
export function nextAlarm({ sessions, activity, events }: NextRecord, nowMs: number): number {
  const ends = [...sessions.map(({ session }) => session.expiresAt), ...events.map(({ dueAt }) => dueAt)]
  const times = activity === null ? ends : [...ends, activity.row.keepUntil]
  return times.length === 0 ? nowMs : Math.min(...times)
}

function pendingAlarm(record: AccountRecord, nowMs: number): number | null {
  const alarmAt = record.account()?.alarmAt ?? 0
  return alarmAt > nowMs ? alarmAt : null
}

function sessionWrites(before: readonly SessionRow[], after: readonly SessionRow[]): Write[] {
  const keyOf = ({ session }: SessionRow) => SESSION_PREFIX + session.id
  const remaining = new Set(after.map(keyOf))
  const removed = before.map(keyOf).filter((key) => !remaining.has(key))
  const changed = after.filter((row) => !before.includes(row))
  return [...removed.map((key): Write => [key, null]), ...changed.map((row): Write => [keyOf(row), row])]
}

function activityWrites(record: AccountRecord, next: ChangedActivity | null): Write[] {
  const stored = record.activity()
  if (next?.row === stored) return []
  const row: Write = [ACTIVITY_KEY, next?.row ?? null]
  if (next === null || next.row.pages < (stored?.pages ?? 0))
    return [row, ...record.activityPages().map(([key]): Write => [key, null])]
  return next.filled === null ? [row] : [row, [PAGE_PREFIX + placeOf(next.row.pages - 1), next.filled]]
}
