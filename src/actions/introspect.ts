/** What is true of a token now (RFC 7662). */
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import type { AccessTokenClaims } from '../verify/access-token.ts'
import { identify } from './identify.ts'

/**
 * Checks an access token, and its session alive. Roles and scopes are those that the account still has.
 * @returns its claims, or null for anything that is no valid one
 * @throws {ServiceError} `unavailable`
 */
export async function introspect(services: Services, token: string): Promise<AccessTokenClaims | null> {
  try {
    const { claims, roles, scope } = await identify(services, token, {
      session: 'check',
      roles: [],
      scope: [],
    })
    return { ...claims, roles, scope: scope.join(' ') }
  } catch (fault) {
    if (fault instanceof ServiceError && fault.code === 'invalid_token') return null
    throw fault
  }
}
