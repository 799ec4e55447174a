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

/** Whether all that is needed is held. */
export function holds(held: Names, needed: Names): boolean {
  const all = (names: readonly string[], among: readonly string[]) => {
    return names.every((name) => among.includes(name))
  }
  return all(needed.roles, held.roles) && all(needed.scope, held.scope)
}
