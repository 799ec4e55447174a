/** Errors of the /oauth2 calls (RFC 6749 section 5.2): by the RFC's name where it has one, else by the service's own. */

import { OAUTH_ERRORS, OAuthError, type OAuthErrorCode } from '../errors/oauth-error.ts'
import { ERRORS, type ErrorCode, type ServiceError } from '../errors/service-error.ts'
import type { AppContext } from './context.ts'
import { retryAfter, retryAfterMember } from './retry-after.ts'

/** The service's own codes for what the RFC calls `invalid_request`. */
const INVALID_REQUESTS: readonly ErrorCode[] = ['invalid_request', 'malformed_json', 'malformed_request']

export function oauthErrorResponse(c: AppContext, error: ServiceError | OAuthError): Response {
  const { status, code, description } = describe(error)
  c.set('errorCode', code)
  const headers = new Headers({ 'Content-Type': 'application/json', ...retryAfter(error) })
  // RFC 9110 section 15.5.2; RFC 6749 section 5.2.
  if (status === 401) headers.set('WWW-Authenticate', 'Basic realm="gatehouse"')
  const body = JSON.stringify({ error: code, error_description: description, ...retryAfterMember(error) })
  return c.newResponse(body, { status, headers })
}

interface Described {
  readonly code: ErrorCode | OAuthErrorCode
  readonly status: (typeof ERRORS)[ErrorCode]['status']
  readonly description: string
}

function describe(error: ServiceError | OAuthError): Described {
  if (error instanceof OAuthError) return { code: error.code, ...OAUTH_ERRORS[error.code] }
  if (INVALID_REQUESTS.includes(error.code)) return describe(new OAuthError('invalid_request'))
  const { status, detail } = ERRORS[error.code]
  return { code: error.code, status, description: error.members.detail ?? detail }
}
