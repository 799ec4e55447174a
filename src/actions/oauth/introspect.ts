/** Token introspection (RFC 7662). */
import { ServiceError } from '../../errors/service-error.ts'
import type { Services } from '../../services.ts'
import type { AccessTokenClaims } from '../../verify/access-token.ts'
import { scopeNames } from '../../verify/bearer.ts'
import { readAccessToken } from '../session/authenticate.ts'
import { checkCurrentPermissions } from '../session/authorize.ts'
import type { AuthenticatedClient } from './authenticate-client.ts'

/**
 * Verifies an access token and checks its session. Roles and scopes are those that the account still has.
 * @returns the token's claims; null if it is not a valid access token, or not one that the client may introspect
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
    const claimed = { roles: claims.roles, scope: scopeNames(claims.scope) }
    const { roles, scope } = await checkCurrentPermissions(services, claims, claimed)
    return { ...claims, roles, scope: scope.join(' ') }
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'invalid_token') return null
    throw error
  }
}

/**
 * A client must not learn about tokens that are meant for others (RFC 7662 section 4). They are reported as inactive
 * (section 2.2).
 */
function mayIntrospect({ clientId, audience }: AuthenticatedClient, claims: AccessTokenClaims): boolean {
  return claims.aud === audience || claims.client_id === clientId
}
