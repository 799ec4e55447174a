/** The routes for registration. */
import { Hono } from 'hono'
import type { IdentifierKind } from '../../accounts/account.ts'
import { type Identifier, kindOf, parseAs, parseNewIdentifier } from '../../accounts/identifier.ts'
import { isReservedUsername, weaknessesFor } from '../../actions/registration/check-new-credentials.ts'
import { register } from '../../actions/registration/register.ts'
import { ServiceError } from '../../errors/service-error.ts'
import type { AppContext, AppEnv } from '../../http/context.ts'
import { hasControlCharacter, trimInvisible } from '../../runtime/text.ts'
import { showError } from '../error-pages.tsx'
import { formFieldsOf, loginQueryOf, sameOriginForm, withLoginQuery } from '../form.ts'
import { type FieldNames, formErrorsOf, invalidFieldErrors, weakPasswordText } from '../form-errors.ts'
import { readPageSession } from '../page-cookie.ts'
import { viewOf } from '../view.ts'
import { credentialsOf, redirectAfterLogin } from './after-login.ts'
import { identifierFields, loginHintOf, showRegister } from './show-login.tsx'

/** What was typed into a field of an identifier, and the identifier that it means. */
interface Typed {
  /** The name of the field: a kind, or `identifier` for one field of all kinds. */
  readonly field: string
  readonly text: string
  readonly kind: IdentifierKind
  /** Null if no account may have it. */
  readonly identifier: Identifier | null
}

export function registrationPages() {
  const router = new Hono<AppEnv>()
  router.onError(showError)

  router.get('/register', async (c) => {
    if ((await readPageSession(c)) !== null) return c.redirect(withLoginQuery('/login', loginQueryOf(c)), 303)
    return showRegister(c, null, hintedFields(c))
  })

  router.post('/register', sameOriginForm, async (c) => {
    const typed = readIdentifiers(c)
    const texts = Object.fromEntries(typed.map(({ field, text }) => [field, text]))
    const errors = invalidFieldErrors(registrationErrors(c, typed), viewOf(c).messages)
    if (errors !== null) return showRegister(c, errors, texts)
    const given = Object.fromEntries(typed.map(({ kind, identifier }) => [kind, identifier]))
    const identifiers = { username: null, email: null, phone: null, ...given }
    try {
      const tokens = await register(c.get('ctx'), { ...identifiers, ...credentialsOf(c) })
      return redirectAfterLogin(c, tokens)
    } catch (error) {
      if (isRegistered(error))
        return c.redirect(withLoginQuery('/login?done=registered', loginQueryOf(c)), 303)
      return showRegister(c, formErrorsOf(c, error, fieldNames(c)), texts)
    }
  })
  return router
}

/** The app's hint fills the field of its kind. */
function hintedFields(c: AppContext): Record<string, string> {
  const hint = loginHintOf(c)
  return { identifier: hint, [kindOf(hint)]: hint }
}

function readIdentifiers(c: AppContext): readonly Typed[] {
  const region = c.get('ctx').services.config.accounts.defaultPhoneRegion
  return identifierFields(c).map((field) => {
    const text = formFieldsOf(c)(field)
    const kind = field === 'identifier' ? kindOf(text) : field
    const identifier = field === 'identifier' ? parseNewIdentifier(text, region) : parseAs(kind, text, region)
    return { field, text, kind, identifier }
  })
}

function fieldNames(c: AppContext): FieldNames {
  const hasOneField = viewOf(c).pages.identifiers === null
  const nameOf = (kind: IdentifierKind) => (hasOneField ? 'identifier' : kind)
  return {
    password: 'password',
    identifier: { username: nameOf('username'), email: nameOf('email'), phone: nameOf('phone') },
  }
}

/** Whether the account is stored and only the opening of its session failed. */
function isRegistered(error: unknown): boolean {
  return error instanceof ServiceError && error.members.registered === true
}

/** The message of each invalid field. A weak password is included only beside other errors. */
function registrationErrors(c: AppContext, typed: readonly Typed[]): Record<string, string> {
  const { messages } = viewOf(c)
  const password = formFieldsOf(c)('password')
  const found = [...typed.map((one) => [one.field, identifierError(c, one)] as const)].filter(
    (entry): entry is readonly [string, string] => entry[1] !== null,
  )
  const errors = Object.fromEntries(found)
  if (password === '') return { ...errors, password: messages.fieldRequired }
  // Otherwise the action rejects it, after the check whether this person may register.
  if (found.length === 0) return errors
  const identifiers = typed.map(({ identifier }) => identifier)
  const reasons = weaknessesFor(c.get('ctx'), password, identifiers)
  return reasons.length === 0 ? errors : { ...errors, password: weakPasswordText(reasons, messages) }
}

function identifierError(c: AppContext, { text, kind, identifier, field }: Typed): string | null {
  const { messages } = viewOf(c)
  if (trimInvisible(text) === '') return messages.fieldRequired
  if (identifier !== null)
    return isReservedUsername(c.get('ctx'), identifier) ? messages.usernameReserved : null
  if (hasControlCharacter(text)) return messages.invalidIdentifier[field === 'identifier' ? 'username' : kind]
  const isDigits = field === 'identifier' && kind === 'phone' && !/[+＋]/.test(text)
  return isDigits ? messages.invalidDigits : messages.invalidIdentifier[kind]
}
