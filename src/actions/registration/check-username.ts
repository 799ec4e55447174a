/** Whether a username may be chosen: not while it is reserved. An account keeps the one that it has. */
import type { Identifier } from '../../accounts/identifier.ts'
import { type FieldError, ServiceError } from '../../errors/service-error.ts'
import { comparedForm } from '../../runtime/text.ts'
import type { Services } from '../../services.ts'

/**
 * @param current the username that the account has
 * @throws {ServiceError} `invalid_request`
 */
export function checkUsername(
  services: Services,
  username: Identifier | null | undefined,
  current: string | null = null,
): void {
  const errors = usernameErrors(services, username, current)
  if (errors.length > 0) throw new ServiceError('invalid_request', { errors })
}

/** @returns what is against a username, as it is listed beside other problems */
export function usernameErrors(
  services: Services,
  username: Identifier | null | undefined,
  current: string | null = null,
): readonly FieldError[] {
  if (!isReserved(services, username, current)) return []
  return [{ field: 'username', message: 'Must not be a reserved name.' }]
}

export function isReserved(
  { config }: Services,
  username: Identifier | null | undefined,
  current: string | null = null,
): boolean {
  if (username?.kind !== 'username' || !config.accounts.reservedUsernames.has(username.compared)) return false
  return current === null || comparedForm(current) !== username.compared
}
