/** The Bearer token of a request, and the permissions it must have (RFC 6750). */

/** The service's access tokens have at most 4,096 characters, and a Worker's secret has at most 5 KB. */
const MAX_AUTHORIZATION_LENGTH = 8_192

export interface Authorization {
  /** In lower case, since it is case-insensitive (RFC 9110 section 11.1); empty if the header was not sent. */
  readonly scheme: string
  /** The text after the scheme and its spaces; null if there is no such text, empty if the header is too long. */
  readonly credentials: string | null
}

/**
 * Splits the header in one pass (RFC 9110 section 11.4), because the sender controls its length and every character.
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
 * @returns the token, empty if it is too long to be valid; null if the header is missing or has another scheme
 */
export function readBearer(authorization: string | null): string | null {
  const { scheme, credentials } = readAuthorization(authorization)
  return scheme === 'bearer' ? credentials : null
}

/** Permissions: roles and scopes. */
export interface Permissions {
  readonly roles: readonly string[]
  readonly scope: readonly string[]
}

/** @returns the names in a `scope` claim or parameter (RFC 6749 section 3.3) */
export function scopeNames(scope: string): readonly string[] {
  return scope.split(' ').filter((name) => name !== '')
}

/** The permissions that a request must have, in addition to a valid token. All of them are required. */
export type RequiredPermissions = Partial<Permissions>

/** The characters that a scope may have (RFC 6749 section 3.3), and therefore the header that names it. */
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/

/** @throws {TypeError} for unknown members or invalid names, so that a misspelt requirement never requires less */
export function parseRequiredPermissions(required: RequiredPermissions): Permissions {
  const { roles = [], scope = [], ...unknown } = required
  const areValid = (value: unknown) =>
    Array.isArray(value) && value.every((name) => typeof name === 'string' && SCOPE_TOKEN.test(name))
  if (Object.keys(unknown).length > 0 || !areValid(roles) || !areValid(scope)) {
    throw new TypeError('required permissions must be an object with roles and scope, each an array of names')
  }
  return { roles, scope }
}

/** Whether all required permissions are granted. */
export function hasPermissions(granted: Permissions, required: Permissions): boolean {
  const { roles, scope } = missingPermissions(granted, required)
  return roles.length + scope.length === 0
}

/** @returns the required permissions that are not granted, each once */
export function missingPermissions(granted: Permissions, required: Permissions): Permissions {
  const missing = (names: readonly string[], from: readonly string[]) =>
    [...new Set(names)].filter((name) => !from.includes(name))
  return { roles: missing(required.roles, granted.roles), scope: missing(required.scope, granted.scope) }
}
