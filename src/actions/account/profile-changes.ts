/** What a change of a profile makes of an account. Pure. */
import {
  type Account,
  type AccountProfile,
  IDENTIFIER_KINDS,
  type IdentifierKind,
  PROFILE_FIELDS,
  type ProfileFields,
} from '../../accounts/account.ts'
import type { Identifier } from '../../accounts/identifier.ts'
import { type FieldError, ServiceError } from '../../errors/service-error.ts'
import type { ChangeStamp } from './commit-change.ts'

/** The identifiers to change: null clears one, a missing one stays as it is. */
export type IdentifierChanges = { readonly [Kind in IdentifierKind]?: Identifier | null | undefined }

/** The profile fields to change, in the same way. */
export type ProfileFieldChanges = { readonly [Field in keyof ProfileFields]?: string | null | undefined }

export type ProfileChanges = IdentifierChanges & ProfileFieldChanges

const CHANGEABLE = [...IDENTIFIER_KINDS, ...PROFILE_FIELDS] as const

/** @returns the names of the fields that the changes set or clear */
export function changedFields(changes: ProfileChanges): readonly string[] {
  return CHANGEABLE.filter((field) => changes[field] !== undefined)
}

/** @returns whether an identifier is set or cleared, which requires the password */
export function changesIdentifier(changes: { readonly [Kind in IdentifierKind]?: unknown }): boolean {
  return IDENTIFIER_KINDS.some((kind) => changes[kind] !== undefined)
}

/** @throws {ServiceError} `invalid_request` that names each identifier to be cleared, if none would remain */
export function checkOneRemains(account: AccountProfile, changes: IdentifierChanges): void {
  const errors = lastIdentifierErrors(account, changes)
  if (errors.length > 0) throw new ServiceError('invalid_request', { errors })
}

/** @returns the problems with clearing the last identifier, to be reported with those of other fields */
export function lastIdentifierErrors(
  account: AccountProfile,
  changes: IdentifierChanges,
): readonly FieldError[] {
  const oneRemains = IDENTIFIER_KINDS.some(
    (kind) => (changes[kind] === undefined ? account[kind] : changes[kind]) !== null,
  )
  if (oneRemains) return []
  const cleared = IDENTIFIER_KINDS.filter((kind) => changes[kind] === null)
  const message = 'An account must keep at least one identifier.'
  return cleared.map((field) => ({ field, message }))
}

/** @returns the same object if nothing differs. A changed address is unverified. */
export function withChanges(current: Account, stamp: ChangeStamp, changes: ProfileChanges): Account {
  const changed = { ...current, ...identifiersAfter(current, changes), ...fieldsAfter(current, changes) }
  const isSame = CHANGEABLE.every((field) => changed[field] === current[field])
  return isSame ? current : { ...changed, ...stamp }
}

function identifiersAfter(current: Account, changes: IdentifierChanges) {
  const shown = (kind: IdentifierKind) =>
    changes[kind] === undefined ? current[kind] : (changes[kind]?.shown ?? null)
  const [username, email, phone] = [shown('username'), shown('email'), shown('phone')]
  return {
    username,
    usernameKey: changes.username === undefined ? current.usernameKey : (changes.username?.compared ?? null),
    email,
    emailVerified: email === current.email && current.emailVerified,
    phone,
    phoneVerified: phone === current.phone && current.phoneVerified,
  }
}

function fieldsAfter(current: Account, changes: ProfileFieldChanges): ProfileFields {
  const { name = current.name, picture = current.picture } = changes
  const { locale = current.locale, zoneinfo = current.zoneinfo } = changes
  return { name, picture, locale, zoneinfo }
}
