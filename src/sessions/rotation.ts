/** The rules of a session: begin, rotate, grace period, reuse, end. Pure: takes records and the time, returns records. */
import type { AccountState, NewSession, Session, SessionPolicy } from './session.ts'

/** How many rotation times are kept for the grace period. No correct client rotates more often within it. */
const REMEMBERED_ROTATIONS = 100

export type RotationDecision =
  /** The current generation was presented: it is rotated. */
  | { readonly outcome: 'rotated'; readonly session: Session }
  /** The generation was rotated out within the grace period: two tabs, or a lost response. The current token is returned again. */
  | { readonly outcome: 'repeated'; readonly session: Session }
  | { readonly outcome: 'reused' }
  | { readonly outcome: 'unknown' }

export function beginSession(
  request: NewSession,
  openedUnderVersion: number,
  policy: SessionPolicy,
  nowMs: number,
): Session {
  const endsAt = nowMs + policy.maxSeconds * 1000
  return {
    format: 1,
    ...request,
    generation: 0,
    rotatedAt: [],
    createdAt: nowMs,
    endsAt,
    ...usedAt(nowMs, endsAt, policy),
    authTime: nowMs,
    openedUnderVersion,
  }
}

/** Decides the outcome for a refresh token of this generation, after its secret was verified. */
export function rotate(
  session: Session,
  generation: number,
  policy: SessionPolicy,
  nowMs: number,
): RotationDecision {
  if (nowMs >= session.expiresAt || generation > session.generation) return { outcome: 'unknown' }
  if (generation < session.generation) return checkOlder(session, generation, policy, nowMs)
  const remembered = session.rotatedAt.filter((rotatedAtMs) => isInGrace(rotatedAtMs, policy, nowMs))
  const rotated = {
    ...session,
    generation: generation + 1,
    rotatedAt: [...remembered, nowMs].slice(-REMEMBERED_ROTATIONS),
    ...usedAt(nowMs, session.endsAt, policy),
  }
  return { outcome: 'rotated', session: rotated }
}

/** The k-th last rotation time is when the generation k before the current one ended. */
function checkOlder(
  session: Session,
  generation: number,
  policy: SessionPolicy,
  nowMs: number,
): RotationDecision {
  const rotatedAt = session.rotatedAt.at(generation - session.generation)
  const inGrace = rotatedAt !== undefined && isInGrace(rotatedAt, policy, nowMs)
  return inGrace ? { outcome: 'repeated', session } : { outcome: 'reused' }
}

function isInGrace(rotatedAtMs: number, { graceSeconds }: SessionPolicy, nowMs: number): boolean {
  return nowMs - rotatedAtMs < graceSeconds * 1000
}

/**
 * @returns the session under the account's state, or null if the state ended it. The surviving session keeps its absolute end; it
 * gets the new secret, generation 0, and a new auth time and idle end.
 */
export function sessionUnderState(
  session: Session,
  state: AccountState,
  policy: SessionPolicy,
  nowMs: number,
): Session | null {
  if (state.profile === null || state.profile.disabled) return null
  if (session.openedUnderVersion >= state.sessionsNotBefore) return session
  if (session.id !== state.survivingSession?.id) return null
  return {
    ...session,
    secretHash: state.survivingSession.secretHash,
    openedUnderVersion: state.sessionsNotBefore,
    generation: 0,
    rotatedAt: [],
    authTime: nowMs,
    ...usedAt(nowMs, session.endsAt, policy),
  }
}

/** A use is recorded at most this often, so that a page view does not cause a write. */
const USE_RECORDED_EVERY_MS = 3_600_000

/** @returns the session after a use without rotation; the same object if the last recorded use is recent */
export function recordUse(session: Session, policy: SessionPolicy, nowMs: number): Session {
  if (nowMs - session.lastUsedAt < USE_RECORDED_EVERY_MS) return session
  return { ...session, ...usedAt(nowMs, session.endsAt, policy) }
}

/** @returns the ids of the sessions to end so that one more session fits: the least recently used. */
export function excessSessions(sessions: readonly Session[], policy: SessionPolicy): readonly string[] {
  const excess = sessions.length + 1 - policy.maxSessions
  const byLastUse = sessions.toSorted((a, b) => a.lastUsedAt - b.lastUsedAt || (a.id < b.id ? -1 : 1))
  return byLastUse.slice(0, Math.max(excess, 0)).map(({ id }) => id)
}

function usedAt(nowMs: number, endsAt: number, { idleSeconds }: SessionPolicy) {
  return { lastUsedAt: nowMs, expiresAt: Math.min(nowMs + idleSeconds * 1000, endsAt) }
}
