/** What an access token carries: the scopes that it is granted, and the account's own claims. Pure. */

import { jsonLength } from '../crypto/bytes.ts'
import { SCOPE } from '../runtime/text.ts'

/** Given only to those who ask for it by name. */
export const ADMIN_SCOPE = 'admin'

/** @returns the scopes asked for, each once; what no account could ever have is left out. */
export function parseScope(text: string): readonly string[] {
  return [...new Set(text.split(' ').filter((scope) => SCOPE.test(scope)))]
}

/** @param asked null where nothing was asked for, which means everything but `admin` */
export function grantScope(asked: readonly string[] | null, held: readonly string[]): readonly string[] {
  if (asked === null) return held.filter((scope) => scope !== ADMIN_SCOPE)
  return asked.filter((scope) => held.includes(scope))
}

/**
 * What only the service says of a token or an account (RFC 7519 section 4.1, RFC 9068 section 2.2; OpenID Connect Core
 * sections 2 and 5.1), or what gives a token a meaning that verifiers act on (RFC 7800, RFC 8417, RFC 8693, RFC 9396).
 */
const RESERVED_CLAIMS: ReadonlySet<string> = new Set([
  'iss',
  'sub',
  'aud',
  'exp',
  'nbf',
  'iat',
  'jti',
  'sid',
  'auth_time',
  'amr',
  'client_id',
  'scope',
  'roles',
  'preferred_username',
  'acr',
  'azp',
  'act',
  'may_act',
  'cnf',
  'nonce',
  'at_hash',
  'c_hash',
  'events',
  'fid',
  'sub_id',
  'authorization_details',
  'email',
  'email_verified',
  'phone_number',
  'phone_number_verified',
  'updated_at',
  'locale',
])

/** Levels of lists and objects within one claim: each is walked through on every way of a token. */
const MAX_DEPTH = 8
const NOT_PLAIN = `Must be well-formed JSON, at most ${MAX_DEPTH} deep, with integers from -(2^53 - 1) to 2^53 - 1.`

/** With them an access token has at most 4,096 characters, whatever the settings and the username are. */
const MAX_GRANTED_BYTES = 1_800
export const GRANTED_TOO_LONG = 'Roles, scopes and claims must have at most 1,800 bytes together, as JSON.'

type Claims = Readonly<Record<string, unknown>>

/** What an operator grants an account. */
export interface Granted {
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
  readonly claims: Claims
}

/** Whether an access token may carry all of it. */
export function fitsToken({ roles, scopes, claims }: Granted): boolean {
  return jsonLength({ roles, scopes, claims }) <= MAX_GRANTED_BYTES
}

/** @returns the claims that a token may carry. */
export function unreserved(claims: Claims): Claims {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !RESERVED_CLAIMS.has(name)))
}

/** @returns what is wrong with claims that an account is to have, each with the claim's name first. */
export function claimProblems(claims: Claims): readonly string[] {
  return Object.entries(claims).flatMap(([name, value]) => {
    if (RESERVED_CLAIMS.has(name)) return [`${name}: Reserved: the service itself says it.`]
    if (!isName(name)) return ['Names must be well-formed Unicode, and not __proto__.']
    return isPlain(value, MAX_DEPTH) ? [] : [`${name}: ${NOT_PLAIN}`]
  })
}

function isPlain(value: unknown, levels: number): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value === 'number') return isExact(value)
  if (typeof value !== 'object' || value === null) return true
  return (
    levels > 0 && Object.entries(value).every(([name, member]) => isName(name) && isPlain(member, levels - 1))
  )
}

/** RFC 8259 section 6: larger integers are read as different ones, here too. */
function isExact(value: number): boolean {
  return Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value)
}

/** Readers that copy members one by one would change their objects' prototype by the name left out. */
function isName(name: string): boolean {
  return name.isWellFormed() && name !== '__proto__'
}
