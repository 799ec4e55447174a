/** The pages by which people come and go: log in, register, log out. */
import { Hono } from 'hono'
import type { Child } from 'hono/jsx'
import { type Identifier, kindOf, parseNewIdentifier } from '../../accounts/identifier.ts'
import { logIn } from '../../actions/login/log-in.ts'
import { isReserved } from '../../actions/registration/check-identifiers.ts'
import { weaknessesFor } from '../../actions/registration/check-new-password.ts'
import { register } from '../../actions/registration/register.ts'
import { issueToPages, logOutOfBrowser } from '../../actions/session/end-sessions.ts'
import type { IssuedTokens } from '../../actions/session/issue-tokens.ts'
import type { ChallengeAction } from '../../challenge/challenge.ts'
import { ServiceError } from '../../errors/service-error.ts'
import type { AppContext, AppEnv } from '../../http/context.ts'
import { requesterOf } from '../../http/requester.ts'
import { DONE } from '../../messages/messages.ts'
import { hasControlCharacter, trimInvisible } from '../../runtime/text.ts'
import { isLoginTicket, makeLoginTicket } from '../../sessions/login-ticket.ts'
import { nameOf } from '../account/account-fields.tsx'
import { showError } from '../error-pages.tsx'
import { fieldsOf, sameOriginForm } from '../form.ts'
import {
  challengeAfter,
  type Failure,
  failureOf,
  invalidFields,
  noCookie,
  weaknessText,
} from '../form-errors.ts'
import { pageLanguage, showPage, viewOf } from '../layout.tsx'
import {
  browserCookies,
  clearPageCookie,
  readPageCookie,
  readPageSession,
  setPageCookie,
} from '../page-cookie.ts'
import { ContinuePage, LoginPage, RegisterPage } from './login-pages.tsx'
import { readReturnTo, withReturnTo } from './return-to.ts'

const HOME = '/account'
/** Carries a ticket that shows that the browser was given the cookie: whether it kept it shows then. */
const JUST_LOGGED_IN = 'just_logged_in'
const FIELDS = {
  password: 'password',
  identifier: { username: 'identifier', email: 'identifier', phone: 'identifier' },
}

export function loginPages() {
  const router = new Hono<AppEnv>()
  router.onError(showError)

  router.get('/login', pageLanguage, async (c) => {
    const activeSession = await readPageSession(c)
    const view = viewOf(c)
    const returnTo = returnToOf(c)
    const justLoggedIn = await hasJustLoggedIn(c)
    if (activeSession === null) return showLogin(c, justLoggedIn ? noCookie(view.messages) : null, '')
    if (returnTo === null) return c.redirect(HOME, 303)
    const page = <ContinuePage view={view} name={nameOf(activeSession.profile)} returnTo={returnTo} />
    return showPage(c, { title: view.messages.logIn, goesOnTo: justLoggedIn ? returnTo : undefined }, page)
  })

  router.post('/login', pageLanguage, sameOriginForm, async (c) => {
    const field = fieldsOf(c)
    const identifier = trimInvisible(field('identifier'))
    const wrong = invalidFields(missing(c, field), viewOf(c).messages)
    if (wrong !== null) return showLogin(c, wrong, identifier)
    try {
      const tokens = await logIn(c.get('services'), { identifier, scope: null, ...proofOf(c) })
      return goOn(c, tokens)
    } catch (error) {
      return showLogin(c, failureOf(c, error, FIELDS), identifier)
    }
  })

  router.get('/login/continue', (c) => c.redirect(withReturnTo('/login', returnToOf(c)), 303))

  router.post('/login/continue', pageLanguage, sameOriginForm, async (c) => {
    const tokens = await issueToPages(c.get('services'), readPageCookie(c) ?? '')
    if (tokens === null) return c.redirect(withReturnTo('/login', returnToOf(c)), 303)
    return goOn(c, tokens)
  })

  router.get('/register', pageLanguage, async (c) => {
    if ((await readPageSession(c)) !== null) return c.redirect(withReturnTo('/login', returnToOf(c)), 303)
    return showRegister(c, null, '')
  })

  router.post('/register', pageLanguage, sameOriginForm, async (c) => {
    const typed = fieldsOf(c)('identifier')
    const identifier = parseNewIdentifier(typed, c.get('services').config.accounts.defaultPhoneRegion)
    const wrong = invalidFields(registrationErrors(c, identifier), viewOf(c).messages)
    if (wrong !== null || identifier === null) return showRegister(c, wrong, typed)
    const given = { username: null, email: null, phone: null, [identifier.kind]: identifier }
    try {
      const tokens = await register(c.get('services'), { ...given, ...proofOf(c) })
      return goOn(c, tokens)
    } catch (error) {
      if (isRegistered(error)) return c.redirect('/login?done=registered', 303)
      return showRegister(c, failureOf(c, error, FIELDS), typed)
    }
  })

  router.get('/logout', (c) => c.redirect(HOME, 303))

  router.post('/logout', pageLanguage, sameOriginForm, async (c) => {
    await logOutOfBrowser(c.get('services'), browserCookies(c))
    clearPageCookie(c)
    const returnTo = returnToOf(c)
    return c.redirect(returnTo === null ? '/login?done=logged_out' : withReturnTo('/login', returnTo), 303)
  })

  return router
}

function returnToOf(c: AppContext): string | null {
  return readReturnTo(c.req.query('return_to'), c.get('services').config.deployment.corsOrigins)
}

function proofOf(c: AppContext) {
  const field = fieldsOf(c)
  const challenge = field('challenge') || undefined
  return { password: field('password'), challenge, client: requesterOf(c), transport: 'cookie' as const }
}

/** A form leads to a page of ours alone, which leads on. */
async function goOn(c: AppContext, tokens: IssuedTokens): Promise<Response> {
  c.set('accountId', tokens.profile.id)
  await setPageCookie(c, tokens)
  const { ticketKeys, nowMs } = c.get('services')
  const ticket = await makeLoginTicket(await ticketKeys(), addressOf(c), nowMs)
  return c.redirect(withReturnTo(`/login?${JUST_LOGGED_IN}=${ticket}`, returnToOf(c)), 303)
}

async function hasJustLoggedIn(c: AppContext): Promise<boolean> {
  const ticket = c.req.query(JUST_LOGGED_IN)
  if (ticket === undefined) return false
  const { ticketKeys, nowMs } = c.get('services')
  return isLoginTicket(await ticketKeys(), ticket, addressOf(c), nowMs)
}

function addressOf(c: AppContext): string {
  return requesterOf(c).address?.counted ?? ''
}

/** The account is stored, and only its session is not. */
function isRegistered(error: unknown): boolean {
  return error instanceof ServiceError && error.members.registered === true
}

/** What is wrong with the form, field by field; a weak password only beside something else. */
function registrationErrors(c: AppContext, identifier: Identifier | null): Record<string, string> {
  const { messages } = viewOf(c)
  const field = fieldsOf(c)
  const errors = { ...identifierError(c, identifier), ...missing(c, field) }
  // Alone it is refused by the registration, which first says whether it takes anybody.
  if (Object.keys(errors).length === 0 || errors.password !== undefined) return errors
  const reasons = weaknessesFor(c.get('services'), field('password'), [identifier])
  return reasons.length === 0 ? errors : { ...errors, password: weaknessText(reasons, messages) }
}

function identifierError(c: AppContext, identifier: Identifier | null): Record<string, string> {
  const { messages } = viewOf(c)
  const typed = fieldsOf(c)('identifier')
  if (identifier !== null) {
    return isReserved(c.get('services'), identifier) ? { identifier: messages.reserved } : {}
  }
  const kind = kindOf(typed)
  const isDigits = kind === 'phone' && !/[+＋]/.test(typed)
  return { identifier: isDigits ? messages.invalidDigits : messages.invalid[kind] }
}

/** What a browser would not have sent. */
function missing(c: AppContext, field: (name: string) => string): Record<string, string> {
  const { required, invalid } = viewOf(c).messages
  const sent = { identifier: trimInvisible(field('identifier')), password: field('password') }
  const empty = Object.entries(sent).flatMap(([name, value]) => (value === '' ? name : []))
  const control = hasControlCharacter(field('identifier')) ? { identifier: invalid.username } : {}
  return { ...control, ...Object.fromEntries(empty.map((name) => [name, required])) }
}

async function loginProps(
  c: AppContext,
  action: ChallengeAction,
  failure: Failure | null,
  identifier: string,
) {
  const challenge = await challengeAfter(c, failure, action)
  const done = DONE.find((name) => name === c.req.query('done'))
  const view = viewOf(c)
  const status = done === undefined ? undefined : view.messages.done[done]
  return { view, failure, challenge, identifier, returnTo: returnToOf(c), status }
}

async function showLogin(c: AppContext, failure: Failure | null, identifier: string) {
  const props = await loginProps(c, 'login', failure, identifier)
  return show(c, props.view.messages.logIn, failure, <LoginPage {...props} />)
}

async function showRegister(c: AppContext, failure: Failure | null, identifier: string) {
  const props = await loginProps(c, 'register', failure, identifier)
  const { passwordMinLength } = c.get('services').config.accounts
  const page = <RegisterPage {...props} minLength={passwordMinLength} />
  return show(c, props.view.messages.register, failure, page)
}

function show(c: AppContext, title: string, failure: Failure | null, page: Child) {
  const failed = failure === null ? {} : { status: failure.status, error: failure.message }
  return showPage(c, { title, ...failed }, page)
}
