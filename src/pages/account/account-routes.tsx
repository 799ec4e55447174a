/** The account page and its forms. */
import { Hono } from 'hono'
import { createMiddleware } from 'hono/factory'
import { IDENTIFIER_KINDS, type IdentifierKind } from '../../accounts/account.ts'
import { parseAs } from '../../accounts/identifier.ts'
import {
  changeIdentifiers,
  changePassword,
  changeProfileFields,
  deleteOwnAccount,
  identifiersOf,
} from '../../actions/account/change-account.ts'
import type { IdentifierChanges } from '../../actions/account/profile-changes.ts'
import { isReservedUsername, weaknessesFor } from '../../actions/registration/check-new-credentials.ts'
import { endAllSessions, endReplacedSessions, endSession } from '../../actions/session/end-sessions.ts'
import { withPageToken } from '../../actions/session/page-session.ts'
import { ServiceError } from '../../errors/service-error.ts'
import type { AppContext, AppEnv } from '../../http/context.ts'
import { accountContext, setActor } from '../../http/middleware/provide-context.ts'
import type { Notice } from '../../messages/messages.ts'
import { trimInvisible } from '../../runtime/text.ts'
import { ACCOUNT_PATHS, type AccountSection } from '../components/frame.tsx'
import { showError } from '../error-pages.tsx'
import { formFieldsOf, sameOriginForm } from '../form.ts'
import { accountSwitched, formErrorsOf, invalidFieldErrors, weakPasswordText } from '../form-errors.ts'
import { browserCookies, clearLoginCookies, readPageSession, setLoginCookies } from '../page-cookie.ts'
import { viewOf } from '../view.ts'
import { readDetails } from './account-details.tsx'
import { type AccountForm, displayName } from './account-fields.tsx'
import { showAccount } from './show-account.tsx'

const SECTIONS = Object.entries(ACCOUNT_PATHS) as [AccountSection, string][]
const SECTION_OF: Readonly<Record<AccountForm, AccountSection>> = {
  details: 'profile',
  profile: 'profile',
  password: 'security',
  sessions: 'devices',
  delete: 'deletion',
}

/** Redirects to the login page if there is no session. */
const requireLogin = createMiddleware<AppEnv>(async (c, next) => {
  const activeSession = await readPageSession(c)
  if (activeSession === null) return c.redirect(c.req.method === 'POST' ? '/login?done=ended' : '/login', 303)
  setActor(c, { kind: 'account', ...activeSession })
  return next()
})

/** The middleware of a form. Rejects one that was opened under another account than the one that is logged in now. */
function accountForm(section: AccountSection) {
  const requireSameAccount = createMiddleware<AppEnv>(async (c, next) => {
    const { profile } = accountContext(c).actor
    if (formFieldsOf(c)('account') === profile.id) return next()
    const errors = accountSwitched(displayName(profile), viewOf(c).messages)
    return showAccount(c, section, { form: null, errors })
  })
  return [sameOriginForm, requireLogin, requireSameAccount] as const
}

export function accountPages() {
  const router = new Hono<AppEnv>()
  router.onError(showError)

  for (const [section, path] of SECTIONS) {
    router.get(path, requireLogin, (c) => showAccount(c, section, null))
  }

  // https://w3c.github.io/webappsec-change-password-url/: password managers link to this address.
  router.get('/.well-known/change-password', (c) => c.redirect(`${ACCOUNT_PATHS.security}#password`, 302))

  // A rejected form leaves its address in the browser, which opens it again.
  router.get('/account/password', (c) => c.redirect(ACCOUNT_PATHS.security, 303))
  router.get('/account/sessions/*', (c) => c.redirect(ACCOUNT_PATHS.devices, 303))
  router.get('/account/*', (c) => c.redirect(ACCOUNT_PATHS.profile, 303))

  addChangeForms(router)
  addSessionForms(router)
  return router
}

function addChangeForms(router: Hono<AppEnv>): void {
  router.post('/account/details', ...accountForm('profile'), (c) => {
    const { changes, errors } = readDetails(c, accountContext(c).actor.profile)
    return submitForm(c, 'details', errors, async () => {
      await changeProfileFields(accountContext(c), changes)
      return redirectTo(c, 'profile', 'profile')
    })
  })

  router.post('/account/profile', ...accountForm('profile'), async (c) => {
    const { changes, errors } = readChanges(c)
    return submitWithPassword(c, 'profile', errors, async () => {
      await changeIdentifiers(accountContext(c), credentialsOf(c), changes)
      return redirectTo(c, 'profile', 'profile')
    })
  })

  router.post('/account/password', ...accountForm('security'), (c) =>
    submitWithPassword(c, 'password', {}, async () => {
      const newPassword = formFieldsOf(c)('new_password')
      const tokens = await changePassword(accountContext(c), credentialsOf(c), newPassword)
      await setLoginCookies(c, await withPageToken(c.get('ctx'), tokens))
      return redirectTo(c, 'security', 'password')
    }),
  )

  router.post('/account/delete', ...accountForm('deletion'), (c) =>
    submitWithPassword(c, 'delete', {}, async () => {
      await deleteOwnAccount(accountContext(c), credentialsOf(c))
      return redirectToLogin(c, 'deleted')
    }),
  )
}

function addSessionForms(router: Hono<AppEnv>): void {
  router.post('/account/sessions/end', ...accountForm('devices'), (c) =>
    submitForm(c, 'sessions', {}, async () => {
      const id = formFieldsOf(c)('id')
      await endSession(accountContext(c), endRequestOf(c), id).catch(ignoreEnded)
      return redirectTo(c, 'devices', 'session')
    }),
  )

  router.post('/account/sessions/end-others', ...accountForm('devices'), (c) =>
    submitForm(c, 'sessions', {}, async () => {
      await endAllSessions(accountContext(c), endRequestOf(c), 'current')
      return redirectTo(c, 'devices', 'other_sessions')
    }),
  )

  router.post('/account/sessions/end-all', ...accountForm('devices'), (c) =>
    submitForm(c, 'sessions', {}, async () => {
      await endAllSessions(accountContext(c), endRequestOf(c))
      return redirectToLogin(c, 'sessions')
    }),
  )
}

function redirectTo(c: AppContext, section: AccountSection, notice: Notice): Response {
  return c.redirect(`${ACCOUNT_PATHS[section]}?done=${notice}`, 303)
}

/** After the account's session has ended. Ends the session of the refresh cookie too, if it is another one. */
async function redirectToLogin(c: AppContext, notice: Notice): Promise<Response> {
  await endReplacedSessions(c.get('ctx'), accountContext(c).actor.session.id, browserCookies(c))
  clearLoginCookies(c)
  return c.redirect(`/login?done=${notice}`, 303)
}

/** The session may have ended since the page was opened. */
function ignoreEnded(error: unknown): void {
  if (!(error instanceof ServiceError && error.code === 'not_found')) throw error
}

/**
 * Submits a form that requires the current password.
 * @param otherErrors the message of each other invalid field, by the field's name
 */
async function submitWithPassword(
  c: AppContext,
  form: AccountForm,
  otherErrors: Readonly<Record<string, string>>,
  submit: () => Promise<Response>,
): Promise<Response> {
  const { messages } = viewOf(c)
  const field = formFieldsOf(c)
  const missing = field('current_password') === '' ? { current_password: messages.fieldRequired } : {}
  const found = { ...otherErrors, ...missing }
  const all = Object.keys(found).length === 0 ? found : { ...found, ...newPasswordErrors(c) }
  return submitForm(c, form, all, submit)
}

async function submitForm(
  c: AppContext,
  form: AccountForm,
  found: Readonly<Record<string, string>>,
  submit: () => Promise<Response>,
): Promise<Response> {
  const errors = invalidFieldErrors(found, viewOf(c).messages)
  if (errors !== null) return showAccount(c, SECTION_OF[form], { form, errors })
  try {
    return await submit()
  } catch (error) {
    return showAccount(c, SECTION_OF[form], { form, errors: formErrorsOf(c, error) })
  }
}

/** Why the policy rejects the new password. Used beside other errors: without them, the action rejects the password. */
function newPasswordErrors(c: AppContext): Record<string, string> {
  const newPassword = formFieldsOf(c)('new_password')
  if (newPassword === '') return {}
  const reasons = weaknessesFor(c.get('ctx'), newPassword, identifiersOf(accountContext(c).actor.profile))
  return reasons.length === 0 ? {} : { new_password: weakPasswordText(reasons, viewOf(c).messages) }
}

function credentialsOf(c: AppContext) {
  const field = formFieldsOf(c)
  return {
    password: field('current_password'),
    challenge: field('challenge') || undefined,
  }
}

/** An empty password field counts as absent, because the form may be sent without a password. */
function endRequestOf(c: AppContext) {
  const { password, ...request } = credentialsOf(c)
  return { ...request, password: password || undefined }
}

/** The identifiers that differ from those of the account, and the message of each invalid one, by the field's name. */
function readChanges(c: AppContext) {
  const { messages } = viewOf(c)
  const { profile } = accountContext(c).actor
  const ctx = c.get('ctx')
  const field = (kind: IdentifierKind) => trimInvisible(formFieldsOf(c)(kind))
  const region = ctx.services.config.accounts.defaultPhoneRegion
  const parsed = IDENTIFIER_KINDS.filter((kind) => field(kind) !== (profile[kind] ?? '')).map(
    (kind) => [kind, field(kind) === '' ? null : parseAs(kind, field(kind), region)] as const,
  )
  // The browser, or the page itself, may spell the same email address differently.
  const changed = parsed.filter(
    ([kind, identifier]) => identifier === null || identifier.shown !== profile[kind],
  )
  const changes: IdentifierChanges = Object.fromEntries(changed)
  const unparsable = changed.filter(([kind, identifier]) => identifier === null && field(kind) !== '')
  const invalid = Object.fromEntries(unparsable.map(([kind]) => [kind, messages.invalidIdentifier[kind]]))
  const reserved = isReservedUsername(ctx, changes.username, profile.username)
  return { changes, errors: reserved ? { ...invalid, username: messages.usernameReserved } : invalid }
}
