/** `gatehouse-edge/verify/hono`. */
import type { MiddlewareHandler } from 'hono'
import type { AccessTokenClaims } from './access-token.ts'
import { type Requirement, readRequirement } from './bearer.ts'
import { refusalOf, VerificationError } from './refusal.ts'
import type { Verifier } from './verifier.ts'

/** Where Hono's own JWT middleware puts them. */
export interface BearerVariables {
  /** The claims of the Bearer token. */
  jwtPayload: AccessTokenClaims
}

/**
 * Lets a request pass whose Bearer token is valid and has what is needed, with its
 * claims as `c.get('jwtPayload')`; else 401, 403 or 503.
 * @throws {TypeError} for a requirement that is none
 */
export function requireBearer(
  verifier: Verifier,
  requirement: Requirement = {},
): MiddlewareHandler<{ Variables: BearerVariables }> {
  const needed = readRequirement(requirement)
  return async (c, next) => {
    try {
      c.set('jwtPayload', await verifier.verifyRequest(c.req.raw, needed))
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error
      const { status, headers, body } = refusalOf(error)
      return new Response(body, { status, headers })
    }
    return next()
  }
}
