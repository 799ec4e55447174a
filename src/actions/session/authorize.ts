/** Authorization: whether the permissions and the login of a token are enough for a request. */
import { ServiceError } from '../../errors/service-error.ts'
import type { ActiveSession } from '../../sessions/account-rpc.ts'
import type { Session } from '../../sessions/session.ts'
import type { AccessTokenClaims } from '../../verify/access-token.ts'
import { missingPermissions, type Permissions, scopeNames } from '../../verify/bearer.ts'
import type { RequestContext } from '../request-context.ts'
import { checkSession, verifyBearer } from './authenticate.ts'

/** What a token grants. */
export interface Access extends Permissions {
  /** When the person logged in or confirmed the password last: unix milliseconds. */
  readonly authTimeMs: number
}

/** What a request needs. */
export interface RequiredAccess extends Permissions {
  /** Whether the login must be recent. */
  readonly freshLogin?: boolean
}

const MAX_AUTH_AGE_SECONDS = 900

/**
 * Decides whether access is enough; every request that needs permissions or a fresh login is decided here.
 * @throws {ServiceError} `insufficient_scope` with the missing permissions; `insufficient_user_authentication` (RFC 9470
 * section 3)
 */
export function authorize(
  access: Access,
  { freshLogin = false, ...required }: RequiredAccess,
  nowMs: number,
): void {
  const missing = missingPermissions(access, required)
  if (missing.roles.length + missing.scope.length > 0)
    throw new ServiceError('insufficient_scope', { missing })
  if (freshLogin && !isFresh(access.authTimeMs, nowMs))
    throw new ServiceError('insufficient_user_authentication', { max_age: MAX_AUTH_AGE_SECONDS })
}

/** @throws {ServiceError} `insufficient_user_authentication` */
export function requireFreshLogin({ nowMs }: RequestContext, { authTime }: Session): void {
  authorize({ roles: [], scope: [], authTimeMs: authTime }, { roles: [], scope: [], freshLogin: true }, nowMs)
}

export function isFreshLogin({ nowMs }: RequestContext, { authTime }: Session): boolean {
  return isFresh(authTime, nowMs)
}

function isFresh(authTimeMs: number, nowMs: number): boolean {
  return nowMs - authTimeMs <= MAX_AUTH_AGE_SECONDS * 1000
}

/** What a token must have to be authorized. */
export interface RequiredToken extends RequiredAccess {
  /** `check` also reads the session, by one RPC, so that a logout takes effect at once. */
  readonly session: 'trust' | 'check'
  /** An `aud` that is accepted in addition to the service's own. */
  readonly audience?: string
}

export interface Identity extends Permissions {
  readonly subject: string
  readonly sessionId: string
  readonly claims: AccessTokenClaims
  /** Null if the session was not checked. */
  readonly activeSession: ActiveSession | null
}

/**
 * Authorizes an access token. If its session is checked, the permissions are those that the account still has.
 * @throws {ServiceError} `invalid_token`, `unavailable`; as authorize
 */
export async function authorizeToken(
  ctx: RequestContext,
  accessToken: string,
  { session, audience, ...required }: RequiredToken,
): Promise<Identity> {
  const claims = await verifyBearer(ctx, accessToken, audience)
  const activeSession = session === 'check' ? await checkSession(ctx, claims) : null
  const access = accessOf(claims, activeSession)
  authorize(access, required, ctx.nowMs)
  const { roles, scope } = access
  return { subject: claims.sub, sessionId: claims.sid, claims, activeSession, roles, scope }
}

/** @returns what the token grants; with its session, without the permissions that the account no longer has */
export function accessOf(claims: AccessTokenClaims, activeSession: ActiveSession | null): Access {
  const scope = scopeNames(claims.scope)
  if (activeSession === null) return { roles: claims.roles, scope, authTimeMs: claims.auth_time * 1000 }
  const { profile, session } = activeSession
  return {
    roles: claims.roles.filter((role) => profile.roles.includes(role)),
    scope: scope.filter((name) => profile.scopes.includes(name)),
    authTimeMs: session.authTime,
  }
}
