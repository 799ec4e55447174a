/** Shows the pages for login and registration. */
import type { Child } from 'hono/jsx'
import type { AccountProfile } from '../../accounts/account.ts'
import { isRegistrationOpen } from '../../actions/registration/check-new-credentials.ts'
import type { ChallengeAction } from '../../challenge/challenge.ts'
import type { AppContext } from '../../http/context.ts'
import { fill, type Text } from '../../messages/messages.ts'
import { hasControlCharacter, trimInvisible } from '../../runtime/text.ts'
import { displayName, personName, welcomeOf } from '../account/account-fields.tsx'
import { loginQueryOf } from '../form.ts'
import { challengeForNextAttempt, type FormErrors } from '../form-errors.ts'
import { showPage } from '../layout.tsx'
import { noticeOf, viewOf } from '../view.ts'
import {
  ContinuePage,
  type IdentifierField,
  LoginPage,
  RegisterPage,
  RegistrationClosedPage,
} from './login-pages.tsx'

/** The longest email address has 254 characters. */
const MAX_HINT_LENGTH = 254

async function formProps(c: AppContext, action: ChallengeAction, errors: FormErrors | null) {
  const challenge = await challengeForNextAttempt(c, errors, action)
  return { view: viewOf(c), errors, challenge, query: loginQueryOf(c) }
}

/** The names of the fields that name the person at registration: the kinds of PAGES.identifiers, or one field for all. */
export function identifierFields(c: AppContext): readonly IdentifierField[] {
  return viewOf(c).pages.identifiers ?? ['identifier']
}

export async function showLogin(c: AppContext, errors: FormErrors | null, identifier: string) {
  const props = await formProps(c, 'login', errors)
  const { messages, pages } = props.view
  const lead = leadOf(
    props.query.returnTo,
    messages.loginLeadTo,
    fill(messages.loginLead, { service: pages.name }),
  )
  const page = (
    <LoginPage
      {...props}
      identifier={identifier}
      status={noticeOf(c)}
      registrationOpen={await isRegistrationOpen(c.get('ctx'))}
    />
  )
  return showForm(c, messages.logIn, lead, errors, page)
}

/** @param typed what the fields show, by their names */
export async function showRegister(
  c: AppContext,
  errors: FormErrors | null,
  typed: Readonly<Record<string, string>>,
) {
  const { messages, pages } = viewOf(c)
  if (!(await isRegistrationOpen(c.get('ctx')))) {
    const page = <RegistrationClosedPage view={viewOf(c)} errors={errors} query={loginQueryOf(c)} />
    return showForm(c, messages.register, undefined, errors, page)
  }
  const props = await formProps(c, 'register', errors)
  const { passwordMinLength } = c.get('ctx').services.config.accounts
  const lead = leadOf(
    props.query.returnTo,
    messages.registerLeadTo,
    fill(messages.registerLead, { service: pages.name }),
  )
  return showForm(
    c,
    messages.register,
    lead,
    errors,
    <RegisterPage {...props} fields={identifierFields(c)} typed={typed} minLength={passwordMinLength} />,
  )
}

export function showContinue(
  c: AppContext,
  profile: AccountProfile,
  returnTo: string,
  justLoggedIn: boolean,
) {
  const view = viewOf(c)
  const name = displayName(profile)
  const title = fill(view.messages.continueTo, { host: new URL(returnTo).host })
  const lead = fill(view.messages.loggedInAs, { name })
  const redirectTo = justLoggedIn ? returnTo : undefined
  const page = (
    <ContinuePage
      view={view}
      name={personName(profile)}
      query={loginQueryOf(c)}
      status={noticeOf(c) ?? welcomeOf(c, profile)}
    />
  )
  return showPage(c, { title, lead, redirectTo }, page)
}

function showForm(
  c: AppContext,
  title: string,
  lead: string | undefined,
  errors: FormErrors | null,
  page: Child,
) {
  const error = errors === null ? {} : { status: errors.status, error: errors.message }
  return showPage(c, { title, lead, ...error }, page)
}

/** Names the app to which the login returns, or else the service. */
function leadOf(returnTo: string | null, toApp: Text<'host'>, toService: string): string {
  return returnTo === null ? toService : fill(toApp, { host: new URL(returnTo).host })
}

/** OpenID Connect Core section 3.1.2.1: the app may know who logs in. */
export function loginHintOf(c: AppContext): string {
  const hint = c.req.query('login_hint') ?? ''
  return hint.length > MAX_HINT_LENGTH || hasControlCharacter(hint) ? '' : trimInvisible(hint)
}
