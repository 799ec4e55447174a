/** The one place where an error becomes a response: a problem (RFC 9457), or at /oauth2 an OAuth error (RFC 6749 section 5.2). */

import type { Context } from 'hono'
import {
  ERRORS,
  type ErrorCode,
  OAUTH_ERRORS,
  OAuthError,
  type OAuthErrorCode,
  ServiceError,
} from '../errors/service-error.ts'
import { describeError, log } from '../runtime/log.ts'
import { SCOPE } from '../runtime/text.ts'
import type { Names } from '../verify/bearer.ts'
import type { AppContext, AppEnv } from './context.ts'
import { bearerToken } from './credentials.ts'

const OAUTH_PATHS = '/oauth2/'

/** @param publicUrl the service's own address; null where it is not known, because it is misconfigured */
export function errorResponse(c: AppContext, error: ServiceError, publicUrl: string | null): Response {
  return c.req.path.startsWith(OAUTH_PATHS)
    ? oauthErrorResponse(c, error)
    : problemResponse(c, error, publicUrl)
}

export function faultResponse(c: AppContext, error: unknown, publicUrl: string | null): Response {
  if (error instanceof OAuthError) return oauthErrorResponse(c, error)
  return errorResponse(c, toServiceError(c, error), publicUrl)
}

/** @param publicUrl the service's own address; null where it is not known, because it is misconfigured */
export function problemResponse(c: Context<AppEnv>, error: ServiceError, publicUrl: string | null): Response {
  const { status } = ERRORS[error.code]
  c.set('errorCode', error.code)
  const type = publicUrl === null ? 'about:blank' : `${publicUrl}/errors/${error.code}`
  const said = { type, title: titleOf(error), status, detail: detailOf(c, error), code: error.code }
  const body = { ...said, ...error.members, ...retryAfterMember(error) }
  const headers = new Headers({ 'Content-Type': 'application/problem+json', ...retryAfter(error) })
  const authenticate = wwwAuthenticate(c, error)
  if (authenticate !== null) headers.set('WWW-Authenticate', authenticate)
  return c.newResponse(JSON.stringify(body), { status, headers })
}

/** Anything that is no ServiceError is a defect: 500, with the reason in the log alone. */
export function toServiceError(c: Context<AppEnv>, error: unknown): ServiceError {
  const serviceError =
    error instanceof ServiceError ? error : new ServiceError('internal', {}, { cause: error })
  const { code, cause } = serviceError
  if (cause !== undefined) log('error', code, { request_id: c.get('requestId'), error: describeError(cause) })
  return serviceError
}

function titleOf({ code, members }: ServiceError): string {
  const { title } = ERRORS[code]
  const named = members.missing === undefined ? '' : namesOf(members.missing)
  return named === '' ? title : `${title}: missing ${named}`
}

/** A title is read at a glance; `missing` has them all. */
const MAX_NAMED = 8

/** Forward auth takes names from a query: one that no account can have may be any text, and is in `missing` alone. */
function namesOf({ roles, scope }: Names): string {
  const usable = (kind: string, names: readonly string[]) =>
    names.filter((name) => SCOPE.test(name)).map((name) => `${kind} ${name}`)
  const all = [...usable('role', roles), ...usable('scope', scope)]
  const more = all.length > MAX_NAMED ? [`${all.length - MAX_NAMED} more`] : []
  return [...all.slice(0, MAX_NAMED), ...more].join(', ')
}

function detailOf(c: Context<AppEnv>, { code }: ServiceError): string {
  const { detail } = ERRORS[code]
  if (code !== 'too_many_registrations') return detail
  const { development, publicUrl } = c.get('services').config.deployment
  return development ? `${detail} ${howToGoOn(publicUrl)}` : detail
}

/** A developer who tries the service registers often. The shell reads the token: no secret is in an error. */
function howToGoOn(publicUrl: string): string {
  const path = '/admin/limits/registrations_per_ip'
  const headers = `-H "Authorization: Bearer $ADMIN_TOKEN" -H 'Content-Type: application/json'`
  const token = 'ADMIN_TOKEN=$(sed -n s/^ADMIN_TOKEN=//p .dev.vars)'
  const command = `${token}; curl -X PUT ${publicUrl}${path} ${headers} -d '{"enabled":false}'`
  return `To go on at once, PUT ${path}: ${command}`
}

/** RFC 9110 section 15.5.2; RFC 6750 section 3.1: an error only where a Bearer token was sent and is at fault. */
function wwwAuthenticate(c: Context<AppEnv>, { code, members }: ServiceError): string | null {
  const challenge = 'Bearer realm="gatehouse"'
  // RFC 9470 section 3.
  if (code === 'insufficient_user_authentication') {
    return `${challenge}, error="${code}", max_age="${members.max_age}"`
  }
  if (code === 'insufficient_scope') return `${challenge}, error="insufficient_scope"`
  if (ERRORS[code].status !== 401) return null
  const atFault = code === 'invalid_token' && bearerToken(c) !== null
  return atFault ? `${challenge}, error="invalid_token"` : challenge
}

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
