/** `gatehouse-edge/verify/fastify`. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { AccessTokenClaims } from './access-token.ts'
import { type Requirement, readRequirement } from './bearer.ts'
import { refusalOf, VerificationError } from './refusal.ts'
import type { Verifier } from './verifier.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The claims of the Bearer token, behind `requireBearer` alone: types cannot tell which routes are, and a handler
     * that has them is not to ask whether it does.
     */
    user: AccessTokenClaims
  }
}

/**
 * An `onRequest` hook: lets a request pass whose Bearer token is valid and has what is needed, with its
 * claims as `request.user`; else 401, 403 or 503.
 * @throws {TypeError} for a requirement that is none
 */
export function requireBearer(verifier: Verifier, requirement: Requirement = {}) {
  const needed = readRequirement(requirement)
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    try {
      request.user = await verifier.verifyRequest(request, needed)
      return undefined
    } catch (error) {
      if (!(error instanceof VerificationError)) throw error
      const { status, headers, body } = refusalOf(error)
      return reply.code(status).headers(headers).send(body)
    }
  }
}
