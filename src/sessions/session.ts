/**
 * A session: one login of one person in one browser, with its token families. Plain data and pure rules. From release 1.0 on,
 * RPC arguments and stored records are compatible with the previous release. Before 1.0, they are not.
 */
import type { Account, AccountProfile, SurvivingSession } from '../accounts/account.ts'
import type { SessionsConfig } from '../config/sessions.ts'
import { beginFamily, MAX_FAMILIES, type NewFamily, type TokenFamily } from './token-family.ts'

/** Times in unix milliseconds. */
export interface Session {
  readonly id: string
  readonly createdAt: number
  /** When a token of one of its families was last rotated. */
  readonly lastUsedAt: number
  /** The absolute end, which no refresh moves. */
  readonly endsAt: number
  /** The idle end or the absolute end, whichever is earlier. */
  readonly expiresAt: number
  /** The last login or password change (OIDC Core section 2). */
  readonly authTime: number
  /** RFC 8176. */
  readonly amr: readonly string[]
  /** OIDC Core section 2. */
  readonly acr: string
  /** The account's version when the session was opened or renewed. */
  readonly openedUnderVersion: number
  readonly ip: string | null
  readonly userAgent: string | null
  /** Where Cloudflare locates the IP address; null if it does not say. */
  readonly country: string | null
  readonly city: string | null
  /** How the refresh tokens of the login reach the app or browser. */
  readonly transport: Transport
}

/** `body`: in the response's body. `cookie`: in an HttpOnly cookie. */
export type Transport = 'body' | 'cookie'

/** The part of a new session that the Worker decides; the object adds the rest. */
export type NewSession = Pick<
  Session,
  'id' | 'amr' | 'acr' | 'ip' | 'userAgent' | 'country' | 'city' | 'transport'
>

/** A session as it is stored: in one row with its families, so that a refresh writes one row and the end of a session ends them. */
export interface SessionRow {
  readonly format: 1
  readonly session: Session
  readonly families: readonly TokenFamily[]
}

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

export function beginSession(
  session: NewSession,
  families: readonly NewFamily[],
  openedUnderVersion: number,
  policy: SessionsConfig,
  nowMs: number,
): SessionRow {
  const endsAt = nowMs + policy.maxSeconds * 1000
  const times = { createdAt: nowMs, endsAt, authTime: nowMs, ...usedAt(nowMs, endsAt, policy) }
  return {
    format: 1,
    session: { ...session, ...times, openedUnderVersion },
    families: families.map((family) => beginFamily(family, nowMs)),
  }
}

/** @returns the session with the family in place of its earlier record; its last use is that of the family, if that is later */
export function withFamily(row: SessionRow, family: TokenFamily, policy: SessionsConfig): SessionRow {
  const families = row.families.map((each) => (each.id === family.id ? family : each))
  return { ...row, families, session: usedWith(row.session, family, policy) }
}

/**
 * @param replacedId the id of a family that ends
 * @returns the session with one family more. Beyond MAX_FAMILIES, the least recently used family ends.
 */
export function withNewFamily(
  row: SessionRow,
  newFamily: NewFamily,
  replacedId: string | undefined,
  policy: SessionsConfig,
  nowMs: number,
): SessionRow {
  const family = beginFamily(newFamily, nowMs)
  const others = row.families.filter(({ id }) => id !== replacedId)
  const ended = leastRecentlyUsed(others, others.length + 1 - MAX_FAMILIES)
  const remaining = others.filter(({ id }) => !ended.includes(id))
  return { ...row, families: [...remaining, family], session: usedWith(row.session, family, policy) }
}

/**
 * @returns the session under the account's state, or null if the state ended it. The surviving session keeps its absolute end and
 * gets a new auth time and idle end. The family that the state names replaces all of its families; its client and scope are those of the
 * session's first app family.
 */
export function sessionUnderState(
  row: SessionRow,
  state: AccountState,
  policy: SessionsConfig,
  nowMs: number,
): SessionRow | null {
  const { session, families } = row
  if (state.profile === null || state.profile.disabled) return null
  if (session.openedUnderVersion >= state.sessionsNotBefore) return row
  if (session.id !== state.survivingSession?.id) return null
  const appFamily = families.find(({ kind }) => kind === 'app')
  if (appFamily === undefined) return null
  const { familyId, secretHash } = state.survivingSession
  const { kind, clientId, scope } = appFamily
  return {
    ...row,
    session: {
      ...session,
      openedUnderVersion: state.sessionsNotBefore,
      authTime: nowMs,
      ...usedAt(nowMs, session.endsAt, policy),
    },
    families: [beginFamily({ id: familyId, kind, clientId, scope, secretHash }, nowMs)],
  }
}

/** @returns the sessions that remain so that one more fits: the least recently used ones end */
export function makeRoom(
  rows: readonly SessionRow[],
  { maxSessions }: SessionsConfig,
): readonly SessionRow[] {
  const sessions = rows.map(({ session }) => session)
  const ended = leastRecentlyUsed(sessions, sessions.length + 1 - maxSessions)
  return rows.filter(({ session }) => !ended.includes(session.id))
}

/** @returns the ids of at most `count` records */
function leastRecentlyUsed(
  records: readonly { readonly id: string; readonly lastUsedAt: number }[],
  count: number,
): readonly string[] {
  const byLastUse = records.toSorted((a, b) => a.lastUsedAt - b.lastUsedAt || (a.id < b.id ? -1 : 1))
  return byLastUse.slice(0, Math.max(count, 0)).map(({ id }) => id)
}

function usedWith(session: Session, { lastUsedAt }: TokenFamily, policy: SessionsConfig): Session {
  if (lastUsedAt <= session.lastUsedAt) return session
  return { ...session, ...usedAt(lastUsedAt, session.endsAt, policy) }
}

function usedAt(nowMs: number, endsAt: number, { idleSeconds }: SessionsConfig) {
  return { lastUsedAt: nowMs, expiresAt: Math.min(nowMs + idleSeconds * 1000, endsAt) }
}

/** @returns the state of an account, as its object stores it */
export function toState(account: Account): LiveState {
  return {
    format: 1,
    version: account.credentialVersion,
    sessionsNotBefore: account.sessionsNotBefore,
    survivingSession: account.survivingSession,
    profile: toProfile(account),
  }
}

export function toDeletedState(version: number): AccountState {
  return { format: 1, version, sessionsNotBefore: version, survivingSession: null, profile: null }
}

/** Drops the columns that no token and no response may contain. */
function toProfile(account: Account): AccountProfile {
  const {
    usernameKey,
    passwordHash,
    credentialVersion,
    sessionsNotBefore,
    survivingSession,
    changeId,
    ...profile
  } = account
  return profile
}
