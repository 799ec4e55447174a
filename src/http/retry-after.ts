/** When to try again (RFC 9110 section 10.2.3). */

import { OAuthError } from '../errors/oauth-error.ts'
import { ERRORS, type ServiceError } from '../errors/service-error.ts'

const RETRY_UNAVAILABLE_SECONDS = 5

export function retryAfter(error: ServiceError | OAuthError): Readonly<Record<string, string>> {
  const seconds = secondsOf(error)
  return seconds === undefined ? {} : { 'Retry-After': String(seconds) }
}

/** The same as a member of the body: not every client sees the header. */
export function retryAfterMember(error: ServiceError | OAuthError): { readonly retry_after?: number } {
  const seconds = secondsOf(error)
  return seconds === undefined ? {} : { retry_after: seconds }
}

function secondsOf(error: ServiceError | OAuthError): number | undefined {
  if (error instanceof OAuthError) return undefined
  const unavailable = ERRORS[error.code].status === 503 ? RETRY_UNAVAILABLE_SECONDS : undefined
  return error.retryAfterSeconds ?? unavailable
}
