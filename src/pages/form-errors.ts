/** Errors as forms show them: a message above the form, messages beside the fields, and the next challenge. */
import { IDENTIFIER_KINDS, type IdentifierKind } from '../accounts/account.ts'
import { nextChallenge } from '../actions/attempts/challenges.ts'
import type { Challenge, ChallengeAction } from '../challenge/challenge.ts'
import { ERRORS } from '../errors/codes.ts'
import type { ServiceError } from '../errors/service-error.ts'
import type { AppContext } from '../http/context.ts'
import { retryAfter, toServiceError } from '../http/error-response.ts'
import { fill, type Messages, plural } from '../messages/messages.ts'
import { viewOf } from './view.ts'

export interface FormErrors {
  /** The HTTP status of the page. */
  readonly status: number
  /** Shown above the form. */
  readonly message: string
  /** The message of each invalid field, by the field's name. */
  readonly fields: Readonly<Record<string, string>>
  /** The challenge to solve before the form is sent again. */
  readonly challenge: Challenge | null
  /** When to try again, if a limit blocks. */
  readonly wait?: Wait
}

/** What the script needs to count down until the form can be sent again. */
export interface Wait {
  readonly seconds: number
  /** The message with `{time}` for what is left. */
  readonly countdown: string
  /** The message when the time is over. */
  readonly over: string
}

/** The names of a form's fields that an error can concern. */
export interface FieldNames {
  /** The field of a new password, or the only password field. */
  readonly password: string
  /** The field of each kind of identifier. A form may have one field for all kinds. */
  readonly identifier: Readonly<Record<IdentifierKind, string>>
}

const ACCOUNT_FIELDS: FieldNames = {
  password: 'new_password',
  identifier: { username: 'username', email: 'email', phone: 'phone' },
}

export function toFormErrors(error: ServiceError, messages: Messages, names = ACCOUNT_FIELDS): FormErrors {
  const { code, members, retryAfterSeconds } = error
  const fields = fieldErrorsOf(error, messages, names)
  const message = Object.keys(fields).length > 0 ? messages.correctFields : messageOf(error, messages)
  const shown = { status: ERRORS[code].status, message, fields, challenge: members.challenge ?? null }
  return retryAfterSeconds === undefined
    ? shown
    : { ...shown, ...waitOf(retryAfterSeconds, message, messages) }
}

/** A message that says how long to wait, and what the script needs to count down. */
function waitOf(seconds: number, message: string, messages: Messages) {
  const withSentence = (sentence: string) => message + messages.sentenceSeparator + sentence
  const wait = { seconds, countdown: withSentence(messages.tryAgainAfter), over: messages.tryAgainNow }
  return { message: withSentence(plural(messages.tryAgainIn, Math.ceil(seconds / 60), messages)), wait }
}

/**
 * @param fields the message of each invalid field, by the field's name
 * @returns null if no field is invalid
 */
export function invalidFieldErrors(
  fields: Readonly<Record<string, string>>,
  messages: Messages,
): FormErrors | null {
  if (Object.keys(fields).length === 0) return null
  return { status: ERRORS.invalid_request.status, message: messages.correctFields, fields, challenge: null }
}

/** @returns why the policy rejects a password, in sentences */
export function weakPasswordText(reasons: readonly string[], messages: Messages): string {
  const texts = reasons.map((reason) => messages.weakPasswordReasons[reason] ?? reason)
  return texts.join(messages.sentenceSeparator)
}

/** For a login that succeeded, but whose cookies the browser did not store. */
export function cookiesBlocked(messages: Messages): FormErrors {
  return { status: 200, message: messages.cookiesBlocked, fields: {}, challenge: null }
}

/** For a form that was opened under another account. It must not change the one that is logged in now. */
export function accountSwitched(name: string, messages: Messages): FormErrors {
  return { status: 409, message: fill(messages.accountSwitched, { name }), fields: {}, challenge: null }
}

function messageOf({ code, members }: ServiceError, messages: Messages): string {
  if (members.changed) return messages.changeIncomplete
  // The pages check the fields of an account beforehand, so only the removal of the last identifier leads to these errors.
  if (members.errors !== undefined) return messages.identifierRequired
  return messages.formErrorTexts[code] ?? messages.errors[code][1]
}

function fieldErrorsOf(
  { code, members }: ServiceError,
  messages: Messages,
  names: FieldNames,
): Record<string, string> {
  if (code === 'invalid_credentials' && names === ACCOUNT_FIELDS)
    return { current_password: messages.incorrectPassword }
  if (code === 'insufficient_user_authentication') return { current_password: messages.passwordRequired }
  if (code === 'weak_password') {
    return { [names.password]: weakPasswordText(members.reasons ?? [], messages) }
  }
  const taken = IDENTIFIER_KINDS.find((kind) => kind === members.field)
  return taken === undefined ? {} : { [names.identifier[taken]]: messages.identifierTaken[taken] }
}

/** Also sets the error code of the request's log line, and the Retry-After header. */
export function formErrorsOf(c: AppContext, error: unknown, names?: FieldNames): FormErrors {
  const serviceError = toServiceError(c, error)
  c.set('errorCode', serviceError.code)
  for (const [name, value] of Object.entries(retryAfter(serviceError))) c.header(name, value)
  return toFormErrors(serviceError, viewOf(c).messages, names)
}

/**
 * The page that shows the result of an attempt also shows the challenge that the next attempt needs.
 * @returns null if the next attempt needs none
 */
export async function challengeForNextAttempt(
  c: AppContext,
  errors: FormErrors | null,
  action: ChallengeAction,
): Promise<Challenge | null> {
  if (errors?.challenge) return errors.challenge
  // The counter may be the part that is unavailable.
  if (errors?.status === ERRORS.unavailable.status) return null
  return nextChallenge(c.get('ctx'), action)
}
