/** The rules of a session's life: begin, rotate, grace, reuse, end. Pure: records and the time in, records out. */
import type { AccountState, NewSession, Session, SessionPolicy } from './session.ts'

/** Rotations that are remembered for the grace. More than these within it is no client that lost an answer. */
const REMEMBERED_ROTATIONS = 100

export type Rotation =
  /** The current generation was presented, which rotates it. */
  | { readonly outcome: 'rotated'; readonly session: Session }
  /** Rotated out within the grace: two tabs, or a lost answer. The current token is given again. */
  | { readonly outcome: 'repeated'; readonly session: Session }
  | { readonly outcome: 'reused' }
  | { readonly outcome: 'unknown' }

export function beginSession(
  request: NewSession,
  openedUnder: number,
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
    openedUnder,
  }
}

/** Judges a generation that was presented with the session's own secret. */
export function rotate(session: Session, generation: number, policy: SessionPolicy, nowMs: number): Rotation {
  if (nowMs >= session.expiresAt || generation > session.generation) return { outcome: 'unknown' }
  if (generation < session.generation) return judgeOlder(session, generation, policy, nowMs)
  const remembered = session.rotatedAt.filter((rotatedAtMs) => isInGrace(rotatedAtMs, policy, nowMs))
  const rotated = {
    ...session,
    generation: generation + 1,
    rotatedAt: [...remembered, nowMs].slice(-REMEMBERED_ROTATIONS),
    ...usedAt(nowMs, session.endsAt, policy),
  }
  return { outcome: 'rotated', session: rotated }
}

function judgeOlder(session: Session, generation: number, policy: SessionPolicy, nowMs: number): Rotation {
  const rotatedAt = session.rotatedAt.at(generation - session.generation)
  const inGrace = rotatedAt !== undefined && isInGrace(rotatedAt, policy, nowMs)
  return inGrace ? { outcome: 'repeated', session } : { outcome: 'reused' }
}

function isInGrace(rotatedAtMs: number, { graceSeconds }: SessionPolicy, nowMs: number): boolean {
  return nowMs - rotatedAtMs < graceSeconds * 1000
}

/**
 * @returns the session as it is under the account's state, or null where that state ended it. The kept one goes
 * on as after a log in, under its new secret.
 */
export function underState(
  session: Session,
  state: AccountState,
  policy: SessionPolicy,
  nowMs: number,
): Session | null {
  if (state.profile === null || state.profile.disabled) return null
  if (session.openedUnder >= state.sessionsNotBefore) return session
  if (session.id !== state.survivingSession?.id) return null
  return {
    ...session,
    secretHash: state.survivingSession.secretHash,
    openedUnder: state.sessionsNotBefore,
    generation: 0,
    rotatedAt: [],
    authTime: nowMs,
    ...usedAt(nowMs, session.endsAt, policy),
  }
}

/** How long a session may go on being used before that is noted: a page view is no write. */
const USE_NOTED_EVERY_MS = 3_600_000

/** @returns the session as it is after a use that rotates nothing: the same object while the last one is recent */
export function touch(session: Session, policy: SessionPolicy, nowMs: number): Session {
  if (nowMs - session.lastUsedAt < USE_NOTED_EVERY_MS) return session
  return { ...session, ...usedAt(nowMs, session.endsAt, policy) }
}

/** @returns the ids to end so that one more session fits: the least recently used. */
export function overflow(sessions: readonly Session[], policy: SessionPolicy): readonly string[] {
  const excess = sessions.length + 1 - policy.maxSessions
  const byLastUse = sessions.toSorted((a, b) => a.lastUsedAt - b.lastUsedAt || (a.id < b.id ? -1 : 1))
  return byLastUse.slice(0, Math.max(excess, 0)).map(({ id }) => id)
}

function usedAt(nowMs: number, endsAt: number, { idleSeconds }: SessionPolicy) {
  return { lastUsedAt: nowMs, expiresAt: Math.min(nowMs + idleSeconds * 1000, endsAt) }
}
