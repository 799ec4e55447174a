/** Turns every error into a response: a problem (RFC 9457), or at /oauth2 an OAuth error (RFC 6749 section 5.2). */

import type { Context } from 'hono'
import { ERRORS, type ErrorCode, OAUTH_ERRORS, type OAuthErrorCode } from '../errors/codes.ts'
import { OAuthError, ServiceError } from '../errors/service-error.ts'
import { describeError, log } from '../runtime/log.ts'
import { SCOPE } from '../runtime/text.ts'
import type { Permissions } from '../verify/bearer.ts'
import type { AppContext, AppEnv } from './context.ts'
import { bearerToken } from './credentials.ts'

const OAUTH_PATHS = '/oauth2/'

/**
 * @param error any thrown value
 * @param publicUrl the service's own address; null if it is not known, because the service is misconfigured
 */
export function errorResponse(c: AppContext, error: unknown, publicUrl: string | null): Response {
  if (error instanceof OAuthError) return oauthErrorResponse(c, error)
  const serviceError = toServiceError(c, error)
  return c.req.path.startsWith(OAUTH_PATHS)
    ? oauthErrorResponse(c, serviceError)
    : problemResponse(c, serviceError, publicUrl)
}

function problemResponse(c: Context<AppEnv>, error: ServiceError, publicUrl: string | null): Response {
  const { status } = ERRORS[error.code]
  c.set('errorCode', error.code)
  const type = publicUrl === null ? 'about:blank' : `${publicUrl}/errors/${error.code}`
  const standard = { type, title: titleOf(error), status, detail: detailOf(c, error), code: error.code }
  const body = { ...standard, ...error.members, ...retryAfterMember(error) }
  const headers = new Headers({ 'Content-Type': 'application/problem+json', ...retryAfter(error) })
  const authenticate = wwwAuthenticate(c, error)
  if (authenticate !== null) headers.set('WWW-Authenticate', authenticate)
  return c.newResponse(JSON.stringify(body), { status, headers })
}

/** Any value other than a ServiceError is a defect, which becomes 500 `internal`. Causes are logged and never sent. */
export function toServiceError(c: Context<AppEnv>, error: unknown): ServiceError {
  const serviceError =
    error instanceof ServiceError ? error : new ServiceError('internal', {}, { cause: error })
  const { code, cause } = serviceError
  if (cause !== undefined) log('error', code, { request_id: c.get('requestId'), error: describeError(cause) })
  return serviceError
}

function titleOf({ code, members }: ServiceError): string {
  const { title } = ERRORS[code]
  const missing = members.missing === undefined ? '' : describePermissions(members.missing)
  return missing === '' ? title : `${title}: missing ${missing}`
}

/** More would make a title too long; `missing` lists all. */
const MAX_PERMISSIONS_IN_TITLE = 8

/**
 * Leaves out names that no account can have: forward auth takes names from a query, where they may be any text. Those are in
 * `missing` only.
 */
function describePermissions({ roles, scope }: Permissions): string {
  const valid = (kind: string, names: readonly string[]) =>
    names.filter((name) => SCOPE.test(name)).map((name) => `${kind} ${name}`)
  const all = [...valid('role', roles), ...valid('scope', scope)]
  const more = all.length > MAX_PERMISSIONS_IN_TITLE ? [`${all.length - MAX_PERMISSIONS_IN_TITLE} more`] : []
  return [...all.slice(0, MAX_PERMISSIONS_IN_TITLE), ...more].join(', ')
}

function detailOf(c: Context<AppEnv>, { code }: ServiceError): string {
  const { detail } = ERRORS[code]
  if (code !== 'too_many_registrations') return detail
  const { development, publicUrl } = c.get('ctx').services.config.deployment
  return development ? `${detail} ${disableLimitHint(publicUrl)}` : detail
}

/** For developers, who register often while they try the service. The shell reads the token, so that no error contains a secret. */
function disableLimitHint(publicUrl: string): string {
  const path = '/admin/limits/registrations_per_ip'
  const headers = `-H "Authorization: Bearer $ADMIN_TOKEN" -H 'Content-Type: application/json'`
  const token = 'ADMIN_TOKEN=$(sed -n s/^ADMIN_TOKEN=//p .dev.vars)'
  const command = `${token}; curl -X PUT ${publicUrl}${path} ${headers} -d '{"enabled":false}'`
  return `To go on at once, PUT ${path}: ${command}`
}

/** RFC 9110 section 15.5.2; RFC 6750 section 3.1: an error code only if a Bearer token was sent and is invalid. */
function wwwAuthenticate(c: Context<AppEnv>, { code, members }: ServiceError): string | null {
  const challenge = 'Bearer realm="gatehouse"'
  // RFC 9470 section 3.
  if (code === 'insufficient_user_authentication') {
    return `${challenge}, error="${code}", max_age="${members.max_age}"`
  }
  if (code === 'insufficient_scope') return `${challenge}, error="insufficient_scope"`
  if (ERRORS[code].status !== 401) return null
  const isTokenInvalid = code === 'invalid_token' && bearerToken(c) !== null
  return isTokenInvalid ? `${challenge}, error="invalid_token"` : challenge
}

/** The service's own codes for errors that RFC 6749 section 5.2 calls `invalid_request`. */
const INVALID_REQUESTS: readonly ErrorCode[] = ['invalid_request', 'malformed_json', 'malformed_request']

function oauthErrorResponse(c: AppContext, error: ServiceError | OAuthError): Response {
  const { status, code, description } = toOAuthFields(error)
  c.set('errorCode', code)
  const headers = new Headers({ 'Content-Type': 'application/json', ...retryAfter(error) })
  // RFC 9110 section 15.5.2; RFC 6749 section 5.2.
  if (status === 401) headers.set('WWW-Authenticate', 'Basic realm="gatehouse"')
  const body = JSON.stringify({ error: code, error_description: description, ...retryAfterMember(error) })
  return c.newResponse(body, { status, headers })
}

interface OAuthErrorFields {
  readonly code: ErrorCode | OAuthErrorCode
  readonly status: (typeof ERRORS)[ErrorCode]['status']
  readonly description: string
}

function toOAuthFields(error: ServiceError | OAuthError): OAuthErrorFields {
  if (error instanceof OAuthError) return { code: error.code, ...OAUTH_ERRORS[error.code] }
  if (INVALID_REQUESTS.includes(error.code)) return toOAuthFields(new OAuthError('invalid_request'))
  const { status, detail } = ERRORS[error.code]
  return { code: error.code, status, description: error.members.detail ?? detail }
}

const RETRY_UNAVAILABLE_SECONDS = 5

export function retryAfter(error: ServiceError | OAuthError): Readonly<Record<string, string>> {
  const seconds = retryAfterSeconds(error)
  return seconds === undefined ? {} : { 'Retry-After': String(seconds) }
}

/** The same as a member of the body, for code that cannot read the header. */
function retryAfterMember(error: ServiceError | OAuthError): { readonly retry_after?: number } {
  const seconds = retryAfterSeconds(error)
  return seconds === undefined ? {} : { retry_after: seconds }
}

function retryAfterSeconds(error: ServiceError | OAuthError): number | undefined {
  if (error instanceof OAuthError) return undefined
  const unavailable = ERRORS[error.code].status === 503 ? RETRY_UNAVAILABLE_SECONDS : undefined
  return error.retryAfterSeconds ?? unavailable
}
