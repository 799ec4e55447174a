/** `gatehouse-edge/verify/fastify`. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AccessTokenClaims } from './access-token.ts'
import { parseRequiredPermissions, type RequiredPermissions } from './bearer.ts'
import { refusalOf, VerificationError } from './refusal.ts'
import type { Verifier } from './verifier.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The claims of the Bearer token. Set only on routes behind `requireBearer`: types cannot express which routes those
     * are, and a handler behind it should not have to check for undefined.
     */
    user: AccessTokenClaims
  }
}

/**
 * An `onRequest` hook that passes requests with a valid Bearer token that has the required permissions, and sets its claims
 * as `request.user`. Responds to other requests with 401, 403 or 503.
 * @throws {TypeError} for invalid required permissions
 */
export function requireBearer(verifier: Verifier, required: RequiredPermissions = {}) {
  const permissions = parseRequiredPermissions(required)
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    try {
      request.user = await verifier.verifyRequest(request, permissions)
      return undefined
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error
      const { status, headers, body } = refusalOf(error)
      return reply.code(status).headers(headers).send(body)
    }
  }
}
