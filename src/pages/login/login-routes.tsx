/** The routes for login, registration and logout. */
import { Hono } from 'hono'
import type { Child } from 'hono/jsx'
import { type Identifier, kindOf, parseNewIdentifier } from '../../accounts/identifier.ts'
import { logIn } from '../../actions/login/log-in.ts'
import { isReservedUsername, weaknessesFor } from '../../actions/registration/check-new-credentials.ts'
import { register } from '../../actions/registration/register.ts'
import { logOutOfBrowser } from '../../actions/session/end-sessions.ts'
import type { IssuedTokens } from '../../actions/session/issue-tokens.ts'
import { openAppFamily } from '../../actions/session/page-session.ts'
import type { ChallengeAction } from '../../challenge/challenge.ts'
import { ServiceError } from '../../errors/service-error.ts'
import type { AppContext, AppEnv } from '../../http/context.ts'
import { readRefreshCookie } from '../../http/refresh-cookie.ts'
import { NOTICES } from '../../messages/messages.ts'
import { hasControlCharacter, trimInvisible } from '../../runtime/text.ts'
import { isLoginTicket, makeLoginTicket } from '../../sessions/login-ticket.ts'
import { displayName } from '../account/account-fields.tsx'
import { showError } from '../error-pages.tsx'
import { formFieldsOf, loginQueryOf, sameOriginForm, withLoginQuery } from '../form.ts'
import {
  challengeForNextAttempt,
  cookiesBlocked,
  type FormErrors,
  formErrorsOf,
  invalidFieldErrors,
  weakPasswordText,
} from '../form-errors.ts'
import { showPage } from '../layout.tsx'
import { browserCookies, clearLoginCookies, readPageSession, setLoginCookies } from '../page-cookie.ts'
import { viewOf } from '../view.ts'
import { ContinuePage, LoginPage, RegisterPage } from './login-pages.tsx'

const HOME = '/account'
/**
 * The query parameter for the ticket that the service issues together with the cookies. A browser that sends a ticket
 * and no cookie blocks cookies.
 */
const TICKET_PARAMETER = 'just_logged_in'
/** Both forms have one field for all kinds of identifier. */
const FIELDS = {
  password: 'password',
  identifier: { username: 'identifier', email: 'identifier', phone: 'identifier' },
}

export function loginPages() {
  const router = new Hono<AppEnv>()
  router.onError(showError)
  addLogin(router)
  addRegistration(router)
  addLogout(router)
  return router
}

function addLogin(router: Hono<AppEnv>): void {
  router.get('/login', async (c) => {
    const activeSession = await readPageSession(c)
    const view = viewOf(c)
    const query = loginQueryOf(c)
    const justLoggedIn = await hasJustLoggedIn(c)
    if (activeSession === null) return showLogin(c, justLoggedIn ? cookiesBlocked(view.messages) : null, '')
    const { returnTo } = query
    if (returnTo === null) return c.redirect(HOME, 303)
    const page = (
      <ContinuePage view={view} name={displayName(activeSession.profile)} query={{ ...query, returnTo }} />
    )
    return showPage(c, { title: view.messages.logIn, redirectTo: justLoggedIn ? returnTo : undefined }, page)
  })

  router.post('/login', sameOriginForm, async (c) => {
    const field = formFieldsOf(c)
    const identifier = trimInvisible(field('identifier'))
    const errors = invalidFieldErrors(inputErrors(c, field), viewOf(c).messages)
    if (errors !== null) return showLogin(c, errors, identifier)
    try {
      const tokens = await logIn(c.get('ctx'), { identifier, scope: null, ...credentialsOf(c) })
      return redirectAfterLogin(c, tokens)
    } catch (error) {
      return showLogin(c, formErrorsOf(c, error, FIELDS), identifier)
    }
  })

  router.get('/login/continue', (c) => c.redirect(withLoginQuery('/login', loginQueryOf(c)), 303))

  router.post('/login/continue', sameOriginForm, async (c) => {
    const activeSession = await readPageSession(c)
    const tokens = activeSession && (await openAppFamily(c.get('ctx'), activeSession, readRefreshCookie(c)))
    if (tokens === null) return c.redirect(withLoginQuery('/login', loginQueryOf(c)), 303)
    return redirectAfterLogin(c, tokens)
  })
}

function addRegistration(router: Hono<AppEnv>): void {
  router.get('/register', async (c) => {
    if ((await readPageSession(c)) !== null) return c.redirect(withLoginQuery('/login', loginQueryOf(c)), 303)
    return showRegister(c, null, '')
  })

  router.post('/register', sameOriginForm, async (c) => {
    const typed = formFieldsOf(c)('identifier')
    const identifier = parseNewIdentifier(typed, c.get('ctx').services.config.accounts.defaultPhoneRegion)
    const errors = invalidFieldErrors(registrationErrors(c, identifier), viewOf(c).messages)
    if (errors !== null || identifier === null) return showRegister(c, errors, typed)
    const identifiers = { username: null, email: null, phone: null, [identifier.kind]: identifier }
    try {
      const tokens = await register(c.get('ctx'), { ...identifiers, ...credentialsOf(c) })
      return redirectAfterLogin(c, tokens)
    } catch (error) {
      if (isRegistered(error)) return c.redirect('/login?done=registered', 303)
      return showRegister(c, formErrorsOf(c, error, FIELDS), typed)
    }
  })
}

function addLogout(router: Hono<AppEnv>): void {
  router.get('/logout', (c) => c.redirect(HOME, 303))

  router.post('/logout', sameOriginForm, async (c) => {
    await logOutOfBrowser(c.get('ctx'), browserCookies(c))
    clearLoginCookies(c)
    const query = loginQueryOf(c)
    const path = query.returnTo === null ? '/login?done=logged_out' : '/login'
    return c.redirect(withLoginQuery(path, query), 303)
  })
}

function credentialsOf(c: AppContext) {
  const field = formFieldsOf(c)
  const challenge = field('challenge') || undefined
  return { password: field('password'), challenge, transport: 'cookie' as const, onPages: true }
}

/**
 * Redirects to the login page, which continues to the app. The Content-Security-Policy does not allow a form to redirect
 * to another origin.
 */
async function redirectAfterLogin(c: AppContext, tokens: IssuedTokens): Promise<Response> {
  await setLoginCookies(c, tokens)
  const {
    services: { ticketKeys },
    nowMs,
  } = c.get('ctx')
  const ticket = await makeLoginTicket(await ticketKeys(), countedAddressOf(c), nowMs)
  return c.redirect(withLoginQuery(`/login?${TICKET_PARAMETER}=${ticket}`, loginQueryOf(c)), 303)
}

async function hasJustLoggedIn(c: AppContext): Promise<boolean> {
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

/** Whether the account is stored and only the opening of its session failed. */
function isRegistered(error: unknown): boolean {
  return error instanceof ServiceError && error.members.registered === true
}

/** The message of each invalid field. A weak password is included only beside other errors. */
function registrationErrors(c: AppContext, identifier: Identifier | null): Record<string, string> {
  const { messages } = viewOf(c)
  const field = formFieldsOf(c)
  const errors = { ...identifierErrors(c, identifier), ...inputErrors(c, field) }
  // Otherwise the action rejects it, after the check whether this person may register.
  if (Object.keys(errors).length === 0 || errors.password !== undefined) return errors
  const reasons = weaknessesFor(c.get('ctx'), field('password'), [identifier])
  return reasons.length === 0 ? errors : { ...errors, password: weakPasswordText(reasons, messages) }
}

function identifierErrors(c: AppContext, identifier: Identifier | null): Record<string, string> {
  const { messages } = viewOf(c)
  const typed = formFieldsOf(c)('identifier')
  if (identifier !== null) {
    return isReservedUsername(c.get('ctx'), identifier) ? { identifier: messages.usernameReserved } : {}
  }
  const kind = kindOf(typed)
  const isDigits = kind === 'phone' && !/[+＋]/.test(typed)
  return { identifier: isDigits ? messages.invalidDigits : messages.invalidIdentifier[kind] }
}

/** Empty fields and control characters. Browsers do not send such forms. */
function inputErrors(c: AppContext, field: (name: string) => string): Record<string, string> {
  const { fieldRequired, invalidIdentifier } = viewOf(c).messages
  const sent = { identifier: trimInvisible(field('identifier')), password: field('password') }
  const empty = Object.entries(sent).flatMap(([name, value]) => (value === '' ? name : []))
  const control = hasControlCharacter(field('identifier')) ? { identifier: invalidIdentifier.username } : {}
  return { ...control, ...Object.fromEntries(empty.map((name) => [name, fieldRequired])) }
}

async function loginProps(
  c: AppContext,
  action: ChallengeAction,
  errors: FormErrors | null,
  identifier: string,
) {
  const challenge = await challengeForNextAttempt(c, errors, action)
  const notice = NOTICES.find((name) => name === c.req.query('done'))
  const view = viewOf(c)
  const status = notice === undefined ? undefined : view.messages.notices[notice]
  return { view, errors, challenge, identifier, query: loginQueryOf(c), status }
}

async function showLogin(c: AppContext, errors: FormErrors | null, identifier: string) {
  const props = await loginProps(c, 'login', errors, identifier)
  return showForm(c, props.view.messages.logIn, errors, <LoginPage {...props} />)
}

async function showRegister(c: AppContext, errors: FormErrors | null, identifier: string) {
  const props = await loginProps(c, 'register', errors, identifier)
  const { passwordMinLength } = c.get('ctx').services.config.accounts
  const page = <RegisterPage {...props} minLength={passwordMinLength} />
  return showForm(c, props.view.messages.register, errors, page)
}

function showForm(c: AppContext, title: string, errors: FormErrors | null, page: Child) {
  const error = errors === null ? {} : { status: errors.status, error: errors.message }
  return showPage(c, { title, ...error }, page)
}
