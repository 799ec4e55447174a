/** The data of an account. */
import type { Bytes } from '../crypto/bytes.ts'
import { newId } from '../crypto/ids.ts'
import type { Identifier } from './identifier.ts'

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json }

/** UUIDv7. */
export type AccountId = string

/** What people say about themselves (OpenID Connect Core section 5.1). Null where it is not set. */
export interface ProfileFields {
  readonly name: string | null
  /** An https URL. */
  readonly picture: string | null
  /** BCP 47. */
  readonly locale: string | null
  /** A name of the IANA time zone database. */
  readonly zoneinfo: string | null
}

export const PROFILE_FIELDS = [
  'name',
  'picture',
  'locale',
  'zoneinfo',
] as const satisfies (keyof ProfileFields)[]
export const NO_PROFILE_FIELDS: ProfileFields = { name: null, picture: null, locale: null, zoneinfo: null }

/** The part of an account that tokens and responses show. Its Durable Object stores a copy. Times in unix seconds. */
export interface AccountProfile extends ProfileFields {
  readonly id: AccountId
  readonly username: string | null
  readonly email: string | null
  readonly emailVerified: boolean
  readonly phone: string | null
  readonly phoneVerified: boolean
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
  readonly claims: Readonly<Record<string, Json>>
  readonly disabled: boolean
  readonly createdAt: number
  readonly updatedAt: number
}

/** The session that made the last change that ended all other sessions, and the token family that replaces all its families. */
export interface SurvivingSession {
  readonly id: string
  readonly familyId: string
  /** SHA-256 of the family's secret. */
  readonly secretHash: Bytes
}

/** The whole row. */
export interface Account extends AccountProfile {
  /** The username in its compared form. */
  readonly usernameKey: string | null
  /** PHC string; null for an account without a password, which no password opens. */
  readonly passwordHash: string | null
  readonly credentialVersion: number
  readonly sessionsNotBefore: number
  readonly survivingSession: SurvivingSession | null
  readonly changeId: string
}

/** The kinds of identifier that an account can have, in the order in which conflicts are reported. */
export const IDENTIFIER_KINDS = ['username', 'email', 'phone'] as const
export type IdentifierKind = (typeof IDENTIFIER_KINDS)[number]

/** @param identifiers null for those that the account does not have */
export function newAccount(
  { username, email, phone }: Readonly<Record<IdentifierKind, Identifier | null>>,
  profileFields: ProfileFields,
  passwordHash: string,
  nowMs: number,
): Account {
  const id = newId(nowMs)
  const now = Math.floor(nowMs / 1000)
  return {
    id,
    username: username?.shown ?? null,
    usernameKey: username?.compared ?? null,
    email: email?.shown ?? null,
    emailVerified: false,
    phone: phone?.shown ?? null,
    phoneVerified: false,
    ...profileFields,
    passwordHash,
    disabled: false,
    roles: [],
    scopes: [],
    claims: {},
    credentialVersion: nowMs,
    sessionsNotBefore: nowMs,
    survivingSession: null,
    changeId: id,
    createdAt: now,
    updatedAt: now,
  }
}
