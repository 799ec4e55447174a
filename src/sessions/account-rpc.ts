/** What an account's object is asked, and what it answers. */
import type { Bytes } from '../crypto/bytes.ts'
import type { LiveState, NewSession, Session, SessionPolicy } from './session.ts'

export interface OpenRequest {
  readonly session: NewSession
  readonly state: LiveState
  readonly policy: SessionPolicy
  /**
   * What the state rests on. `nearest`: a replica, so the object must hold this version or a lower one. `exact`:
   * a read of the primary, or the write itself, so an object that holds none takes it.
   */
  readonly readFrom: 'replica' | 'primary'
  /** A version that the object answered before that read began: a lower state may replace it (a restore). */
  readonly replaces?: number
}

export type OpenResult =
  | { readonly outcome: 'opened'; readonly activeSession: ActiveSession }
  /** The state is not known to be current. `version` is what the object holds, null for nothing. */
  | { readonly outcome: 'stale'; readonly version: number | null }

/** What a token answer is made from. */
export interface ActiveSession {
  readonly session: Session
  readonly profile: LiveState['profile']
}

export interface RotateRequest {
  readonly sessionId: string
  readonly secretHash: Bytes
  readonly generation: number
  readonly policy: SessionPolicy
  /** Sessions that began before have ended, everybody's. */
  readonly sessionsNotBeforeMs: number
}

export type ResumeRequest = Omit<RotateRequest, 'generation'>

export type RotateResult =
  | { readonly outcome: 'rotated' | 'repeated'; readonly activeSession: ActiveSession }
  | { readonly outcome: 'reused' }
  | { readonly outcome: 'unknown' }
