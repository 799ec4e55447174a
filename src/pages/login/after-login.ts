/** What both forms share: the credentials that they send, and the redirect after a login. */
import type { IssuedTokens } from '../../actions/session/issue-tokens.ts'
import type { AppContext } from '../../http/context.ts'
import { isLoginTicket, makeLoginTicket } from '../../sessions/login-ticket.ts'
import { formFieldsOf, loginQueryOf, withLoginQuery } from '../form.ts'
import { setLoginCookies } from '../page-cookie.ts'

/**
 * The query parameter for the ticket that the service issues together with the cookies. A browser that sends a ticket
 * and no cookie blocks cookies.
 */
const TICKET_PARAMETER = 'just_logged_in'

/** The password and the solved challenge of a form. */
export function credentialsOf(c: AppContext) {
  const field = formFieldsOf(c)
  const challenge = field('challenge') || undefined
  return { password: field('password'), challenge, transport: 'cookie' as const, onPages: true }
}

/**
 * Redirects to the login page, which continues to the app. The Content-Security-Policy does not allow a form to redirect
 * to another origin.
 */
export async function redirectAfterLogin(c: AppContext, tokens: IssuedTokens): Promise<Response> {
  await setLoginCookies(c, tokens)
  const {
    services: { ticketKeys },
    nowMs,
  } = c.get('ctx')
  const ticket = await makeLoginTicket(await ticketKeys(), countedAddressOf(c), nowMs)
  return c.redirect(withLoginQuery(`/login?${TICKET_PARAMETER}=${ticket}`, loginQueryOf(c)), 303)
}

/** Whether this request follows the redirect after a login. */
export async function hasJustLoggedIn(c: AppContext): Promise<boolean> {
  const ticket = c.req.query(TICKET_PARAMETER)
  if (ticket === undefined) return false
  const {
    services: { ticketKeys },
    nowMs,
  } = c.get('ctx')
  return isLoginTicket(await ticketKeys(), ticket, countedAddressOf(c), nowMs)
}

/** The requester's IP address in the form that limits and tickets use. */
function countedAddressOf(c: AppContext): string {
  return c.get('ctx').requester.address?.counted ?? ''
}
