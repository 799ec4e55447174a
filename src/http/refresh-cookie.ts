/**
 * The refresh token as a cookie that no script can read, for pages of the same site (RFC 6265bis). A browser sends it by
 * itself, so a call that lives by it must come from a configured origin, with a header that no form can send.
 */
import type { MiddlewareHandler } from 'hono'
import { deleteCookie, setCookie } from 'hono/cookie'
import { createMiddleware } from 'hono/factory'
import { endReplacedSessions } from '../actions/session/end-sessions.ts'
import type { IssuedTokens } from '../actions/session/issue-tokens.ts'
import { ServiceError } from '../errors/service-error.ts'
import type { ActiveSession } from '../sessions/account-rpc.ts'
import { readBounded } from './body.ts'
import type { AppContext, AppEnv } from './context.ts'
import { cookieValues } from './cookies.ts'
import { bearerToken } from './credentials.ts'
import { keepBody, keepObject, parseBody } from './middleware/json-body.ts'

const NAME = 'gatehouse_refresh'
const PATH = '/auth'
const CSRF_HEADER = 'X-Gatehouse-CSRF'
/** RFC 6265bis section 5.5: browsers keep none for longer. */
export const MAX_COOKIE_SECONDS = 34_560_000

/**
 * For calls that take a refresh token: a JSON body, or an empty one that leaves it to the cookie.
 * @throws {ServiceError} `origin_not_allowed`; as jsonBody
 */
const readTokenBody = (required: boolean) =>
  createMiddleware<AppEnv>(async (c, next) => {
    const bytes = await readBounded(c.req.raw)
    const empty = bytes.length === 0
    const byCookie = empty && usesCookie(c)
    if (byCookie) requireOwnPage(c)
    c.set('byCookie', byCookie)
    // Without a cookie the token is one that nobody has: a browser that blocks cookies sends none.
    if (byCookie) keepObject(c, { refresh_token: readRefreshCookie(c) ?? '' })
    else if (empty && !required) keepObject(c, {})
    else keepBody(c, bytes)
    await next()
  })

export const refreshBody: MiddlewareHandler<AppEnv>[] = [readTokenBody(true), parseBody]
export const logOutBody: MiddlewareHandler<AppEnv>[] = [readTokenBody(false), parseBody]

/** @throws {ServiceError} `origin_not_allowed` where a page asks for a cookie that may not have one */
export function refuseForeignPage(c: AppContext): void {
  const origin = c.req.header('Origin')
  if (origin !== undefined && !mayHoldCookie(c, origin)) throw new ServiceError('origin_not_allowed')
}

/**
 * After a login or registration: its cookie takes the place of one that the browser has, whose session ends. No page of another
 * site can bring that about: the cookie is SameSite=Strict, refuseForeignPage comes first, and without an Origin no browser sends
 * JSON. It would gain nothing either, since the new cookie replaces the other one in any case.
 */
export async function endReplacedSession(c: AppContext, { session }: IssuedTokens): Promise<void> {
  if (session.transport !== 'cookie') return
  await endReplacedSessions(c.get('services'), session.id, { refresh: readRefreshCookie(c) })
}

export function setRefreshCookie(c: AppContext, tokens: IssuedTokens): void {
  const options = { ...attributes(c), maxAge: Math.min(tokens.refreshExpiresInSeconds, MAX_COOKIE_SECONDS) }
  setCookie(c, nameOf(c), tokens.refreshToken, options)
}

export function clearRefreshCookie(c: AppContext): void {
  deleteCookie(c, nameOf(c), attributes(c))
}

/** @param ended the session that has ended, whose tokens may be in the cookie */
export function clearCookieOf(c: AppContext, ended: ActiveSession): void {
  if (ended.session.transport === 'cookie') clearRefreshCookie(c)
}

/** A Bearer token says by itself whose session is meant, unless the header says otherwise. */
function usesCookie(c: AppContext): boolean {
  if (c.req.header(CSRF_HEADER) !== undefined) return true
  return readRefreshCookie(c) !== undefined && bearerToken(c) === null
}

function requireOwnPage(c: AppContext): void {
  const allowed = mayHoldCookie(c, c.req.header('Origin')) && c.req.header(CSRF_HEADER) === '1'
  if (!allowed) throw new ServiceError('origin_not_allowed')
}

function mayHoldCookie(c: AppContext, origin: string | undefined): boolean {
  const { corsOrigins, publicUrl } = c.get('services').config.deployment
  return origin !== undefined && (origin === publicUrl || corsOrigins.includes(origin))
}

/** Two of the name are not both ours: another host of the site may have set one, and nothing tells which. */
export function readRefreshCookie(c: AppContext): string | undefined {
  const [value, ...others] = cookieValues(c.req.header('Cookie'), nameOf(c))
  return others.length > 0 ? '' : value
}

/** Browsers take neither the prefix nor, all of them, the attribute over plain http, even on a laptop. */
export function isSecure(c: AppContext): boolean {
  return c.get('services').config.deployment.publicUrl.startsWith('https:')
}

function nameOf(c: AppContext): string {
  return isSecure(c) ? `__Secure-${NAME}` : NAME
}

function attributes(c: AppContext) {
  return { path: PATH, httpOnly: true, secure: isSecure(c), sameSite: 'Strict' as const }
}
