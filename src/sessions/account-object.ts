/**
 * One Durable Object per account, named by the account's id: its sessions, its version, and the profile that
 * tokens and `GET /auth/me` need. Storage is read and written synchronously, so no two calls interleave and
 * each call is one transaction. It never derives a password: that would block everybody else's call.
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
import { beginSession, overflow, rotate, touch, underState } from './rotation.ts'
import type { AccountState, Session, SessionPolicy } from './session.ts'

/** How long the version is kept after the last session or telling, so that a stale read is still noticed. */
const RETENTION_MS = 86_400_000
const STATE_KEY = 'account'
const SESSION_PREFIX = 'session:'

interface Held {
  readonly state: AccountState
  /** When the version may be forgotten, in unix milliseconds; null while a session lives. */
  readonly keepUntil: number | null
  /** When the alarm is set to go off, in unix milliseconds; one in the past is spent. */
  readonly wakeAt: number
}

export class AccountObject extends DurableObject {
  open(request: OpenRequest): OpenResult {
    const nowMs = Date.now()
    const held = this.#held()
    const { state, policy } = request
    if (!mayOpen(held?.state ?? null, request)) {
      return { outcome: 'stale', version: held?.state.version ?? null }
    }
    if (held?.state.version !== state.version) this.#endOthers(state, policy, nowMs)
    for (const id of overflow(this.#liveSessions(nowMs), policy)) this.#delete(id)
    const session = beginSession(request.session, state.version, policy, nowMs)
    this.#put(session)
    this.#hold(state, null, nowMs)
    return { outcome: 'opened', activeSession: { session, profile: state.profile } }
  }

  rotate({ sessionId, secretHash, generation, policy, sessionsNotBeforeMs }: RotateRequest): RotateResult {
    const nowMs = Date.now()
    const profile = this.#held()?.state.profile ?? null
    const known = this.#begunSince(sessionsNotBeforeMs, sessionId, nowMs)
    if (profile === null || known === null || !constantTimeEqual(known.secretHash, secretHash)) {
      return { outcome: 'unknown' }
    }
    const rotation = rotate(known, generation, policy, nowMs)
    if (rotation.outcome === 'reused') this.#end([sessionId], nowMs)
    if (rotation.outcome === 'reused' || rotation.outcome === 'unknown') return { outcome: rotation.outcome }
    if (rotation.outcome === 'rotated') this.#put(rotation.session)
    return { outcome: rotation.outcome, activeSession: { session: rotation.session, profile } }
  }

  /**
   * @param sessionsNotBeforeMs as in RotateRequest
   * @returns what is known of the session while it lives, else null
   */
  check(sessionId: string, sessionsNotBeforeMs: number): ActiveSession | null {
    const nowMs = Date.now()
    const profile = this.#held()?.state.profile ?? null
    const session = this.#begunSince(sessionsNotBeforeMs, sessionId, nowMs)
    const alive = session !== null && nowMs < session.expiresAt
    return alive && profile !== null ? { session, profile } : null
  }

  /**
   * The use of a session by hosted pages, which rotate nothing.
   * @returns null where it has ended
   */
  resume({ sessionId, secretHash, policy, sessionsNotBeforeMs }: ResumeRequest): ActiveSession | null {
    const nowMs = Date.now()
    const activeSession = this.check(sessionId, sessionsNotBeforeMs)
    if (activeSession === null || !constantTimeEqual(activeSession.session.secretHash, secretHash))
      return null
    const session = touch(activeSession.session, policy, nowMs)
    if (session !== activeSession.session) this.#put(session)
    return { ...activeSession, session }
  }

  /**
   * The live sessions, newest use first.
   * @param sessionsNotBeforeMs as in RotateRequest
   */
  list(sessionsNotBeforeMs: number): readonly Session[] {
    const newestUseFirst = (a: Session, b: Session) => b.lastUsedAt - a.lastUsedAt || (a.id < b.id ? 1 : -1)
    const live = this.#liveSessions(Date.now()).filter(({ createdAt }) => createdAt >= sessionsNotBeforeMs)
    return live.toSorted(newestUseFirst)
  }

  /**
   * @param sessionsNotBeforeMs as in RotateRequest
   * @param askedById of the session that asks: if it has ended since, nothing else ends
   * @returns whether the session was alive, and was ended
   */
  end(sessionId: string, sessionsNotBeforeMs = 0, askedById?: string): boolean {
    if (!this.#mayEnd(askedById, sessionsNotBeforeMs)) return false
    const nowMs = Date.now()
    const session = this.#begunSince(sessionsNotBeforeMs, sessionId, nowMs)
    if (session === null) return false
    this.#end([sessionId], nowMs)
    return nowMs < session.expiresAt
  }

  /** Ends the session that a refresh token of any generation belongs to. */
  endBySecret(sessionId: string, secretHash: Bytes): void {
    const session = this.#session(sessionId)
    if (session === null || !constantTimeEqual(session.secretHash, secretHash)) return
    this.#end([sessionId], Date.now())
  }

  /**
   * @param exceptId of a session that stays; `askedById` is as in `end`
   * @returns whether they were ended
   */
  endAll(exceptId?: string, askedById?: string): boolean {
    if (!this.#mayEnd(askedById)) return false
    const ids = this.#sessions().flatMap(({ id }) => (id === exceptId ? [] : [id]))
    this.#end(ids, Date.now())
    return true
  }

  /**
   * Takes the account's state if it is higher than what is held, and ends the sessions that it ends. Told again,
   * it ends and renews nothing.
   * @returns the session that the state keeps, while it lives under the secret of that state
   */
  tell(state: AccountState, policy: SessionPolicy): ActiveSession | null {
    const nowMs = Date.now()
    const held = this.#held()
    const news = held === null || state.version > held.state.version
    if (news) this.#endOthers(state, policy, nowMs)
    const current = news ? state : held.state
    this.#hold(current, null, nowMs)
    if (state.survivingSession === null) return null
    const { id, secretHash } = state.survivingSession
    const activeSession = this.check(id, 0)
    const renewed = activeSession !== null && constantTimeEqual(activeSession.session.secretHash, secretHash)
    return renewed ? activeSession : null
  }

  /** Clears what has expired; forgets the account a day after its last session or telling. */
  override async alarm(): Promise<void> {
    const nowMs = Date.now()
    const held = this.#held()
    const live = this.#liveSessions(nowMs)
    const forgotten = held === null || (held.keepUntil !== null && nowMs >= held.keepUntil)
    if (live.length === 0 && forgotten) return this.ctx.storage.deleteAll()
    if (held === null) return
    // The alarm that was set is spent, even where it went off too early to clear anything.
    this.#write({ ...held, wakeAt: nowMs })
    this.#hold(held.state, held.keepUntil, nowMs)
  }

  /** Ends or renews the sessions that were opened under a version that the state no longer honours. */
  #endOthers(state: AccountState, policy: SessionPolicy, nowMs: number): void {
    for (const session of this.#sessions()) {
      const stays = underState(session, state, policy, nowMs)
      if (stays === null) this.#delete(session.id)
      else if (stays !== session) this.#put(stays)
    }
  }

  /** Who asks was checked before the call, and proving a password takes a while: a session may have ended since. */
  #mayEnd(askedById: string | undefined, sessionsNotBeforeMs = 0): boolean {
    return askedById === undefined || this.check(askedById, sessionsNotBeforeMs) !== null
  }

  #end(ids: readonly string[], nowMs: number): void {
    for (const id of ids) this.#delete(id)
    const held = this.#held()
    if (held !== null) this.#hold(held.state, held.keepUntil, nowMs)
  }

  /** @returns the session; one that began before everybody's were ended has ended with them */
  #begunSince(sessionsNotBeforeMs: number, id: string, nowMs: number): Session | null {
    const session = this.#session(id)
    if (session === null || session.createdAt >= sessionsNotBeforeMs) return session
    this.#end([id], nowMs)
    return null
  }

  /** Writes what is held and sees to the alarm that clears it, where either changed. */
  #hold(state: AccountState, keepUntil: number | null, nowMs: number): void {
    const held = this.#held()
    const ends = this.#liveSessions(nowMs).map(({ expiresAt }) => expiresAt)
    const forgetAt = ends.length > 0 ? null : (keepUntil ?? nowMs + RETENTION_MS)
    const wakeBy = forgetAt ?? Math.min(...ends)
    const pendingAt = held !== null && held.wakeAt > nowMs ? held.wakeAt : null
    const wakeAt = Math.min(wakeBy, pendingAt ?? wakeBy)
    if (wakeAt !== pendingAt) this.ctx.storage.setAlarm(wakeAt)
    const same =
      held?.state.version === state.version && held.keepUntil === forgetAt && held.wakeAt === wakeAt
    if (!same) this.#write({ state, keepUntil: forgetAt, wakeAt })
  }

  #write(held: Held): void {
    this.ctx.storage.kv.put(STATE_KEY, held)
  }

  /** Drops what has expired on the way. */
  #liveSessions(nowMs: number): readonly Session[] {
    const sessions = this.#sessions()
    for (const { id, expiresAt } of sessions) {
      if (nowMs >= expiresAt) this.#delete(id)
    }
    return sessions.filter(({ expiresAt }) => nowMs < expiresAt)
  }

  #held(): Held | null {
    return this.ctx.storage.kv.get<Held>(STATE_KEY) ?? null
  }

  #sessions(): readonly Session[] {
    return [...this.ctx.storage.kv.list<Session>({ prefix: SESSION_PREFIX })].map(([, session]) => session)
  }

  #session(id: string): Session | null {
    return this.ctx.storage.kv.get<Session>(SESSION_PREFIX + id) ?? null
  }

  #put(session: Session): void {
    this.ctx.storage.kv.put(SESSION_PREFIX + session.id, session)
  }

  #delete(id: string): void {
    this.ctx.storage.kv.delete(SESSION_PREFIX + id)
  }
}

type Method = 'open' | 'rotate' | 'check' | 'resume' | 'list' | 'end' | 'endBySecret' | 'endAll' | 'tell'

/** The object as a Worker sees it: the platform's own stub type cannot express answers that are unions. */
export type AccountSessions = {
  readonly [Name in Method]: (
    ...args: Parameters<AccountObject[Name]>
  ) => Promise<ReturnType<AccountObject[Name]>>
}

/** Whether a session may be opened on what the Worker read of the account. */
function mayOpen(held: AccountState | null, { state, readFrom, replaces }: OpenRequest): boolean {
  if (held === null) return readFrom === 'primary'
  return state.version >= held.version || (readFrom === 'primary' && replaces === held.version)
}
