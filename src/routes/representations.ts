/** From what actions return to the wire's shapes. */
import type { z } from '@hono/zod-openapi'
import type { IssuedTokens } from '../actions/session/issue-tokens.ts'
import type { AppContext } from '../http/context.ts'
import { toDateTime } from '../http/date-time.ts'
import { setRefreshCookie } from '../http/refresh-cookie.ts'
import { toUser } from '../http/user.ts'
import type { Session } from '../sessions/session.ts'
import type { sessionsResponse, tokenResponse } from './schemas.ts'

/** The refresh token of a session that has one for it goes into a cookie. */
export function toTokenResponse(c: AppContext, tokens: IssuedTokens): z.infer<typeof tokenResponse> {
  const byCookie = c.get('byCookie') || tokens.session.transport === 'cookie'
  if (byCookie) setRefreshCookie(c, tokens)
  return {
    access_token: tokens.accessToken,
    token_type: 'Bearer',
    expires_in: tokens.expiresInSeconds,
    scope: tokens.scope.join(' '),
    ...(byCookie ? {} : { refresh_token: tokens.refreshToken }),
    refresh_expires_in: tokens.refreshExpiresInSeconds,
    user: toUser(tokens.profile),
  }
}

export function toSessions(
  sessions: readonly Session[],
  currentId: string,
): z.infer<typeof sessionsResponse> {
  return {
    sessions: sessions.map((session) => ({
      id: session.id,
      created_at: toDateTime(session.createdAt),
      last_used_at: toDateTime(session.lastUsedAt),
      expires_at: toDateTime(session.expiresAt),
      ip: session.ip,
      user_agent: session.userAgent,
      country: session.country,
      city: session.city,
      current: session.id === currentId,
    })),
  }
}
