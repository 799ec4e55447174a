/**
 * The cookie by which the hosted pages know a browser, with a token that is good for nothing else. Beside it the refresh cookie
 * is set, so that an app of the same site goes on from a login here. That one may hold another session, and browsers send it
 * below /auth alone: so forms that set or clear it are sent below BELOW_AUTH, where the pages are as well.
 */
import { deleteCookie, setCookie } from 'hono/cookie'
import {
  type BrowserCookies,
  endReplacedSessions,
  pageTokenOf,
  resumeSession,
} from '../actions/session/end-sessions.ts'
import type { IssuedTokens } from '../actions/session/issue-tokens.ts'
import type { AppContext } from '../http/context.ts'
import { cookieValues } from '../http/cookies.ts'
import {
  clearRefreshCookie,
  isSecure,
  MAX_COOKIE_SECONDS,
  readRefreshCookie,
  setRefreshCookie,
} from '../http/refresh-cookie.ts'
import type { ActiveSession } from '../sessions/account-rpc.ts'

const NAME = 'gatehouse_pages'

/** The pages are here, too. */
export const BELOW_AUTH = '/auth/pages'

/** For the button of a form that sets or clears the refresh cookie. */
export function belowAuth(path: string): string {
  return BELOW_AUTH + path
}

/** Sets both cookies. What the browser held before ends, but for the very session. */
export async function setPageCookie(c: AppContext, tokens: IssuedTokens): Promise<void> {
  await endReplacedSessions(c.get('services'), tokens.session.id, browserCookies(c))
  setRefreshCookie(c, tokens)
  keepToken(c, await pageTokenOf(c.get('services'), tokens))
}

/** The session itself says when it has ended. */
function keepToken(c: AppContext, token: string): void {
  const { maxSeconds } = c.get('services').config.sessions
  setCookie(c, nameOf(c), token, { ...attributes(c), maxAge: Math.min(maxSeconds, MAX_COOKIE_SECONDS) })
}

export function clearPageCookie(c: AppContext): void {
  clearRefreshCookie(c)
  deleteCookie(c, nameOf(c), attributes(c))
}

export function browserCookies(c: AppContext): BrowserCookies {
  return { refresh: readRefreshCookie(c), page: readPageCookie(c) }
}

/** @returns undefined also if there are two of the name: over plain http another host of the site may have set one. */
export function readPageCookie(c: AppContext): string | undefined {
  const [value, ...others] = cookieValues(c.req.header('Cookie'), nameOf(c))
  return others.length > 0 ? undefined : value
}

/** @returns null for a browser that nobody is logged in with. @throws {ServiceError} `misconfigured`, `unavailable` */
export async function readPageSession(c: AppContext): Promise<ActiveSession | null> {
  const token = readPageCookie(c)
  if (token === undefined) return null
  const resumed = await resumeSession(c.get('services'), token)
  if (resumed === null) return null
  const { activeSession, pageToken } = resumed
  if (pageToken !== token) keepToken(c, pageToken)
  c.set('accountId', activeSession.profile.id)
  return activeSession
}

function nameOf(c: AppContext): string {
  return isSecure(c) ? `__Host-${NAME}` : NAME
}

/** Lax: who follows a link to the account is logged in there. A form from elsewhere is refused by where it comes from. */
function attributes(c: AppContext) {
  return { path: '/', httpOnly: true, secure: isSecure(c), sameSite: 'Lax' as const }
}
