/** Issues the tokens of a session: a signed access token and the current refresh token. */
import type { AccountProfile } from '../../accounts/account.ts'
import type { Bytes } from '../../crypto/bytes.ts'
import type { ActiveSession } from '../../sessions/account-rpc.ts'
import { makeRefreshToken } from '../../sessions/refresh-token.ts'
import type { Session } from '../../sessions/session.ts'
import { signAccessToken } from '../../tokens/access-token.ts'
import { grantScope } from '../../tokens/claims.ts'
import type { SigningKey } from '../../tokens/signing-keys.ts'
import type { RequestContext } from '../request-context.ts'

export interface IssuedTokens {
  readonly accessToken: string
  readonly expiresInSeconds: number
  readonly scope: readonly string[]
  readonly refreshToken: string
  readonly refreshExpiresInSeconds: number
  /** The secret in the session's refresh tokens, and in its page tokens. */
  readonly sessionSecret: Bytes
  readonly profile: AccountProfile
  readonly session: Session
}

/**
 * @param key read before the session was opened or changed, so that a missing key leaves nothing half done
 * @param sessionSecret the secret in the session's refresh tokens
 */
export async function issueTokens(
  { services: { config, refreshKeys }, nowMs, addToRequestLog }: RequestContext,
  key: SigningKey,
  { session, profile }: ActiveSession,
  sessionSecret: Bytes,
): Promise<IssuedTokens> {
  addToRequestLog({ accountId: profile.id, sessionId: session.id })
  const { issuer, audience, accessTokenSeconds } = config.tokens
  const scope = grantScope(session.scope, profile.scopes)
  // The session's times come from the clock of the object. A token must not be issued before the login that it reports.
  const issuedAtMs = Math.max(nowMs, session.lastUsedAt)
  const issuedAt = Math.floor(issuedAtMs / 1000)
  const content = {
    issuer,
    audience,
    subject: profile.id,
    sessionId: session.id,
    clientId: session.clientId,
    scope,
    roles: profile.roles,
    amr: session.amr,
    username: profile.username,
    claims: profile.claims,
    authTime: Math.floor(session.authTime / 1000),
    issuedAt,
    expiresAt: issuedAt + accessTokenSeconds,
  }
  const refreshToken = {
    accountId: profile.id,
    sessionId: session.id,
    generation: session.generation,
    sessionSecret,
  }
  return {
    accessToken: await signAccessToken(content, key),
    expiresInSeconds: accessTokenSeconds,
    scope,
    refreshToken: await makeRefreshToken(refreshToken, await refreshKeys()),
    sessionSecret,
    refreshExpiresInSeconds: Math.max(0, Math.floor((session.expiresAt - issuedAtMs) / 1000)),
    profile,
    session,
  }
}
