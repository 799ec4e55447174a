/** An account's own claims, as an operator sets them and as its access tokens carry them. Pure. */

/** What only the service says of a token or an account (RFC 7519 section 4.1, RFC 9068 section 2.2). */
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
])

/** Levels of lists and objects within one claim: each is walked through on every way of a token. */
const MAX_DEPTH = 8

type Claims = Readonly<Record<string, unknown>>

/** @returns the claims that a token may carry. */
export function unreserved(claims: Claims): Claims {
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !RESERVED_CLAIMS.has(name)))
}

/** @returns what is wrong with claims that an account is to have, each with the claim's name first. */
export function claimProblems(claims: Claims): readonly string[] {
  return Object.entries(claims).flatMap(([name, value]) => {
    if (RESERVED_CLAIMS.has(name)) return [`${name}: Reserved: the service itself says it.`]
    if (!isName(name)) return ['Names must be well-formed Unicode, and not __proto__.']
    return isPlain(value, MAX_DEPTH) ? [] : [`${name}: Must be well-formed JSON, at most ${MAX_DEPTH} deep.`]
  })
}

function isPlain(value: unknown, levels: number): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return true
  return (
    levels > 0 && Object.entries(value).every(([name, member]) => isName(name) && isPlain(member, levels - 1))
  )
}

/** Readers that copy members one by one would change their objects' prototype by the name left out. */
function isName(name: string): boolean {
  return name.isWellFormed() && name !== '__proto__'
}
