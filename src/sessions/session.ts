/**
 * The records that an account's object stores: sessions and the account's state. Plain data with a format version. From release
 * 1.0 on, RPC arguments and stored records are compatible with the previous release. Before 1.0, they are not.
 */
import type { AccountProfile, SurvivingSession } from '../accounts/account.ts'
import type { Bytes } from '../crypto/bytes.ts'

/** Times in unix milliseconds. */
export interface Session {
  readonly format: 1
  readonly id: string
  /** SHA-256 of the session secret that its refresh tokens carry. */
  readonly secretHash: Bytes
  readonly generation: number
  /** When the latest generations were rotated out, the newest last. The grace period is counted from these times. */
  readonly rotatedAt: readonly number[]
  readonly createdAt: number
  readonly lastUsedAt: number
  /** The absolute end, which no refresh moves. */
  readonly endsAt: number
  /** The idle end or the absolute end, whichever is earlier. */
  readonly expiresAt: number
  /** The scope that was requested at login; null for everything. */
  readonly scope: readonly string[] | null
  /** The last login or password change (OIDC Core section 2). */
  readonly authTime: number
  /** RFC 8176. */
  readonly amr: readonly string[]
  readonly clientId: string
  /** The account's version when the session was opened or renewed. */
  readonly openedUnderVersion: number
  readonly ip: string | null
  readonly userAgent: string | null
  /** Where Cloudflare locates the IP address; null if it does not say. */
  readonly country: string | null
  readonly city: string | null
  /** How the session's refresh tokens reach the app or browser. */
  readonly transport: Transport
}

/** `body`: in the response's body. `cookie`: in an HttpOnly cookie. */
export type Transport = 'body' | 'cookie'

/** The part of a new session that the Worker decides; the object adds the rest. */
export type NewSession = Pick<
  Session,
  'id' | 'secretHash' | 'scope' | 'amr' | 'clientId' | 'ip' | 'userAgent' | 'country' | 'city' | 'transport'
>

/** The state of an account that its object stores. It is published as a whole with a version, so an older one is ignored. */
export interface AccountState {
  readonly format: 1
  readonly version: number
  /** Sessions that were opened under a lower version have ended, except the surviving session. */
  readonly sessionsNotBefore: number
  readonly survivingSession: SurvivingSession | null
  /** Null for a deleted account. */
  readonly profile: AccountProfile | null
}

/** The state of an account that is not deleted. */
export interface LiveState extends AccountState {
  readonly profile: AccountProfile
}

export interface SessionPolicy {
  readonly idleSeconds: number
  readonly maxSeconds: number
  readonly graceSeconds: number
  readonly maxSessions: number
}
