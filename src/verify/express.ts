/** `gatehouse-edge/verify/express`: also for Connect and Polka, whose middleware has the same shape. */
import type { AccessTokenClaims } from './access-token.ts'
import { type Requirement, readRequirement } from './bearer.ts'
import { refusalOf, VerificationError } from './refusal.ts'
import type { Verifier } from './verifier.ts'

declare global {
  namespace Express {
    interface Request {
      /**
       * The claims of the Bearer token, behind `requireBearer` alone: types cannot tell which routes are, and a handler
       * that has them is not to ask whether it does.
       */
      auth: AccessTokenClaims
    }
  }
}

interface IncomingRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  auth?: AccessTokenClaims
}

interface ServerResponse {
  readonly headersSent: boolean
  statusCode: number
  setHeader(name: string, value: string): unknown
  end(body: string): unknown
}

/**
 * Lets a request pass whose Bearer token is valid and has what is needed, with its
 * claims as `request.auth`; else 401, 403 or 503.
 * @throws {TypeError} for a requirement that is none
 */
export function requireBearer(verifier: Verifier, requirement: Requirement = {}) {
  const needed = readRequirement(requirement)
  return async (
    request: IncomingRequest,
    response: ServerResponse,
    next: (error?: unknown) => void,
  ): Promise<void> => {
    try {
      request.auth = await verifier.verifyRequest(request, needed)
    } catch (error) {
      return error instanceof VerificationError ? refuse(response, error) : next(error)
    }
    next()
  }
}

function refuse(response: ServerResponse, error: VerificationError): void {
  // Somebody answered meanwhile, such as a time limit: what is thrown here would end the process (Express 4).
  if (response.headersSent) return
  const { status, headers, body } = refusalOf(error)
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.end(body)
}
