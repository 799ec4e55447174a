/** Whether a password may be chosen for an account with these identifiers. */
import type { Identifier } from '../../accounts/identifier.ts'
import { type FieldError, ServiceError } from '../../errors/service-error.ts'
import { type Weakness, weaknesses } from '../../passwords/policy.ts'
import type { Services } from '../../services.ts'

/** @throws {ServiceError} `weak_password` with every reason */
export function checkPolicy(
  services: Services,
  password: string,
  identifiers: readonly (Identifier | null)[],
): void {
  const reasons = weaknessesFor(services, password, identifiers)
  if (reasons.length > 0) throw new ServiceError('weak_password', { reasons })
}

/**
 * @param field the password's name in the request
 * @returns what is against a password, as it is listed beside other problems
 */
export function passwordErrors(
  services: Services,
  field: string,
  password: string,
  identifiers: readonly (Identifier | null)[],
): readonly FieldError[] {
  const reasons = weaknessesFor(services, password, identifiers)
  return reasons.length === 0 ? [] : [{ field, message: 'Must not be a weak password.', reasons }]
}

/** @returns every reason against the password, in the order in which they are reported */
export function weaknessesFor(
  { config }: Services,
  password: string,
  identifiers: readonly (Identifier | null)[],
): readonly Weakness[] {
  const { passwordMinLength, passwordWords } = config.accounts
  const guessable = identifiers
    .filter((identifier) => identifier !== null)
    .map((identifier) => identifier.guessable)
  return weaknesses(password, { minLength: passwordMinLength, words: passwordWords, guessable })
}
