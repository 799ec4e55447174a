/** Checks a new password against the policy and the account's identifiers. */
import type { Identifier } from '../../accounts/identifier.ts'
import { type FieldError, ServiceError } from '../../errors/service-error.ts'
import { type Weakness, weaknesses } from '../../passwords/policy.ts'
import type { Services } from '../../services.ts'

/** @throws {ServiceError} `weak_password` with all reasons */
export function checkPasswordPolicy(
  services: Services,
  password: string,
  identifiers: readonly (Identifier | null)[],
): void {
  const reasons = weaknessesFor(services, password, identifiers)
  if (reasons.length > 0) throw new ServiceError('weak_password', { reasons })
}

/**
 * @param field the name of the password field in the request
 * @returns the problems with a password, to be reported with those of other fields
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

/** @returns the reasons why the password is weak, in the order in which they are reported */
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
