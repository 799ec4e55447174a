/** `gatehouse-edge/verify/hono`. */
import type { MiddlewareHandler } from 'hono'
import type { AccessTokenClaims } from './access-token.ts'
import { parseRequiredPermissions, type RequiredPermissions } from './bearer.ts'
import { refusalOf, VerificationError } from './refusal.ts'
import type { Verifier } from './verifier.ts'

/** The same variable that Hono's own JWT middleware sets. */
export interface BearerVariables {
  /** The claims of the Bearer token. */
  jwtPayload: AccessTokenClaims
}

/**
 * Middleware that passes requests with a valid Bearer token that has the required permissions, and sets its claims as
 * `c.get('jwtPayload')`. Responds to other requests with 401, 403 or 503.
 * @throws {TypeError} for invalid required permissions
 */
export function requireBearer(
  verifier: Verifier,
  required: RequiredPermissions = {},
): MiddlewareHandler<{ Variables: BearerVariables }> {
  const permissions = parseRequiredPermissions(required)
  return async (c, next) => {
    try {
      c.set('jwtPayload', await verifier.verifyRequest(c.req.raw, permissions))
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error
      const { status, headers, body } = refusalOf(error)
      return new Response(body, { status, headers })
    }
    return next()
  }
}
