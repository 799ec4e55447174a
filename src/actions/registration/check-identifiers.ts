/** Checks whether identifiers may be registered: registration is open, the allow list, reserved usernames. */
import { type Identifier, isOnAllowList } from '../../accounts/identifier.ts'
import { type FieldError, ServiceError } from '../../errors/service-error.ts'
import { comparedForm } from '../../runtime/text.ts'
import type { Services } from '../../services.ts'

/** @throws {ServiceError} `registration_closed` */
export async function checkRegistrationOpen({ settings, nowMs }: Services): Promise<void> {
  const { registrationOpen } = await settings.current(nowMs)
  if (!registrationOpen) throw new ServiceError('registration_closed')
}

/**
 * @param identifiers null and undefined are ignored
 * @throws {ServiceError} `registration_not_allowed` if there are identifiers, but the allow list contains none of them
 */
export async function checkRegistrationAllowed(
  { settings, nowMs }: Services,
  identifiers: readonly (Identifier | null | undefined)[],
): Promise<void> {
  const { registrationAllow } = await settings.current(nowMs)
  const given = identifiers.filter((identifier) => identifier !== null && identifier !== undefined)
  if (given.length === 0 || isOnAllowList(given, registrationAllow)) return
  throw new ServiceError('registration_not_allowed')
}

/**
 * @param current the account's current username, which it may keep even if it is reserved
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

/** @returns the problems with a username, to be reported with those of other fields */
export function usernameErrors(
  services: Services,
  username: Identifier | null | undefined,
  current: string | null = null,
): readonly FieldError[] {
  if (!isReservedUsername(services, username, current)) return []
  return [{ field: 'username', message: 'Must not be a reserved name.' }]
}

export function isReservedUsername(
  { config }: Services,
  username: Identifier | null | undefined,
  current: string | null = null,
): boolean {
  if (username?.kind !== 'username' || !config.accounts.reservedUsernames.has(username.compared)) return false
  return current === null || comparedForm(current) !== username.compared
}
