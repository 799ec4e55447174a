/** Exchanges a refresh token for the next tokens of its family. */

import { sha256 } from '../../crypto/bytes.ts'
import { orUnavailable, ServiceError } from '../../errors/service-error.ts'
import type { RotateResult } from '../../sessions/account-rpc.ts'
import { type RefreshToken, readRefreshToken } from '../../sessions/refresh-token.ts'
import { deliverAccountEvents } from '../account/deliver-outbox.ts'
import type { RequestContext } from '../request-context.ts'
import { type IssuedTokens, issueTokens } from './issue-tokens.ts'

/**
 * @throws {ServiceError} `invalid_refresh_token`, `refresh_token_reused` (this ends the session), `misconfigured`,
 * `unavailable`
 */
export async function refresh(ctx: RequestContext, text: string): Promise<IssuedTokens> {
  const key = await ctx.services.signingKeys.signing(ctx)
  const token = await readRefreshToken(text, await ctx.services.refreshKeys())
  if (token === null) throw new ServiceError('invalid_refresh_token')
  ctx.addToRequestLog({ accountId: token.accountId, sessionId: token.sessionId })
  const result = await presentToken(ctx, token)
  if (result.outcome === 'unknown') throw new ServiceError('invalid_refresh_token')
  if (result.outcome === 'reused') throw new ServiceError('refresh_token_reused')
  const { active } = result
  const { family } = active
  const app = { family, generation: family.generation, secret: token.familySecret }
  return issueTokens(ctx, key, { activeSession: active, app, pages: null })
}

/**
 * Presents a token to its family, which decides about rotation. Delivers the event of a reuse.
 * @param withForm whether the cookie of the pages is sent with a form
 * @throws {ServiceError} `unavailable`
 */
export async function presentToken(
  ctx: RequestContext,
  { accountId, sessionId, familyId, generation, familySecret }: RefreshToken,
  withForm = false,
): Promise<RotateResult> {
  const { services } = ctx
  const { sessionsNotBeforeMs } = await services.settings.current(ctx)
  const presented = {
    sessionId,
    familyId,
    secretHash: await sha256(familySecret),
    generation,
    withForm,
    policy: services.config.sessions,
    sessionsNotBeforeMs,
  }
  const result = await orUnavailable(services.accountObject(accountId).rotate(presented))
  if (result.outcome === 'reused') deliverAccountEvents(ctx, result.events)
  return result
}
