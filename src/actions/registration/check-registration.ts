/** Whether these identifiers may be registered at present: the operator's switch and allow list. */
import { isOnAllowList } from '../../accounts/allow-list.ts'
import type { Identifier } from '../../accounts/identifier.ts'
import { ServiceError } from '../../errors/service-error.ts'
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
