/**
 * What an account's object keeps: the session records and the account's state. Plain data, format-versioned. From release
 * 1.0 on, RPC arguments and stored records stay compatible one release back; before it nothing is kept compatible.
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
  /** When the latest generations were rotated out, the newest last: the grace is judged by these. */
  readonly rotatedAt: readonly number[]
  readonly createdAt: number
  readonly lastUsedAt: number
  /** The end that no refresh moves. */
  readonly endsAt: number
  /** The nearer of idle and absolute end. */
  readonly expiresAt: number
  /** What was asked for at log in; null for everything. */
  readonly scope: readonly string[] | null
  /** The last log in or password change (OIDC Core section 2). */
  readonly authTime: number
  /** RFC 8176. */
  readonly amr: readonly string[]
  readonly clientId: string
  /** The account's version that the session was opened under. */
  readonly openedUnder: number
  readonly ip: string | null
  readonly userAgent: string | null
  /** Where Cloudflare locates the address; null where it does not say. */
  readonly country: string | null
  readonly city: string | null
  /** How its refresh tokens reach the browser. */
  readonly transport: Transport
}

/** `body`: in the response's body. `cookie`: in one that no script can read, which opens the hosted pages as well. */
export type Transport = 'body' | 'cookie'

/** What the Worker decides of a new session; the object adds the rest. */
export type NewSession = Pick<
  Session,
  'id' | 'secretHash' | 'scope' | 'amr' | 'clientId' | 'ip' | 'userAgent' | 'country' | 'city' | 'transport'
>

/** The account's whole state as its object holds it: told whole, so that the order of tellings cannot matter. */
export interface AccountState {
  readonly format: 1
  readonly version: number
  /** Sessions opened under a lower version have ended, but for the kept one. */
  readonly sessionsNotBefore: number
  readonly survivingSession: SurvivingSession | null
  /** Null for an account that was deleted. */
  readonly profile: AccountProfile | null
}

/** The state of an account that exists. */
export interface LiveState extends AccountState {
  readonly profile: AccountProfile
}

export interface SessionPolicy {
  readonly idleSeconds: number
  readonly maxSeconds: number
  readonly graceSeconds: number
  readonly maxSessions: number
}
