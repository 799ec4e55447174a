/** What asks for a login that was just now: a stolen access token, or a session left open, is no longer enough. */
import { ServiceError } from '../../errors/service-error.ts'
import type { Services } from '../../services.ts'
import type { Session } from '../../sessions/session.ts'

const MAX_AUTH_AGE_SECONDS = 900

/** @throws {ServiceError} `insufficient_user_authentication` (RFC 9470 section 3) */
export function requireFreshLogin(services: Services, session: Session): void {
  if (isFreshLogin(services, session)) return
  throw new ServiceError('insufficient_user_authentication', { max_age: MAX_AUTH_AGE_SECONDS })
}

export function isFreshLogin({ nowMs }: Pick<Services, 'nowMs'>, { authTime }: Session): boolean {
  return nowMs - authTime <= MAX_AUTH_AGE_SECONDS * 1000
}
