/** The arguments and results of an account object's RPCs. */
import type { Bytes } from '../crypto/bytes.ts'
import type { LiveState, NewSession, Session, SessionPolicy } from './session.ts'

export interface OpenRequest {
  readonly session: NewSession
  readonly state: LiveState
  readonly policy: SessionPolicy
  /**
   * Where the state comes from. `replica`: a read that may be stale, so the object accepts it only if it has stored this version
   * or a lower one. `primary`: a read of the primary, or the write itself, so an object that has stored nothing accepts it.
   */
  readonly readFrom: 'replica' | 'primary'
  /**
   * The stored version that the object reported in an earlier `stale` result. If a later read of the primary is still lower, D1
   * was restored (Time Travel), and the object accepts the lower state.
   */
  readonly replacesVersion?: number
}

export type OpenResult =
  | { readonly outcome: 'opened'; readonly activeSession: ActiveSession }
  /** The state may not be current. `version` is the one that the object has stored, or null if it has stored none. */
  | { readonly outcome: 'stale'; readonly version: number | null }

/** A live session and its account's profile: a token response is made from them. */
export interface ActiveSession {
  readonly session: Session
  readonly profile: LiveState['profile']
}

export interface RotateRequest {
  readonly sessionId: string
  readonly secretHash: Bytes
  readonly generation: number
  readonly policy: SessionPolicy
  /** The sessions of all accounts that began before this time have ended. */
  readonly sessionsNotBeforeMs: number
}

export type ResumeRequest = Omit<RotateRequest, 'generation'>

export type RotateResult =
  | { readonly outcome: 'rotated' | 'repeated'; readonly activeSession: ActiveSession }
  | { readonly outcome: 'reused' }
  | { readonly outcome: 'unknown' }
