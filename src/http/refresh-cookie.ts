/**
 * The refresh token as a cookie that no script can read, for pages of the same site (RFC 6265bis). A browser sends it
 * automatically, so a request that uses it must come from a configured origin and have a header that no form can send.
 */
import type { MiddlewareHandler } from 'hono'
import { deleteCookie, setCookie } from 'hono/cookie'
import { createMiddleware } from 'hono/factory'
import { endReplacedSessions } from '../actions/session/end-sessions.ts'
import type { IssuedTokens } from '../actions/session/issue-tokens.ts'
import { ServiceError } from '../errors/service-error.ts'
import type { ActiveSession } from '../sessions/account-rpc.ts'
import type { AppContext, AppEnv } from './context.ts'
import { bearerToken } from './credentials.ts'
import { parseBody, readBounded, setBody, setMissingBody } from './middleware/bodies.ts'

const NAME = 'gatehouse_refresh'
const PATH = '/auth'
const CSRF_HEADER = 'X-Gatehouse-CSRF'
/** RFC 6265bis section 5.5: browsers store no cookie for longer. */
export const MAX_COOKIE_SECONDS = 34_560_000

/**
 * For requests with a refresh token, in a JSON body or, if the body is empty, in the cookie.
 * @throws {ServiceError} `origin_not_allowed`, and the errors of jsonBody
 */
const readTokenBody = (required: boolean) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const bytes = await readBounded(c.req.raw)
    const isEmpty = bytes.length === 0
    const tokenFromCookie = isEmpty && usesCookie(c)
    if (tokenFromCookie) requireCsrfProtection(c)
    c.set('tokenFromCookie', tokenFromCookie)
    // A browser that blocks cookies sends none. The token is then empty, which is never valid.
    if (tokenFromCookie) setMissingBody(c, { refresh_token: readRefreshCookie(c) ?? '' })
    else if (isEmpty && !required) setMissingBody(c, {})
    else setBody(c, bytes)
    await next()
  })

export const refreshBody: MiddlewareHandler<AppEnv>[] = [readTokenBody(true), parseBody]
export const logOutBody: MiddlewareHandler<AppEnv>[] = [readTokenBody(false), parseBody]

/** @throws {ServiceError} `origin_not_allowed` if a page of an origin that is not configured requests a cookie */
export function refuseForeignOrigin(c: AppContext): void {
  const origin = c.req.header('Origin')
  if (origin !== undefined && !isAllowedOrigin(c, origin)) throw new ServiceError('origin_not_allowed')
}

/**
 * Ends the session of the browser's earlier cookie, which the cookie of a login or registration replaces. A page of another site
 * cannot cause this: the cookie is SameSite=Strict, refuseForeignOrigin runs first, and browsers send no JSON without an Origin.
 * It would gain nothing either, since the new cookie replaces the earlier one in any case.
 */
export async function endReplacedSession(c: AppContext, { session }: IssuedTokens): Promise<void> {
  if (session.transport !== 'cookie') return
  await endReplacedSessions(c.get('ctx'), session.id, { refresh: readRefreshCookie(c) })
}

export function setRefreshCookie(c: AppContext, tokens: IssuedTokens): void {
  const options = { ...attributes(c), maxAge: Math.min(tokens.refreshExpiresInSeconds, MAX_COOKIE_SECONDS) }
  setCookie(c, cookieName(c), tokens.refreshToken, options)
}

export function clearRefreshCookie(c: AppContext): void {
  deleteCookie(c, cookieName(c), attributes(c))
}

/** @param ended the session that has ended, whose refresh token may be in the cookie */
export function clearCookieOf(c: AppContext, ended: ActiveSession): void {
  if (ended.session.transport === 'cookie') clearRefreshCookie(c)
}

/** A Bearer token takes precedence over the cookie, unless the CSRF header is sent. */
function usesCookie(c: AppContext): boolean {
  if (c.req.header(CSRF_HEADER) !== undefined) return true
  return readRefreshCookie(c) !== undefined && bearerToken(c) === null
}

function requireCsrfProtection(c: AppContext): void {
  const allowed = isAllowedOrigin(c, c.req.header('Origin')) && c.req.header(CSRF_HEADER) === '1'
  if (!allowed) throw new ServiceError('origin_not_allowed')
}

function isAllowedOrigin(c: AppContext, origin: string | undefined): boolean {
  const { corsOrigins, publicUrl } = c.get('ctx').services.config.deployment
  return origin !== undefined && (origin === publicUrl || corsOrigins.includes(origin))
}

/**
 * @returns the token; empty if there are several cookies with the name, since another host of the site may have set one and the
 * service cannot tell which; undefined for no cookie
 */
export function readRefreshCookie(c: AppContext): string | undefined {
  const [value, ...others] = cookieValues(c.req.header('Cookie'), cookieName(c))
  return others.length > 0 ? '' : value
}

/**
 * Whether cookies have the prefix and the attribute `Secure`. Over plain http browsers reject the prefix, and some of them the
 * attribute, even on localhost.
 */
export function isSecure(c: AppContext): boolean {
  return c.get('ctx').services.config.deployment.publicUrl.startsWith('https:')
}

function cookieName(c: AppContext): string {
  return isSecure(c) ? `__Secure-${NAME}` : NAME
}

function attributes(c: AppContext) {
  return { path: PATH, httpOnly: true, secure: isSecure(c), sameSite: 'Strict' as const }
}

/** Cloudflare's edge accepts no more than this for all headers together. */
const MAX_COOKIES_LENGTH = 131_072

/**
 * @param header the Cookie header, undefined if it was not sent
 * @returns the values of all cookies with this name, as they were sent: quotes and percent signs have no special meaning
 */
export function cookieValues(header: string | undefined, name: string): readonly string[] {
  if (header === undefined || header.length > MAX_COOKIES_LENGTH) return []
  return header.split(';').flatMap((pair) => {
    const equals = pair.indexOf('=')
    const isNamed = equals !== -1 && trimBlanks(pair.slice(0, equals)) === name
    return isNamed ? [trimBlanks(pair.slice(equals + 1))] : []
  })
}

/** Removes only spaces and tabs: a no-break space is part of a name, which is then a different name. */
function trimBlanks(text: string): string {
  let [start, end] = [0, text.length]
  while (start < end && isBlank(text[start])) start += 1
  while (end > start && isBlank(text[end - 1])) end -= 1
  return text.slice(start, end)
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t'
}
