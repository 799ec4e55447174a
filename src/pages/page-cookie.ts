/**
 * The cookie by which the hosted pages recognise a browser. Its token is valid for these pages only, and belongs to a token family
 * of their own. A login on a page also sets the refresh cookie, so that an app of the same site can continue that session. The refresh cookie may hold
 * another session than the page cookie, and browsers send it to paths below /auth only. Therefore forms that set or clear
 * it are sent to paths below PAGES_UNDER_AUTH, where the pages are served as well.
 */
import { deleteCookie, setCookie } from 'hono/cookie'
import { type BrowserCookies, endReplacedSessions } from '../actions/session/end-sessions.ts'
import type { IssuedTokens } from '../actions/session/issue-tokens.ts'
import { presentPageToken } from '../actions/session/page-session.ts'
import type { AppContext } from '../http/context.ts'
import {
  clearRefreshCookie,
  cookieValues,
  isSecure,
  MAX_COOKIE_SECONDS,
  readRefreshCookie,
  setRefreshCookie,
} from '../http/refresh-cookie.ts'
import type { ActiveSession } from '../sessions/account-rpc.ts'
import { PAGES_UNDER_AUTH } from './page-paths.ts'

const NAME = 'gatehouse_pages'

/** The address for the button of a form that sets or clears the refresh cookie. */
export function underAuthPath(path: string): string {
  return PAGES_UNDER_AUTH + path
}

/** Sets the cookies of the tokens. Ends the sessions of the cookies that they replace, unless it is the same session. */
export async function setLoginCookies(c: AppContext, tokens: IssuedTokens): Promise<void> {
  await endReplacedSessions(c.get('ctx'), tokens.session.id, browserCookies(c))
  setRefreshCookie(c, tokens)
  if (tokens.pageToken !== null) setPageToken(c, tokens.pageToken)
}

/** The cookie lasts as long as a session can last: only the session itself states when it ends. */
function setPageToken(c: AppContext, token: string): void {
  const { maxSeconds } = c.get('ctx').services.config.sessions
  setCookie(c, pageCookieName(c, NAME), token, {
    ...pageCookieAttributes(c),
    maxAge: Math.min(maxSeconds, MAX_COOKIE_SECONDS),
  })
}

/** Clears both cookies. */
export function clearLoginCookies(c: AppContext): void {
  clearRefreshCookie(c)
  deleteCookie(c, pageCookieName(c, NAME), pageCookieAttributes(c))
}

export function browserCookies(c: AppContext): BrowserCookies {
  return { refresh: readRefreshCookie(c), page: readPageCookie(c) }
}

/** @returns undefined also for two cookies of this name: over plain http another host of the site may have set one */
function readPageCookie(c: AppContext): string | undefined {
  const [value, ...others] = cookieValues(c.req.header('Cookie'), pageCookieName(c, NAME))
  return others.length > 0 ? undefined : value
}

/** Rotates the page cookie if that is due. @returns null if the browser has no session. @throws {ServiceError} `misconfigured`, `unavailable` */
export async function readPageSession(c: AppContext): Promise<ActiveSession | null> {
  const token = readPageCookie(c)
  if (token === undefined) return null
  const presented = await presentPageToken(c.get('ctx'), token, c.req.method === 'POST')
  if (presented === null) return null
  const { activeSession, pageToken } = presented
  if (pageToken !== token) setPageToken(c, pageToken)
  c.get('ctx').addToRequestLog({ accountId: activeSession.profile.id })
  c.set('accountLocale', activeSession.profile.locale)
  return activeSession
}

/** @returns the name of a cookie of the pages as browsers store it */
export function pageCookieName(c: AppContext, name: string): string {
  return isSecure(c) ? `__Host-${name}` : name
}

/** Lax, so that a link from another site to the account finds the session. Forms from other origins are refused. */
export function pageCookieAttributes(c: AppContext) {
  return { path: '/', httpOnly: true, secure: isSecure(c), sameSite: 'Lax' as const }
}
