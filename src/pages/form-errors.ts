/** An error as a form shows it: beside the fields that it is about, or above all of them. Pure. */
import { IDENTIFIER_KINDS, type IdentifierKind } from '../accounts/account.ts'
import type { Challenge } from '../challenge/challenge.ts'
import { ERRORS, type ServiceError } from '../errors/service-error.ts'
import type { Words } from '../messages/messages.ts'

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
export const ACCOUNT_FIELDS: FieldNames = { password: 'new_password', identifier: OWN_NAMES }

export function toFailure(error: ServiceError, words: Words, names = ACCOUNT_FIELDS): Failure {
  const { code, members, retryAfterSeconds } = error
  const fields = fieldsOf(error, words, names)
  const message = Object.keys(fields).length > 0 ? words.mistakes : messageOf(error, words)
  const wait = retryAfterSeconds === undefined ? [] : words.tryAgainIn(Math.ceil(retryAfterSeconds / 60))
  return {
    status: ERRORS[code].status,
    message: [message, wait].flat().join(words.space),
    fields,
    challenge: members.challenge ?? null,
  }
}

/** @param fields what is wrong, by the field's name */
export function invalidFields(fields: Readonly<Record<string, string>>, words: Words): Failure | null {
  if (Object.keys(fields).length === 0) return null
  return { status: ERRORS.invalid_request.status, message: words.mistakes, fields, challenge: null }
}

/** @returns what is against a password */
export function weaknessText(reasons: readonly string[], words: Words): string {
  return reasons.map((reason) => words.reasons[reason] ?? reason).join(words.space)
}

/** A log in that went well, and that the browser forgot at once. */
export function noCookie(words: Words): Failure {
  return { status: 200, message: words.noCookie, fields: {}, challenge: null }
}

/** A form of a tab in which somebody else was logged in: what it asks for was not meant for this account. */
export function otherAccount(name: string, words: Words): Failure {
  return { status: 409, message: words.otherAccount(name), fields: {}, challenge: null }
}

function messageOf({ code, members }: ServiceError, words: Words): string {
  if (members.changed) return words.changedAnyway
  // The pages ask for nothing else that this could be about.
  if (code === 'invalid_request') return words.oneIsLeft
  return words.onForms[code] ?? words.errors[code][1]
}

function fieldsOf({ code, members }: ServiceError, words: Words, names: FieldNames): Record<string, string> {
  if (code === 'invalid_credentials' && names === ACCOUNT_FIELDS)
    return { current_password: words.wrongPassword }
  if (code === 'insufficient_user_authentication') return { current_password: words.passwordNeeded }
  if (code === 'weak_password') {
    return { [names.password]: weaknessText(members.reasons ?? [], words) }
  }
  const taken = IDENTIFIER_KINDS.find((kind) => kind === members.field)
  return taken === undefined ? {} : { [names.identifier[taken]]: words.taken[taken] }
}
