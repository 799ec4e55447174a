/** Whom a request to an origin comes from, as the gate vouches for them. */
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import type { AccessTokenClaims } from '../verify/access-token.ts'
import { checkSession, verifyBearer } from './authenticate.ts'

/** What a token must have to pass. */
export interface Requirement {
  /** Whether its session is looked up, too: one RPC, and a log out is in force at once. */
  readonly session: 'trust' | 'check'
  /** All of them are needed. */
  readonly roles: readonly string[]
  /** All of them are needed. */
  readonly scope: readonly string[]
}

export interface Identity {
  readonly subject: string
  readonly sessionId: string
  readonly roles: readonly string[]
  readonly scope: readonly string[]
  readonly claims: AccessTokenClaims
}

/**
 * Lets a token pass. With its session checked, roles and scopes are those that the account still has.
 * @throws {ServiceError} `invalid_token`, `insufficient_scope`, `unavailable`
 */
export async function identify(
  services: Services,
  accessToken: string,
  { session, roles, scope }: Requirement,
): Promise<Identity> {
  const claims = await verifyBearer(services, accessToken)
  const granted = { roles: claims.roles, scope: claims.scope.split(' ').filter((name) => name !== '') }
  const identity = session === 'check' ? await keepPresent(services, claims, granted) : granted
  const lacks = (needed: readonly string[], held: readonly string[]) => {
    return !needed.every((name) => held.includes(name))
  }
  if (lacks(roles, identity.roles) || lacks(scope, identity.scope)) {
    throw new ServiceError('insufficient_scope')
  }
  return { subject: claims.sub, sessionId: claims.sid, claims, ...identity }
}

async function keepPresent(
  services: Services,
  claims: AccessTokenClaims,
  { roles, scope }: Pick<Identity, 'roles' | 'scope'>,
): Promise<Pick<Identity, 'roles' | 'scope'>> {
  const { facts } = await checkSession(services, claims)
  return {
    roles: roles.filter((role) => facts.roles.includes(role)),
    scope: scope.filter((name) => facts.scopes.includes(name)),
  }
}
