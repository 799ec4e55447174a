/** From what actions return to the wire's shapes. Pure. */
import type { z } from '@hono/zod-openapi'
import type { IssuedTokens } from '../actions/issue-tokens.ts'
import { toDateTime } from '../http/date-time.ts'
import { toUser } from '../http/user.ts'
import type { Session } from '../sessions/session.ts'
import type { sessionsAnswer, tokenAnswer } from './schemas.ts'

export function toTokenAnswer(tokens: IssuedTokens): z.infer<typeof tokenAnswer> {
  return {
    access_token: tokens.accessToken,
    token_type: 'Bearer',
    expires_in: tokens.expiresInSeconds,
    scope: tokens.scope.join(' '),
    refresh_token: tokens.refreshToken,
    refresh_expires_in: tokens.refreshExpiresInSeconds,
    user: toUser(tokens.facts),
  }
}

export function toSessions(sessions: readonly Session[], currentId: string): z.infer<typeof sessionsAnswer> {
  return {
    sessions: sessions.map((session) => ({
      id: session.id,
      created_at: toDateTime(session.createdAt),
      last_used_at: toDateTime(session.lastUsedAt),
      expires_at: toDateTime(session.expiresAt),
      ip: session.ip,
      user_agent: session.userAgent,
      current: session.id === currentId,
    })),
  }
}
