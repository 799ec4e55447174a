/** The Bearer token of a request, and what may be asked of who carries it (RFC 6750). */

/**
 * @param authorization the header's value, or null where it was not sent
 * @returns the token, or null where another scheme or none was sent. The scheme's case does not matter (RFC 9110
 * section 11.1)
 */
export function readBearer(authorization: string | null): string | null {
  const match = /^bearer +(.*)$/i.exec(authorization ?? '')
  return match?.[1] ?? null
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
