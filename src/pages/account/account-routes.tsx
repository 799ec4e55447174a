/** The account's page and its forms. */
import { Hono } from 'hono'
import { createMiddleware } from 'hono/factory'
import { IDENTIFIER_KINDS, type IdentifierKind } from '../../accounts/account.ts'
import { parseAs } from '../../accounts/identifier.ts'
import {
  changeIdentifiers,
  changePassword,
  deleteOwnAccount,
  type IdentifierChanges,
  identifiersOf,
} from '../../actions/account/change-account.ts'
import { isReserved } from '../../actions/registration/check-identifiers.ts'
import { weaknessesFor } from '../../actions/registration/check-new-password.ts'
import { isFreshLogin } from '../../actions/session/authorize.ts'
import {
  endAllSessions,
  endReplacedSessions,
  endSession,
  listSessions,
} from '../../actions/session/end-sessions.ts'
import { ServiceError } from '../../errors/service-error.ts'
import type { AppContext, AppEnv } from '../../http/context.ts'
import { requesterOf } from '../../http/requester.ts'
import { DONE, type Done } from '../../messages/messages.ts'
import { trimInvisible } from '../../runtime/text.ts'
import { showError } from '../error-pages.tsx'
import { fieldsOf, sameOriginForm } from '../form.ts'
import { challengeAfter, failureOf, invalidFields, otherAccount, weaknessText } from '../form-errors.ts'
import { pageLanguage, showPage, viewOf } from '../layout.tsx'
import { browserCookies, clearPageCookie, readPageSession, setPageCookie } from '../page-cookie.ts'
import { type AccountForm, nameOf } from './account-fields.tsx'
import { AccountPage, type Failed } from './account-page.tsx'

/** Sends whoever is not logged in to where that is done. */
const loggedIn = createMiddleware<AppEnv>(async (c, next) => {
  const activeSession = await readPageSession(c)
  if (activeSession === null) return c.redirect(c.req.method === 'POST' ? '/login?done=ended' : '/login', 303)
  c.set('activeSession', activeSession)
  return next()
})

/** Does nothing for a form of a tab in which somebody else was logged in. */
const sameAccount = createMiddleware<AppEnv>(async (c, next) => {
  const { profile } = c.get('activeSession')
  if (fieldsOf(c)('account') === profile.id) return next()
  return showAccount(c, { form: null, failure: otherAccount(nameOf(profile), viewOf(c).messages) })
})

/** A form of somebody who is logged in. */
const form = [pageLanguage, sameOriginForm, loggedIn, sameAccount] as const

export function accountPages() {
  const router = new Hono<AppEnv>()
  router.onError(showError)

  router.get('/account', pageLanguage, loggedIn, (c) => showAccount(c, null))

  // https://w3c.github.io/webappsec-change-password-url/: where password managers send people.
  router.get('/.well-known/change-password', (c) => c.redirect('/account#password', 302))

  // Where a form that was not accepted has left the browser.
  router.get('/account/*', (c) => c.redirect('/account', 303))

  router.post('/account/profile', ...form, async (c) => {
    const { changes, errors } = readChanges(c)
    return attempt(c, 'profile', errors, async () => {
      await changeIdentifiers(c.get('services'), c.get('activeSession'), proofOf(c), changes)
      return done(c, 'profile')
    })
  })

  router.post('/account/password', ...form, (c) =>
    attempt(c, 'password', {}, async () => {
      const newPassword = fieldsOf(c)('new_password')
      const tokens = await changePassword(c.get('services'), c.get('activeSession'), proofOf(c), newPassword)
      await setPageCookie(c, tokens)
      return done(c, 'password')
    }),
  )

  router.post('/account/delete', ...form, (c) =>
    attempt(c, 'delete', {}, async () => {
      await deleteOwnAccount(c.get('services'), c.get('activeSession'), proofOf(c))
      return leave(c, 'deleted')
    }),
  )

  router.post('/account/sessions/end', ...form, (c) =>
    tryForm(c, 'sessions', async () => {
      const id = fieldsOf(c)('id')
      await endSession(c.get('services'), c.get('activeSession'), endSessionsRequestOf(c), id).catch(
        ignoreEnded,
      )
      return done(c, 'session')
    }),
  )

  router.post('/account/sessions/end-others', ...form, (c) =>
    tryForm(c, 'sessions', async () => {
      await endAllSessions(c.get('services'), c.get('activeSession'), endSessionsRequestOf(c), 'current')
      return done(c, 'other_sessions')
    }),
  )

  router.post('/account/sessions/end-all', ...form, (c) =>
    tryForm(c, 'sessions', async () => {
      await endAllSessions(c.get('services'), c.get('activeSession'), endSessionsRequestOf(c))
      return leave(c, 'sessions')
    }),
  )

  return router
}

/** Where the browser stands after a form that did what it should. */
function done(c: AppContext, what: Done): Response {
  return c.redirect(`/account?done=${what}`, 303)
}

async function leave(c: AppContext, what: Done): Promise<Response> {
  await endReplacedSessions(c.get('services'), c.get('activeSession').session.id, browserCookies(c))
  clearPageCookie(c)
  return c.redirect(`/login?done=${what}`, 303)
}

/** It ended by itself meanwhile. */
function ignoreEnded(error: unknown): void {
  if (!(error instanceof ServiceError && error.code === 'not_found')) throw error
}

/**
 * For a form that needs the password.
 * @param errors what is wrong with the form's other fields
 */
async function attempt(
  c: AppContext,
  formName: AccountForm,
  errors: Readonly<Record<string, string>>,
  work: () => Promise<Response>,
): Promise<Response> {
  const { messages } = viewOf(c)
  const field = fieldsOf(c)
  const empty = field('current_password') === '' ? { current_password: messages.required } : {}
  const found = { ...errors, ...empty }
  const wrong = invalidFields(
    Object.keys(found).length === 0 ? found : { ...found, ...weakness(c) },
    messages,
  )
  if (wrong !== null) return showAccount(c, { form: formName, failure: wrong })
  return tryForm(c, formName, work)
}

async function tryForm(
  c: AppContext,
  formName: AccountForm,
  work: () => Promise<Response>,
): Promise<Response> {
  try {
    return await work()
  } catch (error) {
    return showAccount(c, { form: formName, failure: failureOf(c, error) })
  }
}

/** What is against a new password, which is said beside what is wrong with other fields. */
function weakness(c: AppContext): Record<string, string> {
  const newPassword = fieldsOf(c)('new_password')
  if (newPassword === '') return {}
  const reasons = weaknessesFor(c.get('services'), newPassword, identifiersOf(c.get('activeSession').profile))
  return reasons.length === 0 ? {} : { new_password: weaknessText(reasons, viewOf(c).messages) }
}

function proofOf(c: AppContext) {
  const field = fieldsOf(c)
  return {
    password: field('current_password'),
    challenge: field('challenge') || undefined,
    client: requesterOf(c),
  }
}

/** An empty password counts as absent: the form may be sent without one. */
function endSessionsRequestOf(c: AppContext) {
  const { password, ...call } = proofOf(c)
  return { ...call, password: password || undefined }
}

/** What differs from what the account has, and what is wrong with it, by the field's name. */
function readChanges(c: AppContext) {
  const { messages } = viewOf(c)
  const { profile } = c.get('activeSession')
  const services = c.get('services')
  const field = (kind: IdentifierKind) => trimInvisible(fieldsOf(c)(kind))
  const region = services.config.accounts.defaultPhoneRegion
  const parsed = IDENTIFIER_KINDS.filter((kind) => field(kind) !== (profile[kind] ?? '')).map(
    (kind) => [kind, field(kind) === '' ? null : parseAs(kind, field(kind), region)] as const,
  )
  // A browser, or the page itself, may spell the same address in another way.
  const changed = parsed.filter(
    ([kind, identifier]) => identifier === null || identifier.shown !== profile[kind],
  )
  const changes: IdentifierChanges = Object.fromEntries(changed)
  const unusable = changed.filter(([kind, identifier]) => identifier === null && field(kind) !== '')
  const invalid = Object.fromEntries(unusable.map(([kind]) => [kind, messages.invalid[kind]]))
  const reserved = isReserved(services, changes.username, profile.username)
  return { changes, errors: reserved ? { ...invalid, username: messages.reserved } : invalid }
}

async function showAccount(c: AppContext, failed: Failed | null): Promise<Response> {
  const view = viewOf(c)
  const { messages } = view
  const activeSession = c.get('activeSession')
  const isDone = DONE.find((name) => name === c.req.query('done'))
  const props = {
    view,
    activeSession,
    sessions: await listSessions(c.get('services'), activeSession),
    asksPassword: !isFreshLogin(c.get('services'), activeSession.session),
    minLength: c.get('services').config.accounts.passwordMinLength,
    status: isDone === undefined || failed !== null ? undefined : messages.done[isDone],
    failed,
    challenge: failed?.form ? await challengeAfter(c, failed.failure, 'login') : null,
    typed: failed?.form === 'profile' ? typedProfile(c) : {},
  }
  const error = failed === null ? {} : { status: failed.failure.status, error: failed.failure.message }
  return showPage(c, { title: messages.account, ...error }, <AccountPage {...props} />)
}

function typedProfile(c: AppContext) {
  const field = fieldsOf(c)
  return Object.fromEntries(IDENTIFIER_KINDS.map((kind) => [kind, field(kind)]))
}
