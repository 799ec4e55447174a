/** Issues the tokens of a session's families: a signed access token, the current refresh token and the cookie of the pages. */
import type { AccountProfile } from '../../accounts/account.ts'
import type { ActiveSession } from '../../sessions/account-rpc.ts'
import { type IssuableFamily, makeRefreshToken, type RefreshToken } from '../../sessions/refresh-token.ts'
import type { Session } from '../../sessions/session.ts'
import { signAccessToken } from '../../tokens/access-token.ts'
import { grantScope } from '../../tokens/claims.ts'
import type { SigningKey } from '../../tokens/signing-keys.ts'
import type { RequestContext } from '../request-context.ts'

/** A session and the families whose tokens are issued. */
export interface IssuableSession {
  readonly activeSession: ActiveSession
  readonly app: IssuableFamily
  /** Null if the session was not opened on a hosted page. */
  readonly pages: IssuableFamily | null
}

export interface IssuedTokens {
  readonly accessToken: string
  readonly expiresInSeconds: number
  readonly scope: readonly string[]
  readonly refreshToken: string
  readonly refreshExpiresInSeconds: number
  /** What the cookie of the hosted pages contains from now on; null if it does not change. */
  readonly pageToken: string | null
  readonly profile: AccountProfile
  readonly session: Session
}

/** @param key read before the session was opened or changed, so that a missing key leaves nothing half done */
export async function issueTokens(
  ctx: RequestContext,
  key: SigningKey,
  { activeSession, app, pages }: IssuableSession,
): Promise<IssuedTokens> {
  const { session, profile } = activeSession
  const { config, refreshKeys } = ctx.services
  ctx.addToRequestLog({ accountId: profile.id, sessionId: session.id })
  const { issuer, audience, accessTokenSeconds } = config.tokens
  const scope = grantScope(app.family.scope, profile.scopes)
  // The session's times come from the clock of the object. A token must not be issued before the login that it reports.
  const issuedAtMs = Math.max(ctx.nowMs, session.lastUsedAt)
  const issuedAt = Math.floor(issuedAtMs / 1000)
  const content = {
    issuer,
    audience,
    subject: profile.id,
    sessionId: session.id,
    clientId: app.family.clientId,
    scope,
    roles: profile.roles,
    amr: session.amr,
    username: profile.username,
    claims: profile.claims,
    authTime: Math.floor(session.authTime / 1000),
    issuedAt,
    expiresAt: issuedAt + accessTokenSeconds,
  }
  return {
    accessToken: await signAccessToken(content, key),
    expiresInSeconds: accessTokenSeconds,
    scope,
    refreshToken: await makeRefreshToken(tokenOf(activeSession, app), await refreshKeys()),
    refreshExpiresInSeconds: Math.max(0, Math.floor((session.expiresAt - issuedAtMs) / 1000)),
    pageToken: pages && (await makePageToken(ctx, activeSession, pages)),
    profile,
    session,
  }
}

/** Makes the token that the cookie of the hosted pages contains. */
export async function makePageToken(
  { services: { pageKeys } }: RequestContext,
  activeSession: ActiveSession,
  pages: IssuableFamily,
): Promise<string> {
  return makeRefreshToken(tokenOf(activeSession, pages), await pageKeys())
}

function tokenOf(
  { profile, session }: ActiveSession,
  { family, generation, secret }: IssuableFamily,
): RefreshToken {
  return {
    accountId: profile.id,
    sessionId: session.id,
    familyId: family.id,
    generation,
    familySecret: secret,
  }
}
