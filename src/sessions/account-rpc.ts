/** The RPCs of an account's object, with their arguments and results. */
import type { AccountProfile } from '../accounts/account.ts'
import type { SessionsConfig } from '../config/sessions.ts'
import type { Bytes } from '../crypto/bytes.ts'
import type { AccountEvent } from '../outbox/events.ts'
import type { AccountState, LiveState, NewSession, Session } from './session.ts'
import type { NewFamily, TokenFamily } from './token-family.ts'

export interface AccountRpc {
  /** Opens a session with its first families. */
  open(request: OpenRequest): Promise<OpenResult>
  /** Opens a further family under a live session. @returns null if the session has ended */
  openFamily(request: OpenFamilyRequest): Promise<ActiveSession | null>
  /** Presents a token of a family. One that was replaced too long ago ends the session. */
  rotate(request: RotateRequest): Promise<RotateResult>
  /** @returns the session with the profile; null if it has ended */
  check(request: SessionQuery): Promise<ActiveSession | null>
  /** @returns the live sessions, the most recently used first */
  list(request: SessionsQuery): Promise<readonly Session[]>
  /** Ends one session. @returns whether it was alive and is ended now */
  end(request: EndRequest): Promise<boolean>
  /** Ends the session of tokens of any generation. */
  endBySecret(request: EndBySecretRequest): Promise<EndBySecretResult>
  /** Ends all sessions. @returns false if `requestedBy` has ended; nothing is ended then */
  endAll(request: EndAllRequest): Promise<boolean>
  /**
   * Stores the account's state if its version is higher than the stored one, and ends the sessions that the state ends. A
   * repeated call ends and renews no session.
   * @returns the surviving session of the state, while it is alive and has the family that the state gives it
   */
  applyState(request: ApplyStateRequest): Promise<ActiveFamily | null>
  /** Removes events that the caller has delivered. The object's alarm delivers the others. */
  settleEvents(ids: readonly string[]): Promise<void>
}

/** A live session and its account's profile. */
export interface ActiveSession {
  readonly session: Session
  readonly profile: AccountProfile
}

/** A live session with one of its families: a token response is made from them. */
export interface ActiveFamily extends ActiveSession {
  readonly family: TokenFamily
}

export interface OpenRequest {
  readonly session: NewSession
  readonly families: readonly NewFamily[]
  /** What opens the session. */
  readonly activity: 'login' | 'registration'
  readonly state: LiveState
  readonly policy: SessionsConfig
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
  | {
      readonly outcome: 'opened'
      readonly activeSession: ActiveSession
      /** What the caller is to deliver and to settle: `new_device_login`, or nothing. */
      readonly events: readonly AccountEvent[]
    }
  /** The state may not be current. `version` is the one that the object has stored, or null if it has stored none. */
  | { readonly outcome: 'stale'; readonly version: number | null }

/** What ends the sessions of all accounts. */
export interface SessionsQuery {
  /** The sessions of all accounts that began before this time have ended. */
  readonly sessionsNotBeforeMs: number
}

export interface SessionQuery extends SessionsQuery {
  readonly sessionId: string
}

export interface OpenFamilyRequest extends SessionQuery {
  readonly family: NewFamily
  /** The id of a family of the session that the new one replaces. */
  readonly replacedId?: string
  readonly policy: SessionsConfig
}

/** A family, and the secret that a token of it carries. */
export interface PresentedFamily {
  readonly familyId: string
  readonly secretHash: Bytes
}

export interface RotateRequest extends SessionQuery, PresentedFamily {
  readonly generation: number
  /** Whether the cookie of the pages is sent with a form. It then rotates at once. */
  readonly withForm: boolean
  readonly policy: SessionsConfig
}

export type RotateResult =
  | { readonly outcome: 'rotated' | 'repeated'; readonly active: ActiveFamily }
  /** `events` is to be delivered and settled: `refresh_token_reused`. */
  | { readonly outcome: 'reused'; readonly events: readonly AccountEvent[] }
  | { readonly outcome: 'unknown' }

export interface EndRequest extends Partial<SessionsQuery> {
  readonly sessionId: string
  /** The id of the session that requests this. If that session has ended since, nothing is ended. */
  readonly requestedBy?: string
  readonly policy: SessionsConfig
}

export interface EndBySecretRequest {
  readonly sessionId: string
  /** The session ends if one of them belongs to it. */
  readonly presented: readonly PresentedFamily[]
  /** The client that the family must belong to. */
  readonly clientId?: string
  readonly policy: SessionsConfig
}

export type EndBySecretResult = 'ended' | 'unknown' | 'other_client'

export interface EndAllRequest {
  /** The id of a session that is not ended. */
  readonly exceptId?: string
  /** As in EndRequest. */
  readonly requestedBy?: string
  readonly policy: SessionsConfig
}

export interface ApplyStateRequest {
  readonly state: AccountState
  readonly policy: SessionsConfig
}
