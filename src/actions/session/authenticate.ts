/** Authentication by a Bearer token. */

import { orUnavailable, ServiceError } from '../../errors/service-error.ts'
import type { ActiveSession } from '../../sessions/account-rpc.ts'
import type { AccessTokenClaims } from '../../verify/access-token.ts'
import type { RequestContext } from '../request-context.ts'

/** Verifies the token and checks that its session is alive. @throws {ServiceError} `invalid_token`, `unavailable` */
export async function authenticate(ctx: RequestContext, accessToken: string): Promise<ActiveSession> {
  return checkSession(ctx, await verifyBearer(ctx, accessToken))
}

/**
 * Verifies the token without a check of its session.
 * @param audience accepted in addition to the service's own
 * @throws {ServiceError} `invalid_token`, `unavailable`
 */
export async function verifyBearer(
  ctx: RequestContext,
  accessToken: string,
  audience?: string,
): Promise<AccessTokenClaims> {
  const claims = await readAccessToken(ctx, accessToken, audience)
  if (claims === null) throw new ServiceError('invalid_token')
  ctx.addToRequestLog({ accountId: claims.sub, sessionId: claims.sid })
  return claims
}

/**
 * @param audience accepted in addition to the service's own
 * @returns null if the text is not a valid access token of this service
 * @throws {ServiceError} `unavailable`
 */
export function readAccessToken(
  ctx: RequestContext,
  text: string,
  audience?: string,
): Promise<AccessTokenClaims | null> {
  const { config, signingKeys, verifiedTokens } = ctx.services
  return verifiedTokens.verify(text, {
    issuer: config.tokens.issuer,
    audiences: [config.tokens.audience, ...(audience === undefined ? [] : [audience])],
    findKey: (kid) => signingKeys.verification(kid, ctx),
    nowMs: ctx.nowMs,
  })
}

/** @returns the session of a token. @throws {ServiceError} `invalid_token` if it has ended; `unavailable` */
export async function checkSession(
  ctx: RequestContext,
  { sub, sid }: AccessTokenClaims,
): Promise<ActiveSession> {
  const { sessionsNotBeforeMs } = await ctx.services.settings.current(ctx)
  const activeSession = await orUnavailable(
    ctx.services.accountObject(sub).check({ sessionId: sid, sessionsNotBeforeMs }),
  )
  if (activeSession === null) throw new ServiceError('invalid_token')
  return activeSession
}
