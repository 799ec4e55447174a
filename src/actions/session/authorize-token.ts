/** Whom a request to an origin comes from, as the gate vouches for them. */
import type { Services } from '../../services.ts'
import type { AccessTokenClaims } from '../../verify/access-token.ts'
import { type Names, scopeNames } from '../../verify/bearer.ts'
import { checkSession, verifyBearer } from './authenticate.ts'
import { authorize, currentPermissions } from './authorize.ts'

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
