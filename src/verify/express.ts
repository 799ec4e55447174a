/** `gatehouse-edge/verify/express`: for Express, and for Connect and Polka, whose middleware has the same signature. */
import type { AccessTokenClaims } from './access-token.ts'
import { parseRequiredPermissions, type RequiredPermissions } from './bearer.ts'
import { refusalOf, VerificationError } from './refusal.ts'
import type { Verifier } from './verifier.ts'

declare global {
  namespace Express {
    interface Request {
      /**
       * The claims of the Bearer token. Set only on routes behind `requireBearer`: types cannot express which routes those
       * are, and a handler behind it should not have to check for undefined.
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
 * Middleware that passes requests with a valid Bearer token that has the required permissions, and sets its claims as
 * `request.auth`. Responds to other requests with 401, 403 or 503.
 * @throws {TypeError} for invalid required permissions
 */
export function requireBearer(verifier: Verifier, required: RequiredPermissions = {}) {
  const permissions = parseRequiredPermissions(required)
  return async (
    request: IncomingRequest,
    response: ServerResponse,
    next: (error?: unknown) => void,
  ): Promise<void> => {
    try {
      request.auth = await verifier.verifyRequest(request, permissions)
    } catch (error) {
      return error instanceof VerificationError ? refuse(response, error) : next(error)
    }
    next()
  }
}

function refuse(response: ServerResponse, error: VerificationError): void {
  // Other code, such as a timeout, may have responded already. Setting headers would then throw, which ends the process in
  // Express 4.
  if (response.headersSent) return
  const { status, headers, body } = refusalOf(error)
  response.statusCode = status
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  response.end(body)
}
