/** Whether a password may be chosen for an account with these identifiers. */
import type { Identifier } from '../accounts/identifier.ts'
import { ServiceError } from '../errors.ts'
import { weaknesses } from '../passwords/policy.ts'
import type { Services } from '../services.ts'

/** @throws {ServiceError} `weak_password` with every reason */
export function checkPolicy(
  { config }: Services,
  password: string,
  identifiers: readonly (Identifier | null)[],
): void {
  const guessable = identifiers
    .filter((identifier) => identifier !== null)
    .map((identifier) => identifier.guessable)
  const reasons = weaknesses(password, { minLength: config.accounts.passwordMinLength, guessable })
  if (reasons.length > 0) throw new ServiceError('weak_password', { reasons })
}
