/** What is true of a token now (RFC 7662). */
import { ServiceError } from '../../errors/service-error.ts'
import type { Services } from '../../services.ts'
import type { AccessTokenClaims } from '../../verify/access-token.ts'
import { scopeNames } from '../../verify/bearer.ts'
import { readAccessToken } from '../session/authenticate.ts'
import { checkCurrentPermissions } from '../session/authorize.ts'
import type { AuthenticatedClient } from './authenticate-client.ts'

/**
 * Checks an access token, and its session alive. Roles and scopes are those that the account still has.
 * @returns its claims, or null for anything that is no valid one, or none that this client may ask about
 * @throws {ServiceError} `unavailable`
 */
export async function introspect(
  services: Services,
  client: AuthenticatedClient,
  token: string,
): Promise<AccessTokenClaims | null> {
  const claims = await readAccessToken(services, token, client.audience)
  if (claims === null || !mayIntrospect(client, claims)) return null
  try {
    const names = { roles: claims.roles, scope: scopeNames(claims.scope) }
    const { roles, scope } = await checkCurrentPermissions(services, claims, names)
    return { ...claims, roles, scope: scope.join(' ') }
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'invalid_token') return null
    throw error
  }
}

/** RFC 7662 section 4: a token for somebody else is no business of the client's, and section 2.2 says how to answer. */
function mayIntrospect({ clientId, audience }: AuthenticatedClient, claims: AccessTokenClaims): boolean {
  return claims.aud === audience || claims.client_id === clientId
}
