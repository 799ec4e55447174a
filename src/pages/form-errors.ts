/** An error as a form shows it: beside the fields that it is about, or above all of them; and the next challenge. */
import { IDENTIFIER_KINDS, type IdentifierKind } from '../accounts/account.ts'
import { challengeDue } from '../actions/attempts/challenges.ts'
import type { Challenge, ChallengeAction } from '../challenge/challenge.ts'
import { ERRORS, type ServiceError } from '../errors/service-error.ts'
import type { AppContext } from '../http/context.ts'
import { retryAfter, toServiceError } from '../http/error-response.ts'
import { requesterOf } from '../http/requester.ts'
import type { Messages } from '../messages/messages.ts'
import { viewOf } from './layout.tsx'

export interface Failure {
  readonly status: number
  /** Above the form. */
  readonly message: string
  /** By the field's name. */
  readonly fields: Readonly<Record<string, string>>
  /** To be solved before the form is sent again. */
  readonly challenge: Challenge | null
}

/** Where a form has one password field alone, and one for all identifiers, that is it. */
export interface FieldNames {
  readonly password: string
  readonly identifier: Readonly<Record<IdentifierKind, string>>
}

const OWN_NAMES = { username: 'username', email: 'email', phone: 'phone' }
const ACCOUNT_FIELDS: FieldNames = { password: 'new_password', identifier: OWN_NAMES }

export function toFailure(error: ServiceError, messages: Messages, names = ACCOUNT_FIELDS): Failure {
  const { code, members, retryAfterSeconds } = error
  const fields = fieldsOf(error, messages, names)
  const message = Object.keys(fields).length > 0 ? messages.mistakes : messageOf(error, messages)
  const wait = retryAfterSeconds === undefined ? [] : messages.tryAgainIn(Math.ceil(retryAfterSeconds / 60))
  return {
    status: ERRORS[code].status,
    message: [message, wait].flat().join(messages.space),
    fields,
    challenge: members.challenge ?? null,
  }
}

/** @param fields what is wrong, by the field's name */
export function invalidFields(fields: Readonly<Record<string, string>>, messages: Messages): Failure | null {
  if (Object.keys(fields).length === 0) return null
  return { status: ERRORS.invalid_request.status, message: messages.mistakes, fields, challenge: null }
}

/** @returns what is against a password */
export function weaknessText(reasons: readonly string[], messages: Messages): string {
  return reasons.map((reason) => messages.reasons[reason] ?? reason).join(messages.space)
}

/** A log in that went well, and that the browser forgot at once. */
export function noCookie(messages: Messages): Failure {
  return { status: 200, message: messages.noCookie, fields: {}, challenge: null }
}

/** A form of a tab in which somebody else was logged in: what it asks for was not meant for this account. */
export function otherAccount(name: string, messages: Messages): Failure {
  return { status: 409, message: messages.otherAccount(name), fields: {}, challenge: null }
}

function messageOf({ code, members }: ServiceError, messages: Messages): string {
  if (members.changed) return messages.changedAnyway
  // The pages ask for nothing else that this could be about.
  if (code === 'invalid_request') return messages.oneIsLeft
  return messages.onForms[code] ?? messages.errors[code][1]
}

function fieldsOf(
  { code, members }: ServiceError,
  messages: Messages,
  names: FieldNames,
): Record<string, string> {
  if (code === 'invalid_credentials' && names === ACCOUNT_FIELDS)
    return { current_password: messages.wrongPassword }
  if (code === 'insufficient_user_authentication') return { current_password: messages.passwordNeeded }
  if (code === 'weak_password') {
    return { [names.password]: weaknessText(members.reasons ?? [], messages) }
  }
  const taken = IDENTIFIER_KINDS.find((kind) => kind === members.field)
  return taken === undefined ? {} : { [names.identifier[taken]]: messages.taken[taken] }
}

export function failureOf(c: AppContext, error: unknown, names?: FieldNames): Failure {
  const serviceError = toServiceError(c, error)
  c.set('errorCode', serviceError.code)
  for (const [name, value] of Object.entries(retryAfter(serviceError))) c.header(name, value)
  return toFailure(serviceError, viewOf(c).messages, names)
}

/** The challenge that the next attempt will need, on the page that says how the last one went. */
export async function challengeAfter(
  c: AppContext,
  failure: Failure | null,
  action: ChallengeAction,
): Promise<Challenge | null> {
  if (failure?.challenge) return failure.challenge
  // The counter itself may be what is out of reach.
  if (failure?.status === ERRORS.unavailable.status) return null
  return challengeDue(c.get('services'), requesterOf(c), action)
}
