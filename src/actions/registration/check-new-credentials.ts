/** Whether identifiers and a password may be chosen: the operator's switch and allow list, reserved usernames, the password policy. */
import { type Identifier, isOnAllowList } from '../../accounts/identifier.ts'
import { type FieldError, ServiceError } from '../../errors/service-error.ts'
import { type Weakness, weaknesses } from '../../passwords/policy.ts'
import { comparedForm } from '../../runtime/text.ts'
import type { RequestContext } from '../request-context.ts'

/** Whether the operator lets people register. @throws {ServiceError} `misconfigured`, `unavailable` */
export async function isRegistrationOpen(ctx: RequestContext): Promise<boolean> {
  return (await ctx.services.settings.current(ctx)).registrationOpen
}

/** @throws {ServiceError} `registration_closed` */
export async function checkRegistrationOpen(ctx: RequestContext): Promise<void> {
  if (!(await isRegistrationOpen(ctx))) throw new ServiceError('registration_closed')
}

/**
 * @param identifiers null and undefined are ignored
 * @throws {ServiceError} `registration_not_allowed` if there are identifiers, but the allow list contains none of them
 */
export async function checkRegistrationAllowed(
  ctx: RequestContext,
  identifiers: readonly (Identifier | null | undefined)[],
): Promise<void> {
  const { registrationAllow } = await ctx.services.settings.current(ctx)
  const given = identifiers.filter((identifier) => identifier !== null && identifier !== undefined)
  if (given.length === 0 || isOnAllowList(given, registrationAllow)) return
  throw new ServiceError('registration_not_allowed')
}

/**
 * @param current the account's current username, which it may keep even if it is reserved
 * @throws {ServiceError} `invalid_request`
 */
export function checkUsername(
  ctx: RequestContext,
  username: Identifier | null | undefined,
  current: string | null = null,
): void {
  const errors = usernameErrors(ctx, username, current)
  if (errors.length > 0) throw new ServiceError('invalid_request', { errors })
}

/** @returns the problems with a username, to be reported with those of other fields */
export function usernameErrors(
  ctx: RequestContext,
  username: Identifier | null | undefined,
  current: string | null = null,
): readonly FieldError[] {
  if (!isReservedUsername(ctx, username, current)) return []
  return [{ field: 'username', message: 'Must not be a reserved name.' }]
}

export function isReservedUsername(
  { services: { config } }: RequestContext,
  username: Identifier | null | undefined,
  current: string | null = null,
): boolean {
  if (username?.kind !== 'username' || !config.accounts.reservedUsernames.has(username.compared)) return false
  return current === null || comparedForm(current) !== username.compared
}

/** @throws {ServiceError} `weak_password` with all reasons */
export function checkPasswordPolicy(
  ctx: RequestContext,
  password: string,
  identifiers: readonly (Identifier | null)[],
): void {
  const reasons = weaknessesFor(ctx, password, identifiers)
  if (reasons.length > 0) throw new ServiceError('weak_password', { reasons })
}

/**
 * @param field the name of the password field in the request
 * @returns the problems with a password, to be reported with those of other fields
 */
export function passwordErrors(
  ctx: RequestContext,
  field: string,
  password: string,
  identifiers: readonly (Identifier | null)[],
): readonly FieldError[] {
  const reasons = weaknessesFor(ctx, password, identifiers)
  return reasons.length === 0 ? [] : [{ field, message: 'Must not be a weak password.', reasons }]
}

/** @returns the reasons why the password is weak, in the order in which they are reported */
export function weaknessesFor(
  { services: { config } }: RequestContext,
  password: string,
  identifiers: readonly (Identifier | null)[],
): readonly Weakness[] {
  const { passwordMinLength, passwordWords } = config.accounts
  const guessable = identifiers
    .filter((identifier) => identifier !== null)
    .map((identifier) => identifier.guessable)
  return weaknesses(password, { minLength: passwordMinLength, words: passwordWords, guessable })
}
