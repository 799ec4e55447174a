/** The representations of users, tokens and sessions in responses. */
import { z } from '@hono/zod-openapi'
import type { AccountProfile } from '../accounts/account.ts'
import type { IssuedTokens } from '../actions/session/issue-tokens.ts'
import type { AppContext } from '../http/context.ts'
import { setRefreshCookie } from '../http/refresh-cookie.ts'
import { toDateTime } from '../http/representations.ts'
import type { Session } from '../sessions/session.ts'
import type { sessionsResponse, tokenResponse } from './schemas.ts'

export const uuid = z.string().openapi({ format: 'uuid' })
export const dateTime = z.string().openapi({ format: 'date-time', example: '2026-11-24T09:30:00Z' })

export const userResponse = z
  .object({
    id: uuid,
    username: z.string().nullable(),
    email: z.string().nullable(),
    email_verified: z.boolean(),
    phone: z.string().nullable(),
    phone_verified: z.boolean(),
    created_at: dateTime,
    updated_at: dateTime,
    roles: z.array(z.string()),
    scopes: z.array(z.string()),
    claims: z.record(z.string(), z.unknown()),
  })
  .openapi('User')

export function toUser(profile: AccountProfile): z.infer<typeof userResponse> {
  return {
    id: profile.id,
    username: profile.username,
    email: profile.email,
    email_verified: profile.emailVerified,
    phone: profile.phone,
    phone_verified: profile.phoneVerified,
    created_at: toDateTime(profile.createdAt * 1000),
    updated_at: toDateTime(profile.updatedAt * 1000),
    roles: [...profile.roles],
    scopes: [...profile.scopes],
    claims: { ...profile.claims },
  }
}

/** Sets the refresh token as a cookie, and leaves it out of the body, if the session or the request uses a cookie for it. */
export function toTokenResponse(c: AppContext, tokens: IssuedTokens): z.infer<typeof tokenResponse> {
  const inCookie = c.get('tokenFromCookie') || tokens.session.transport === 'cookie'
  if (inCookie) setRefreshCookie(c, tokens)
  return {
    access_token: tokens.accessToken,
    token_type: 'Bearer',
    expires_in: tokens.expiresInSeconds,
    scope: tokens.scope.join(' '),
    ...(inCookie ? {} : { refresh_token: tokens.refreshToken }),
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
