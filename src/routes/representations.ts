/** The representations of users, tokens and sessions in responses. */
import type { AccountProfile } from '../accounts/account.ts'
import type { IssuedTokens } from '../actions/session/issue-tokens.ts'
import type { AppContext } from '../http/context.ts'
import { setRefreshCookie } from '../http/refresh-cookie.ts'
import { toDateTime } from '../runtime/text.ts'
import type { Session } from '../sessions/session.ts'
import type { Body } from './responses.ts'

export function toUser(profile: AccountProfile): Body<'User'> {
  return {
    id: profile.id,
    username: profile.username,
    email: profile.email,
    email_verified: profile.emailVerified,
    phone: profile.phone,
    phone_verified: profile.phoneVerified,
    name: profile.name,
    picture: profile.picture,
    locale: profile.locale,
    zoneinfo: profile.zoneinfo,
    created_at: toDateTime(profile.createdAt * 1000),
    updated_at: toDateTime(profile.updatedAt * 1000),
    roles: [...profile.roles],
    scopes: [...profile.scopes],
    claims: { ...profile.claims },
  }
}

/** Sets the refresh token as a cookie, and leaves it out of the body, if the session or the request uses a cookie for it. */
export function toTokenResponse(c: AppContext, tokens: IssuedTokens): Body<'TokenResponse'> {
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

export function toSessions(sessions: readonly Session[], currentId: string): Body<'Sessions'> {
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
