/**
 * The rules of an account's object, one function per RPC. Pure but for the ids of events: each takes the record, the request and
 * the time, and returns the result with the changes of the record. `check` and `list` change nothing: to them, a session that has
 * expired or that an operator has ended does not exist, and the alarm or the next change deletes it.
 */
import { type AccountEvent, claim, newAccountEvent } from '../outbox/events.ts'
import {
  type AccountRecord,
  type Active,
  deleteSession,
  findActive,
  findFamily,
  isAlive,
  type NextRecord,
  storeRecord,
  storeSession,
  type Transition,
  unchanged,
  withoutOldPages,
} from './account-record.ts'
import type {
  ActiveFamily,
  ActiveSession,
  ApplyStateRequest,
  EndAllRequest,
  EndBySecretRequest,
  EndBySecretResult,
  EndRequest,
  OpenFamilyRequest,
  OpenRequest,
  OpenResult,
  RotateRequest,
  RotateResult,
  SessionQuery,
  SessionsQuery,
} from './account-rpc.ts'
import {
  type ActivityType,
  type ChangedActivity,
  forgetActivity,
  isNewDevice,
  keepActivity,
  withActivity,
  withDevice,
} from './activity.ts'
import {
  type AccountState,
  beginSession,
  makeRoom,
  type Session,
  sessionUnderState,
  withFamily,
  withNewFamily,
} from './session.ts'
import { rotate as rotateFamily } from './token-family.ts'

export function open(record: AccountRecord, request: OpenRequest, nowMs: number): Transition<OpenResult> {
  const { state, policy, activity: type } = request
  const stored = record.account()?.state ?? null
  if (!mayOpen(stored, request)) {
    return unchanged({ outcome: 'stale', version: stored?.version ?? null })
  }
  const { sessions, activity, events } = underState(record, state, policy, nowMs)
  const row = beginSession(request.session, request.families, state.version, policy, nowMs)
  const { session } = row
  const written = isNewDevice(activity, session)
    ? [newAccountEvent('new_device_login', state.profile.id, session, nowMs)]
    : []
  const next = {
    state,
    sessions: [...makeRoom(sessions, policy), row],
    events: [...events, ...written],
    activity: withDevice(withActivity(activity, type, session, nowMs), session, nowMs),
  }
  const activeSession = { session, profile: state.profile }
  return storeRecord(record, next, { outcome: 'opened', activeSession, events: written }, nowMs)
}

/** @returns whether the object accepts the state that the Worker read, compared with the state that it has stored */
function mayOpen(stored: AccountState | null, { state, readFrom, replacesVersion }: OpenRequest): boolean {
  if (stored === null) return readFrom === 'primary'
  return state.version >= stored.version || (readFrom === 'primary' && replacesVersion === stored.version)
}

export function openFamily(
  record: AccountRecord,
  request: OpenFamilyRequest,
  nowMs: number,
): Transition<ActiveSession | null> {
  const active = findActive(record, request, nowMs)
  if (active === null) return unchanged(null)
  const row = withNewFamily(active.row, request.family, request.replacedId, request.policy, nowMs)
  return storeSession(row, { session: row.session, profile: active.state.profile })
}

export function rotate(
  record: AccountRecord,
  request: RotateRequest,
  nowMs: number,
): Transition<RotateResult> {
  const active = findActive(record, request, nowMs)
  // One that an operator has ended is refused from now on by isolates with older settings, too.
  if (active === null) return deleteSession(request.sessionId, { outcome: 'unknown' })
  const family = findFamily(active.row, request)
  if (family === null) return unchanged({ outcome: 'unknown' })
  const rotation = rotateFamily(family, request, request.policy, nowMs)
  if (rotation.outcome === 'unknown') return unchanged({ outcome: 'unknown' })
  if (rotation.outcome === 'reused') return endReused(record, active, request, nowMs)
  const row = withFamily(active.row, rotation.family, request.policy)
  const { outcome, family: rotated } = rotation
  const result = { outcome, active: { session: row.session, profile: active.state.profile, family: rotated } }
  return rotated === family ? unchanged(result) : storeSession(row, result)
}

export function check(record: AccountRecord, query: SessionQuery, nowMs: number): ActiveSession | null {
  const active = findActive(record, query, nowMs)
  return active && { session: active.row.session, profile: active.state.profile }
}

export function list(record: AccountRecord, query: SessionsQuery, nowMs: number): readonly Session[] {
  const newestUseFirst = (a: Session, b: Session) => b.lastUsedAt - a.lastUsedAt || (a.id < b.id ? 1 : -1)
  const live = record.sessions().filter((row) => isAlive(row, nowMs, query.sessionsNotBeforeMs))
  return live.map(({ session }) => session).toSorted(newestUseFirst)
}

export function end(record: AccountRecord, request: EndRequest, nowMs: number): Transition<boolean> {
  const active = findActive(record, request, nowMs)
  if (active === null || !mayEnd(record, request, nowMs)) return unchanged(false)
  return storeRecord(record, withoutSession(record, active, 'session_ended', request, nowMs), true, nowMs)
}

export function endBySecret(
  record: AccountRecord,
  request: EndBySecretRequest,
  nowMs: number,
): Transition<EndBySecretResult> {
  const active = findActive(record, request, nowMs)
  if (active === null) return unchanged('unknown')
  const families = request.presented.flatMap((presented) => findFamily(active.row, presented) ?? [])
  if (families.length === 0) return unchanged('unknown')
  const ofClient = families.some(({ clientId }) => clientId === (request.clientId ?? clientId))
  if (!ofClient) return unchanged('other_client')
  return storeRecord(record, withoutSession(record, active, 'session_ended', request, nowMs), 'ended', nowMs)
}

export function endAll(record: AccountRecord, request: EndAllRequest, nowMs: number): Transition<boolean> {
  const state = record.account()?.state
  if (!mayEnd(record, request, nowMs)) return unchanged(false)
  const sessions = record.sessions().filter(({ session }) => session.id === request.exceptId)
  if (state === undefined || sessions.length === record.sessions().length) return unchanged(true)
  const kept = keepActivity(record.activity(), request.policy, nowMs)
  const activity = withActivity(kept, 'sessions_ended', null, nowMs)
  return storeRecord(record, { state, sessions, activity, events: record.events() }, true, nowMs)
}

export function applyState(
  record: AccountRecord,
  { state, policy }: ApplyStateRequest,
  nowMs: number,
): Transition<ActiveFamily | null> {
  const stored = record.account()?.state ?? null
  const current = stored !== null && stored.version >= state.version ? stored : state
  const next = underState(record, current, policy, nowMs)
  return storeRecord(record, next, survivingFamily(next, state), nowMs)
}

/**
 * What the alarm does: deletes expired sessions, and the activity when its time is over, and claims events that are due.
 * @returns the events to be delivered; null if nothing remains but events, so that the whole record is to be deleted
 */
export function wake(record: AccountRecord, nowMs: number): Transition<readonly AccountEvent[]> | null {
  const account = record.account()
  const sessions = record.sessions().filter((row) => isAlive(row, nowMs))
  const row = record.activity()
  const activity = row !== null && nowMs < row.keepUntil ? { row, filled: null } : null
  if (account === null || (sessions.length === 0 && activity === null)) return null
  const events = record.events().map((event) => (event.dueAt <= nowMs ? claim(event, nowMs) : event))
  const claimed = events.filter((event) => !record.events().includes(event))
  const next = { state: account.state, sessions, activity, events }
  return withoutOldPages(record, storeRecord(record, next, claimed, nowMs, null), nowMs)
}

/** The Worker checked the requesting session before this RPC. The session may have ended since, because hashing takes time. */
function mayEnd(
  record: AccountRecord,
  { requestedBy: sessionId, ...query }: Pick<EndRequest, 'requestedBy' | 'sessionsNotBeforeMs'>,
  nowMs: number,
): boolean {
  return sessionId === undefined || findActive(record, { ...query, sessionId }, nowMs) !== null
}

function endReused(
  record: AccountRecord,
  active: Active,
  request: RotateRequest,
  nowMs: number,
): Transition<RotateResult> {
  const { state, row } = active
  const event = newAccountEvent('refresh_token_reused', state.profile.id, row.session, nowMs)
  const next = withoutSession(record, active, 'refresh_token_reused', request, nowMs)
  const result = { outcome: 'reused' as const, events: [event] }
  return storeRecord(record, { ...next, events: [...next.events, event] }, result, nowMs)
}

function withoutSession(
  record: AccountRecord,
  { state, row: { session } }: Active,
  type: ActivityType,
  { policy }: Pick<EndRequest, 'policy'>,
  nowMs: number,
): NextRecord {
  const sessions = record.sessions().filter((row) => row.session.id !== session.id)
  const kept = keepActivity(record.activity(), policy, nowMs)
  const activity = withActivity(kept, type, session, nowMs)
  return { state, sessions, activity, events: record.events() }
}

/**
 * Ends or renews the sessions of a version that the state no longer accepts; ends all of a disabled or deleted account. Drops the
 * events of a deleted account.
 */
function underState(
  record: AccountRecord,
  state: AccountState,
  policy: OpenRequest['policy'],
  nowMs: number,
): NextRecord & { readonly activity: ChangedActivity } {
  const live = record.sessions().filter((row) => isAlive(row, nowMs))
  const isDeleted = state.profile === null
  const kept = isDeleted ? forgetActivity(nowMs) : keepActivity(record.activity(), policy, nowMs)
  const events = isDeleted ? [] : record.events()
  if (record.account()?.state.version === state.version)
    return { state, sessions: live, activity: kept, events }
  const sessions = live.flatMap((row) => sessionUnderState(row, state, policy, nowMs) ?? [])
  // Only a change of the password renews a session.
  const renewed = sessions.find((row) => !live.includes(row))
  const activity =
    renewed === undefined ? kept : withActivity(kept, 'password_changed', renewed.session, nowMs)
  return { state, sessions, activity, events }
}

/** @param state the published state, which may be older than that of the record */
function survivingFamily(next: NextRecord, { survivingSession }: AccountState): ActiveFamily | null {
  const row = next.sessions.find(({ session }) => session.id === survivingSession?.id)
  if (row === undefined || survivingSession === null || next.state.profile === null) return null
  const family = findFamily(row, survivingSession)
  return family && { session: row.session, profile: next.state.profile, family }
}
