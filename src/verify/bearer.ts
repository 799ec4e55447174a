/** The Bearer token of a request, and what may be asked of who carries it (RFC 6750). */

/** The service's access tokens have at most 4,096 characters, and a secret of a Worker at most 5 KB. */
const MAX_AUTHORIZATION_LENGTH = 8_192

export interface Authorization {
  /** In lower case, since its case does not matter (RFC 9110 section 11.1); empty if the header was not sent. */
  readonly scheme: string
  /** What follows the scheme and its spaces; null if nothing does, empty if the header is too long. */
  readonly credentials: string | null
}

/**
 * Splits the header in one pass (RFC 9110 section 11.4): a client chooses its length and every character of it.
 * @param authorization the header's value, or null if it was not sent
 */
export function readAuthorization(authorization: string | null): Authorization {
  const text = authorization ?? ''
  const end = text.indexOf(' ')
  if (end === -1) return { scheme: text.toLowerCase(), credentials: null }
  const isTooLong = text.length > MAX_AUTHORIZATION_LENGTH
  const credentials = isTooLong ? '' : text.slice(end).replace(/^ +/, '')
  return { scheme: text.slice(0, end).toLowerCase(), credentials }
}

/**
 * @param authorization the header's value, or null if it was not sent
 * @returns the token, empty if it is too long to be valid; null if another scheme or none was sent
 */
export function readBearer(authorization: string | null): string | null {
  const { scheme, credentials } = readAuthorization(authorization)
  return scheme === 'bearer' ? credentials : null
}

/** Roles and scopes that are needed, or held. */
export interface Names {
  readonly roles: readonly string[]
  readonly scope: readonly string[]
}

/** @returns the parts of a `scope` claim or parameter (RFC 6749 section 3.3) */
export function scopeNames(scope: string): readonly string[] {
  return scope.split(' ').filter((name) => name !== '')
}

/** What a request must have, beside a valid token. */
export type Requirement = Partial<Names>

/** RFC 6749 section 3.3: what may stand in a scope, and so in the header that names it. */
const NAME = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/** @throws {TypeError} for a requirement that is none: a misspelt one must not ask for less */
export function readRequirement(requirement: Requirement): Names {
  const { roles = [], scope = [], ...unknown } = requirement
  const areTokens = (value: unknown) =>
    Array.isArray(value) && value.every((name) => typeof name === 'string' && NAME.test(name))
  if (Object.keys(unknown).length > 0 || !areTokens(roles) || !areTokens(scope)) {
    throw new TypeError('a requirement has roles and scope, each a list of names')
  }
  return { roles, scope }
}

/** Whether all that is needed is held. */
export function holds(held: Names, needed: Names): boolean {
  const all = (names: readonly string[], among: readonly string[]) => {
    return names.every((name) => among.includes(name))
  }
  return all(needed.roles, held.roles) && all(needed.scope, held.scope)
}
