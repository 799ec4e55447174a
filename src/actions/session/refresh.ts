/** Exchanges a refresh token for the next tokens of its session. */

import { sha256 } from '../../crypto/bytes.ts'
import { orUnavailable, ServiceError } from '../../errors/service-error.ts'
import { log } from '../../runtime/log.ts'
import { readRefreshToken } from '../../sessions/refresh-token.ts'
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
  const { accountId, sessionId, generation, sessionSecret } = token
  ctx.addToRequestLog({ accountId, sessionId })
  const { sessionsNotBeforeMs } = await ctx.services.settings.current(ctx)
  const presented = {
    sessionId,
    generation,
    secretHash: await sha256(sessionSecret),
    policy: ctx.services.config.sessions,
    sessionsNotBeforeMs,
  }
  const result = await orUnavailable(ctx.services.accountObject(accountId).rotate(presented))
  if (result.outcome === 'unknown') throw new ServiceError('invalid_refresh_token')
  if (result.outcome === 'reused') {
    const { requestId } = ctx
    log('warn', 'refresh_token_reused', {
      request_id: requestId,
      account_id: accountId,
      session_id: sessionId,
    })
    throw new ServiceError('refresh_token_reused')
  }
  return issueTokens(ctx, key, result.activeSession, sessionSecret)
}
