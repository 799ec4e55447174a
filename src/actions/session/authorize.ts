/** What a token or a session may do: required permissions, and a login recent enough. */
import type { AccountProfile } from '../../accounts/account.ts'
import { ServiceError } from '../../errors/service-error.ts'
import type { Services } from '../../services.ts'
import type { Session } from '../../sessions/session.ts'
import type { AccessTokenClaims } from '../../verify/access-token.ts'
import { type Names, scopeNames } from '../../verify/bearer.ts'
import { checkSession, verifyBearer } from './authenticate.ts'

/** @throws {ServiceError} `insufficient_scope`, with what is missing */
export function authorize(held: Names, required: Names): void {
  const missing = {
    roles: lacking(held.roles, required.roles),
    scope: lacking(held.scope, required.scope),
  }
  if (missing.roles.length + missing.scope.length > 0)
    throw new ServiceError('insufficient_scope', { missing })
}

/** @returns of what a token grants the part that its account still has */
export function currentPermissions(
  { roles, scope }: Names,
  profile: Pick<AccountProfile, 'roles' | 'scopes'>,
): Names {
  return {
    roles: roles.filter((role) => profile.roles.includes(role)),
    scope: scope.filter((name) => profile.scopes.includes(name)),
  }
}

function lacking(held: readonly string[], required: readonly string[]): readonly string[] {
  return [...new Set(required)].filter((name) => !held.includes(name))
}

const MAX_AUTH_AGE_SECONDS = 900

/** @throws {ServiceError} `insufficient_user_authentication` (RFC 9470 section 3) */
export function requireFreshLogin(services: Services, session: Session): void {
  if (isFreshLogin(services, session)) return
  throw new ServiceError('insufficient_user_authentication', { max_age: MAX_AUTH_AGE_SECONDS })
}

export function isFreshLogin({ nowMs }: Pick<Services, 'nowMs'>, { authTime }: Session): boolean {
  return nowMs - authTime <= MAX_AUTH_AGE_SECONDS * 1000
}

/** What a token must have to pass. */
export interface Requirement extends Names {
  /** Whether its session is looked up, too: one RPC, and a log out is in force at once. */
  readonly session: 'trust' | 'check'
  /** An `aud` that is accepted beside the service's own. */
  readonly audience?: string
}

export interface Identity extends Names {
  readonly subject: string
  readonly sessionId: string
  readonly claims: AccessTokenClaims
}

/**
 * Lets a token pass. With its session checked, roles and scopes are those that the account still has.
 * @throws {ServiceError} `invalid_token`, `insufficient_scope`, `unavailable`
 */
export async function authorizeToken(
  services: Services,
  accessToken: string,
  { session, roles, scope, audience }: Requirement,
): Promise<Identity> {
  const claims = await verifyBearer(services, accessToken, audience)
  const granted = { roles: claims.roles, scope: scopeNames(claims.scope) }
  const held = session === 'check' ? await checkCurrentPermissions(services, claims, granted) : granted
  authorize(held, { roles, scope })
  return { subject: claims.sub, sessionId: claims.sid, claims, ...held }
}

/**
 * Of a token's roles and scopes those that its account still has; looks its session up.
 * @throws {ServiceError} `invalid_token` where that has ended, `unavailable`
 */
export async function checkCurrentPermissions(
  services: Services,
  claims: AccessTokenClaims,
  granted: Names,
): Promise<Names> {
  const { profile } = await checkSession(services, claims)
  return currentPermissions(granted, profile)
}
