/** The headers by which an origin learns whom a request comes from. */
import type { Identity } from '../actions/session/authorize-token.ts'

export const ASSERTION_HEADER = 'X-Auth-Assertion'

export function identityHeaders({
  subject,
  sessionId,
  roles,
  scope,
}: Identity): Readonly<Record<string, string>> {
  return {
    'X-Auth-Subject': subject,
    'X-Auth-Session': sessionId,
    'X-Auth-Roles': roles.join(' '),
    'X-Auth-Scope': scope.join(' '),
  }
}
