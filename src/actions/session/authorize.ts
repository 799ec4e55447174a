/** Whether the permissions that a call needs are held. */
import type { AccountProfile } from '../../accounts/account.ts'
import { ServiceError } from '../../errors/service-error.ts'
import type { Names } from '../../verify/bearer.ts'

/** @throws {ServiceError} `insufficient_scope`, with what is missing */
export function authorize(held: Names, required: Names): void {
  const missing = {
    roles: lacking(held.roles, required.roles),
    scope: lacking(held.scope, required.scope),
  }
  if (missing.roles.length + missing.scope.length > 0)
    throw new ServiceError('insufficient_scope', { missing })
}

/** @returns of what a token grants the part that its account still has */
export function currentPermissions(
  { roles, scope }: Names,
  profile: Pick<AccountProfile, 'roles' | 'scopes'>,
): Names {
  return {
    roles: roles.filter((role) => profile.roles.includes(role)),
    scope: scope.filter((name) => profile.scopes.includes(name)),
  }
}

function lacking(held: readonly string[], required: readonly string[]): readonly string[] {
  return [...new Set(required)].filter((name) => !held.includes(name))
}
