/** The contents of an access token: the granted scopes, and the account's own claims. Pure. */

import { jsonLength } from '../crypto/bytes.ts'
import { SCOPE } from '../runtime/text.ts'

/** Granted only if it is requested by name. */
export const ADMIN_SCOPE = 'admin'

/** @returns the requested scopes, each once, without those that no account can have. */
export function parseScope(text: string): readonly string[] {
  return [...new Set(text.split(' ').filter((scope) => SCOPE.test(scope)))]
}

/** @param requested null if no scope was requested, which means all permitted scopes except `admin` */
export function grantScope(
  requested: readonly string[] | null,
  permitted: readonly string[],
): readonly string[] {
  if (requested === null) return permitted.filter((scope) => scope !== ADMIN_SCOPE)
  return requested.filter((scope) => permitted.includes(scope))
}

/**
 * Claims that only the service sets for a token or an account (RFC 7519 section 4.1, RFC 9068 section 2.2; OpenID Connect Core
 * sections 2 and 5.1), and claims that change how verifiers treat a token (RFC 7800, RFC 8417, RFC 8693, RFC 9396).
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

/** The maximum depth of lists and objects within one claim. Everything that reads a token walks through all of them. */
const MAX_DEPTH = 8
const NOT_PLAIN = `Must be well-formed JSON, at most ${MAX_DEPTH} deep, with integers from -(2^53 - 1) to 2^53 - 1.`

/** With this limit, an access token has at most 4,096 characters, whatever the settings and the username are. */
const MAX_GRANTED_BYTES = 1_800
export const GRANTED_TOO_LONG = 'Roles, scopes and claims must have at most 1,800 bytes together, as JSON.'

type Claims = Readonly<Record<string, unknown>>

/** The permissions and claims that an operator grants to an account. */
export interface Granted {
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
  readonly claims: Claims
}

/** @returns whether an access token can contain all of them */
export function fitsToken({ roles, scopes, claims }: Granted): boolean {
  return jsonLength({ roles, scopes, claims }) <= MAX_GRANTED_BYTES
}

/** @returns the claims without the reserved ones. */
export function unreserved(claims: Claims): Claims {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !RESERVED_CLAIMS.has(name)))
}

/** @returns what is wrong with new claims of an account, each text with the claim's name first. */
export function claimProblems(claims: Claims): readonly string[] {
  return Object.entries(claims).flatMap(([name, value]) => {
    if (RESERVED_CLAIMS.has(name)) return [`${name}: Reserved: the service itself sets it.`]
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

/** RFC 8259 section 6: readers, including this one, may round larger integers. */
function isExact(value: number): boolean {
  return Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value)
}

/** `__proto__` is refused, because a reader that copies members one by one would change its object's prototype. */
function isName(name: string): boolean {
  return name.isWellFormed() && name !== '__proto__'
}
