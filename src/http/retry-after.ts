/** When to try again (RFC 9110 section 10.2.3). */
import { ERRORS, type ServiceError } from '../errors.ts'
import { OAuthError } from '../oauth-errors.ts'

const RETRY_UNAVAILABLE_SECONDS = 5

export function retryAfter(error: ServiceError | OAuthError): Readonly<Record<string, string>> {
  if (error instanceof OAuthError) return {}
  const unavailable = ERRORS[error.code].status === 503 ? RETRY_UNAVAILABLE_SECONDS : undefined
  const seconds = error.retryAfterSeconds ?? unavailable
  return seconds === undefined ? {} : { 'Retry-After': String(seconds) }
}
