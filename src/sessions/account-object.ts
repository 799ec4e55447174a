/**
 * One Durable Object per account, named by the account's id. It stores the account's sessions and its whole AccountState,
 * which includes the profile that tokens and `GET /auth/me` need. Storage is read and written synchronously, so RPCs never
 * interleave and each RPC is one transaction. It never derives a password hash, because that would block all other RPCs of the
 * account.
 */
import { DurableObject } from 'cloudflare:workers'
import { type Bytes, constantTimeEqual } from '../crypto/bytes.ts'
import type {
  ActiveSession,
  OpenRequest,
  OpenResult,
  ResumeRequest,
  RotateRequest,
  RotateResult,
} from './account-rpc.ts'
import { beginSession, excessSessions, recordUse, rotate, sessionUnderState } from './rotation.ts'
import type { AccountState, Session, SessionPolicy } from './session.ts'

/** How long the version is stored after the last session or state update, so that a stale read is still detected. */
const RETENTION_MS = 86_400_000
const STATE_KEY = 'account'
const SESSION_PREFIX = 'session:'

interface StoredAccount {
  readonly state: AccountState
  /** When the version may be deleted, in unix milliseconds; null while a session is alive. */
  readonly keepUntil: number | null
  /** The time of the alarm, in unix milliseconds. A time in the past means that no alarm is set. */
  readonly wakeAt: number
}

export class AccountObject extends DurableObject {
  open(request: OpenRequest): OpenResult {
    const nowMs = Date.now()
    const account = this.#account()
    const { state, policy } = request
    if (!mayOpen(account?.state ?? null, request)) {
      return { outcome: 'stale', version: account?.state.version ?? null }
    }
    if (account?.state.version !== state.version) this.#applyToSessions(state, policy, nowMs)
    for (const id of excessSessions(this.#liveSessions(nowMs), policy)) this.#deleteSession(id)
    const session = beginSession(request.session, state.version, policy, nowMs)
    this.#putSession(session)
    this.#saveAccount(state, null, nowMs)
    return { outcome: 'opened', activeSession: { session, profile: state.profile } }
  }

  rotate({ sessionId, secretHash, generation, policy, sessionsNotBeforeMs }: RotateRequest): RotateResult {
    const nowMs = Date.now()
    const profile = this.#account()?.state.profile ?? null
    const session = this.#getOrRevoke(sessionsNotBeforeMs, sessionId, nowMs)
    if (profile === null || session === null || !constantTimeEqual(session.secretHash, secretHash)) {
      return { outcome: 'unknown' }
    }
    const rotation = rotate(session, generation, policy, nowMs)
    if (rotation.outcome === 'reused') this.#endSessions([sessionId], nowMs)
    if (rotation.outcome === 'reused' || rotation.outcome === 'unknown') return { outcome: rotation.outcome }
    if (rotation.outcome === 'rotated') this.#putSession(rotation.session)
    return { outcome: rotation.outcome, activeSession: { session: rotation.session, profile } }
  }

  /** @param sessionsNotBeforeMs as in RotateRequest @returns the session with the profile; null if it has ended */
  check(sessionId: string, sessionsNotBeforeMs: number): ActiveSession | null {
    const nowMs = Date.now()
    const profile = this.#account()?.state.profile ?? null
    const session = this.#getOrRevoke(sessionsNotBeforeMs, sessionId, nowMs)
    const alive = session !== null && nowMs < session.expiresAt
    return alive && profile !== null ? { session, profile } : null
  }

  /**
   * Checks a session that the hosted pages use, and records the use. The pages do not rotate tokens.
   * @returns null if the session has ended
   */
  resume({ sessionId, secretHash, policy, sessionsNotBeforeMs }: ResumeRequest): ActiveSession | null {
    const nowMs = Date.now()
    const activeSession = this.check(sessionId, sessionsNotBeforeMs)
    if (activeSession === null || !constantTimeEqual(activeSession.session.secretHash, secretHash))
      return null
    const session = recordUse(activeSession.session, policy, nowMs)
    if (session !== activeSession.session) this.#putSession(session)
    return { ...activeSession, session }
  }

  /** Lists the live sessions, the most recently used first. @param sessionsNotBeforeMs as in RotateRequest */
  list(sessionsNotBeforeMs: number): readonly Session[] {
    const newestUseFirst = (a: Session, b: Session) => b.lastUsedAt - a.lastUsedAt || (a.id < b.id ? 1 : -1)
    const live = this.#liveSessions(Date.now()).filter(({ createdAt }) => createdAt >= sessionsNotBeforeMs)
    return live.toSorted(newestUseFirst)
  }

  /**
   * Ends one session.
   * @param sessionsNotBeforeMs as in RotateRequest
   * @param requestedBy the id of the session that requests this; if that session has ended, nothing is ended
   * @returns whether the session was alive and is ended now
   */
  end(sessionId: string, sessionsNotBeforeMs = 0, requestedBy?: string): boolean {
    if (!this.#mayEnd(requestedBy, sessionsNotBeforeMs)) return false
    const nowMs = Date.now()
    const session = this.#getOrRevoke(sessionsNotBeforeMs, sessionId, nowMs)
    if (session === null) return false
    this.#endSessions([sessionId], nowMs)
    return nowMs < session.expiresAt
  }

  /** Ends the session of a refresh token, whatever the token's generation is. */
  endBySecret(sessionId: string, secretHash: Bytes): void {
    const session = this.#getSession(sessionId)
    if (session === null || !constantTimeEqual(session.secretHash, secretHash)) return
    this.#endSessions([sessionId], Date.now())
  }

  /**
   * Ends all sessions.
   * @param exceptId the id of a session that is not ended
   * @param requestedBy as in `end`
   * @returns whether the sessions were ended
   */
  endAll(exceptId?: string, requestedBy?: string): boolean {
    if (!this.#mayEnd(requestedBy)) return false
    const ids = this.#sessions().flatMap(({ id }) => (id === exceptId ? [] : [id]))
    this.#endSessions(ids, Date.now())
    return true
  }

  /**
   * Stores the account's state if its version is higher than the stored one, and ends the sessions that the state ends. A
   * repeated call ends and renews no session.
   * @returns the surviving session of the state, while it is alive and has the secret that the state gives it
   */
  applyState(state: AccountState, policy: SessionPolicy): ActiveSession | null {
    const nowMs = Date.now()
    const account = this.#account()
    const isNew = account === null || state.version > account.state.version
    if (isNew) this.#applyToSessions(state, policy, nowMs)
    const current = isNew ? state : account.state
    this.#saveAccount(current, null, nowMs)
    if (state.survivingSession === null) return null
    const { id, secretHash } = state.survivingSession
    const activeSession = this.check(id, 0)
    const renewed = activeSession !== null && constantTimeEqual(activeSession.session.secretHash, secretHash)
    return renewed ? activeSession : null
  }

  /** Deletes expired sessions, and everything one day after the last session ended or the state was last stored. */
  override async alarm(): Promise<void> {
    const nowMs = Date.now()
    const account = this.#account()
    const live = this.#liveSessions(nowMs)
    const isOver = account === null || (account.keepUntil !== null && nowMs >= account.keepUntil)
    if (live.length === 0 && isOver) return this.ctx.storage.deleteAll()
    if (account === null) return
    // The alarm is no longer set, even if it ran too early to delete anything.
    this.#putAccount({ ...account, wakeAt: nowMs })
    this.#saveAccount(account.state, account.keepUntil, nowMs)
  }

  /** Ends or renews the sessions of a version that the new state no longer accepts; ends all of a disabled or deleted account. */
  #applyToSessions(state: AccountState, policy: SessionPolicy, nowMs: number): void {
    for (const session of this.#sessions()) {
      const updated = sessionUnderState(session, state, policy, nowMs)
      if (updated === null) this.#deleteSession(session.id)
      else if (updated !== session) this.#putSession(updated)
    }
  }

  /** The Worker checked the requesting session before this RPC. The session may have ended since, because hashing takes time. */
  #mayEnd(requestedBy: string | undefined, sessionsNotBeforeMs = 0): boolean {
    return requestedBy === undefined || this.check(requestedBy, sessionsNotBeforeMs) !== null
  }

  #endSessions(ids: readonly string[], nowMs: number): void {
    for (const id of ids) this.#deleteSession(id)
    const account = this.#account()
    if (account !== null) this.#saveAccount(account.state, account.keepUntil, nowMs)
  }

  /** @returns null for an unknown id. Deletes a session that was created before `sessionsNotBeforeMs` and returns null. */
  #getOrRevoke(sessionsNotBeforeMs: number, id: string, nowMs: number): Session | null {
    const session = this.#getSession(id)
    if (session === null || session.createdAt >= sessionsNotBeforeMs) return session
    this.#endSessions([id], nowMs)
    return null
  }

  /** Writes the account state and reschedules the alarm if either changed. */
  #saveAccount(state: AccountState, keepUntil: number | null, nowMs: number): void {
    const account = this.#account()
    const ends = this.#liveSessions(nowMs).map(({ expiresAt }) => expiresAt)
    const deleteAt = ends.length > 0 ? null : (keepUntil ?? nowMs + RETENTION_MS)
    const wakeBy = deleteAt ?? Math.min(...ends)
    const pendingAt = account !== null && account.wakeAt > nowMs ? account.wakeAt : null
    const wakeAt = Math.min(wakeBy, pendingAt ?? wakeBy)
    if (wakeAt !== pendingAt) this.ctx.storage.setAlarm(wakeAt)
    const same =
      account?.state.version === state.version && account.keepUntil === deleteAt && account.wakeAt === wakeAt
    if (!same) this.#putAccount({ state, keepUntil: deleteAt, wakeAt })
  }

  #putAccount(account: StoredAccount): void {
    this.ctx.storage.kv.put(STATE_KEY, account)
  }

  /** Returns the live sessions, and deletes the expired ones. */
  #liveSessions(nowMs: number): readonly Session[] {
    const sessions = this.#sessions()
    for (const { id, expiresAt } of sessions) {
      if (nowMs >= expiresAt) this.#deleteSession(id)
    }
    return sessions.filter(({ expiresAt }) => nowMs < expiresAt)
  }

  #account(): StoredAccount | null {
    return this.ctx.storage.kv.get<StoredAccount>(STATE_KEY) ?? null
  }

  #sessions(): readonly Session[] {
    return [...this.ctx.storage.kv.list<Session>({ prefix: SESSION_PREFIX })].map(([, session]) => session)
  }

  #getSession(id: string): Session | null {
    return this.ctx.storage.kv.get<Session>(SESSION_PREFIX + id) ?? null
  }

  #putSession(session: Session): void {
    this.ctx.storage.kv.put(SESSION_PREFIX + session.id, session)
  }

  #deleteSession(id: string): void {
    this.ctx.storage.kv.delete(SESSION_PREFIX + id)
  }
}

type Rpc = 'open' | 'rotate' | 'check' | 'resume' | 'list' | 'end' | 'endBySecret' | 'endAll' | 'applyState'

/** The object's RPCs, as seen by the calling Worker: the platform's own stub type cannot express results that are unions. */
export type AccountStub = {
  readonly [Name in Rpc]: (
    ...args: Parameters<AccountObject[Name]>
  ) => Promise<ReturnType<AccountObject[Name]>>
}

/** @returns whether the object accepts the state that the Worker read, compared with the state that it has stored */
function mayOpen(stored: AccountState | null, { state, readFrom, replacesVersion }: OpenRequest): boolean {
  if (stored === null) return readFrom === 'primary'
  return state.version >= stored.version || (readFrom === 'primary' && replacesVersion === stored.version)
}
