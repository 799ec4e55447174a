/** Problem answers (RFC 9457): the one place where an error becomes a response. */
import type { Context } from 'hono'
import { ERRORS, ServiceError } from '../errors.ts'
import { describeFault, log } from '../log.ts'
import { bearerToken } from './bearer-token.ts'
import type { AppEnv } from './context.ts'
import { retryAfter } from './retry-after.ts'

/** @param publicUrl the service's own address; null where it is not known, because it is misconfigured */
export function problemResponse(c: Context<AppEnv>, error: ServiceError, publicUrl: string | null): Response {
  const { status, title, detail } = ERRORS[error.code]
  c.set('errorCode', error.code)
  const type = publicUrl === null ? 'about:blank' : `${publicUrl}/errors/${error.code}`
  const body = { type, title, status, detail, code: error.code, ...error.members }
  const headers = new Headers({ 'Content-Type': 'application/problem+json', ...retryAfter(error) })
  const authenticate = wwwAuthenticate(c, error)
  if (authenticate !== null) headers.set('WWW-Authenticate', authenticate)
  return c.newResponse(JSON.stringify(body), { status, headers })
}

/** Anything that is no ServiceError is a defect: 500, with the reason in the log alone. */
export function toServiceError(c: Context<AppEnv>, fault: unknown): ServiceError {
  const error = fault instanceof ServiceError ? fault : new ServiceError('internal', {}, { cause: fault })
  if (error.cause !== undefined) {
    log('error', error.code, { request_id: c.get('requestId'), fault: describeFault(error.cause) })
  }
  return error
}

/** RFC 9110 section 15.5.2; RFC 6750 section 3.1: an error only where a Bearer token was sent and is at fault. */
function wwwAuthenticate(c: Context<AppEnv>, { code }: ServiceError): string | null {
  const challenge = 'Bearer realm="gatehouse"'
  if (code === 'insufficient_scope') return `${challenge}, error="insufficient_scope"`
  if (ERRORS[code].status !== 401) return null
  const atFault = code === 'invalid_token' && bearerToken(c) !== null
  return atFault ? `${challenge}, error="invalid_token"` : challenge
}
