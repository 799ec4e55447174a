/** Authorization: permissions that a token must have, and logins that must be recent. */
import type { AccountProfile } from '../../accounts/account.ts'
import { ServiceError } from '../../errors/service-error.ts'
import type { Session } from '../../sessions/session.ts'
import type { AccessTokenClaims } from '../../verify/access-token.ts'
import { type Permissions, scopeNames } from '../../verify/bearer.ts'
import type { RequestContext } from '../request-context.ts'
import { checkSession, verifyBearer } from './authenticate.ts'

/** @throws {ServiceError} `insufficient_scope` with the missing permissions */
export function requirePermissions(granted: Permissions, required: Permissions): void {
  const missing = {
    roles: missingFrom(granted.roles, required.roles),
    scope: missingFrom(granted.scope, required.scope),
  }
  if (missing.roles.length + missing.scope.length > 0)
    throw new ServiceError('insufficient_scope', { missing })
}

/** @returns the permissions of a token that its account still has */
export function currentPermissions(
  { roles, scope }: Permissions,
  profile: Pick<AccountProfile, 'roles' | 'scopes'>,
): Permissions {
  return {
    roles: roles.filter((role) => profile.roles.includes(role)),
    scope: scope.filter((name) => profile.scopes.includes(name)),
  }
}

function missingFrom(granted: readonly string[], required: readonly string[]): readonly string[] {
  return [...new Set(required)].filter((name) => !granted.includes(name))
}

const MAX_AUTH_AGE_SECONDS = 900

/** @throws {ServiceError} `insufficient_user_authentication` (RFC 9470 section 3) */
export function requireFreshLogin(ctx: RequestContext, session: Session): void {
  if (isFreshLogin(ctx, session)) return
  throw new ServiceError('insufficient_user_authentication', { max_age: MAX_AUTH_AGE_SECONDS })
}

export function isFreshLogin({ nowMs }: Pick<RequestContext, 'nowMs'>, { authTime }: Session): boolean {
  return nowMs - authTime <= MAX_AUTH_AGE_SECONDS * 1000
}

/** What a token must have to be authorized. */
export interface RequiredAccess extends Permissions {
  /** `check` also reads the session, by one RPC, so that a logout takes effect at once. */
  readonly session: 'trust' | 'check'
  /** An `aud` that is accepted in addition to the service's own. */
  readonly audience?: string
}

export interface Identity extends Permissions {
  readonly subject: string
  readonly sessionId: string
  readonly claims: AccessTokenClaims
}

/**
 * Authorizes an access token. If its session is checked, the permissions are those that the account still has.
 * @throws {ServiceError} `invalid_token`, `insufficient_scope`, `unavailable`
 */
export async function authorizeToken(
  ctx: RequestContext,
  accessToken: string,
  { session, roles, scope, audience }: RequiredAccess,
): Promise<Identity> {
  const claims = await verifyBearer(ctx, accessToken, audience)
  const claimed = { roles: claims.roles, scope: scopeNames(claims.scope) }
  const granted = session === 'check' ? await checkCurrentPermissions(ctx, claims, claimed) : claimed
  requirePermissions(granted, { roles, scope })
  return { subject: claims.sub, sessionId: claims.sid, claims, ...granted }
}

/**
 * Checks a token's session.
 * @param claimed the permissions of the token
 * @returns those that its account still has
 * @throws {ServiceError} `invalid_token` if the session has ended; `unavailable`
 */
export async function checkCurrentPermissions(
  ctx: RequestContext,
  claims: AccessTokenClaims,
  claimed: Permissions,
): Promise<Permissions> {
  const { profile } = await checkSession(ctx, claims)
  return currentPermissions(claimed, profile)
}
