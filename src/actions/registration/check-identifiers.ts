/** Whether identifiers may be registered: the operator's switch and allow list, and the reserved usernames. */
import { isOnAllowList } from '../../accounts/allow-list.ts'
import type { Identifier } from '../../accounts/identifier.ts'
import { type FieldError, ServiceError } from '../../errors/service-error.ts'
import { comparedForm } from '../../runtime/text.ts'
import type { Services } from '../../services.ts'

/** @throws {ServiceError} `registration_closed` */
export async function checkRegistrationOpen({ settings, nowMs }: Services): Promise<void> {
  const { registrationOpen } = await settings.current(nowMs)
  if (!registrationOpen) throw new ServiceError('registration_closed')
}

/**
 * @param identifiers those given; null and undefined are none
 * @throws {ServiceError} `registration_not_allowed` where some are given and none of them is on the list
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
