/** Introspection (RFC 7662) and revocation (RFC 7009) of tokens. */

import { OAuthError, orUnavailable, ServiceError } from '../../errors/service-error.ts'
import type { AccessTokenClaims } from '../../verify/access-token.ts'
import type { RequestContext } from '../request-context.ts'
import { checkSession, readAccessToken } from '../session/authenticate.ts'
import { accessOf } from '../session/authorize.ts'
import { endByTokens, readOwnRefreshToken } from '../session/end-sessions.ts'
import type { AuthenticatedClient } from './authenticate-client.ts'

/**
 * Verifies an access token and checks its session. Roles and scopes are those that the account still has.
 * @returns the token's claims; null if it is not a valid access token, or not one that the client may introspect
 * @throws {ServiceError} `unavailable`
 */
export async function introspect(
  ctx: RequestContext,
  client: AuthenticatedClient,
  token: string,
): Promise<AccessTokenClaims | null> {
  const claims = await readAccessToken(ctx, token, client.audience)
  if (claims === null || !mayIntrospect(client, claims)) return null
  try {
    ctx.addToRequestLog({ accountId: claims.sub })
    const { roles, scope } = accessOf(claims, await checkSession(ctx, claims))
    return { ...claims, roles, scope: scope.join(' ') }
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'invalid_token') return null
    throw error
  }
}

/**
 * A client must not learn about tokens that are meant for others (RFC 7662 section 4). They are reported as inactive
 * (section 2.2).
 */
function mayIntrospect({ clientId, audience }: AuthenticatedClient, claims: AccessTokenClaims): boolean {
  return claims.aud === audience || claims.client_id === clientId
}

/**
 * Ends the session of an access token, or of a refresh token of any generation. An invalid token ends nothing and is no error,
 * since the client's purpose is achieved already (RFC 7009 section 2.2).
 * @throws {OAuthError} `invalid_grant` if the token was issued to another client
 * @throws {ServiceError} `misconfigured` if the token may have been made under another AUTH_SECRET; `unavailable`
 */
export async function revoke(ctx: RequestContext, client: AuthenticatedClient, token: string): Promise<void> {
  const claims = await readAccessToken(ctx, token)
  if (claims !== null) {
    ctx.addToRequestLog({ accountId: claims.sub, sessionId: claims.sid })
    requireIssuedToClient(client, claims.client_id)
    const policy = ctx.services.config.sessions
    await orUnavailable(ctx.services.accountObject(claims.sub).end({ sessionId: claims.sid, policy }))
    return
  }
  const refreshToken = await readOwnRefreshToken(ctx, token)
  if (refreshToken === null) return
  ctx.addToRequestLog({ accountId: refreshToken.accountId, sessionId: refreshToken.sessionId })
  const result = await endByTokens(ctx, [refreshToken], client.confidential ? client.clientId : undefined)
  if (result === 'other_client') throw new OAuthError('invalid_grant')
}

/** RFC 7009 section 2.1. The service's own client is not compared, because CLIENT_ID may have changed since the session began. */
function requireIssuedToClient({ clientId, confidential }: AuthenticatedClient, issuedTo: string): void {
  if (confidential && clientId !== issuedTo) throw new OAuthError('invalid_grant')
}
