/** The routes for login and logout. */
import { Hono } from 'hono'
import { logIn } from '../../actions/login/log-in.ts'
import { logOutOfBrowser } from '../../actions/session/end-sessions.ts'
import { openAppFamily } from '../../actions/session/page-session.ts'
import type { AppContext, AppEnv } from '../../http/context.ts'
import { readRefreshCookie } from '../../http/refresh-cookie.ts'
import { hasControlCharacter, trimInvisible } from '../../runtime/text.ts'
import { showError } from '../error-pages.tsx'
import { formFieldsOf, loginQueryOf, sameOriginForm, withLoginQuery } from '../form.ts'
import { cookiesBlocked, formErrorsOf, invalidFieldErrors } from '../form-errors.ts'
import { browserCookies, clearLoginCookies, readPageSession } from '../page-cookie.ts'
import { viewOf } from '../view.ts'
import { credentialsOf, hasJustLoggedIn, redirectAfterLogin } from './after-login.ts'
import { loginHintOf, showContinue, showLogin } from './show-login.tsx'

const HOME = '/account'
/** The form has one field for all kinds of identifier. */
const FIELDS = {
  password: 'password',
  identifier: { username: 'identifier', email: 'identifier', phone: 'identifier' },
}

export function loginPages() {
  const router = new Hono<AppEnv>()
  router.onError(showError)
  addLogin(router)
  addLogout(router)
  return router
}

function addLogin(router: Hono<AppEnv>): void {
  router.get('/login', async (c) => {
    const activeSession = await readPageSession(c)
    const { returnTo } = loginQueryOf(c)
    const justLoggedIn = await hasJustLoggedIn(c)
    if (activeSession === null) {
      const errors = justLoggedIn ? cookiesBlocked(viewOf(c).messages) : null
      return showLogin(c, errors, loginHintOf(c))
    }
    if (returnTo === null) return c.redirect(HOME, 303)
    return showContinue(c, activeSession.profile, returnTo, justLoggedIn)
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

/** Empty fields and control characters. Browsers do not send such forms. */
function inputErrors(c: AppContext, field: (name: string) => string): Record<string, string> {
  const { fieldRequired, invalidIdentifier } = viewOf(c).messages
  const sent = { identifier: trimInvisible(field('identifier')), password: field('password') }
  const empty = Object.entries(sent).flatMap(([name, value]) => (value === '' ? name : []))
  const control = hasControlCharacter(field('identifier')) ? { identifier: invalidIdentifier.username } : {}
  return { ...control, ...Object.fromEntries(empty.map((name) => [name, fieldRequired])) }
}
