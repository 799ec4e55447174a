/** Registration: stores a new account, opens its first session and issues its tokens. */
import { NO_PROFILE_FIELDS, newAccount, type ProfileFields } from '../../accounts/account.ts'
import type { Identifier } from '../../accounts/identifier.ts'
import { ServiceError } from '../../errors/service-error.ts'
import { hashPassword } from '../../passwords/pbkdf2.ts'
import { toState } from '../../sessions/session.ts'
import { type RateLimitedRequest, reserveAttempt } from '../attempts/reserve-attempt.ts'
import type { RequestContext } from '../request-context.ts'
import { type IssuedTokens, issueTokens } from '../session/issue-tokens.ts'
import { BY_PASSWORD, openSession, type SessionRequest } from '../session/open-session.ts'
import {
  checkPasswordPolicy,
  checkRegistrationAllowed,
  checkRegistrationOpen,
  passwordErrors,
  usernameErrors,
} from './check-new-credentials.ts'

export interface RegisterRequest extends RateLimitedRequest, Omit<SessionRequest, 'scope'> {
  readonly username: Identifier | null
  readonly email: Identifier | null
  readonly phone: Identifier | null
  /** Missing if the request sets none. */
  readonly profileFields?: ProfileFields
  readonly password: string
}

/** Added to an error response if the account is already stored. */
const REGISTERED = { registered: true } as const

/** The rule of every attempt that may register an identifier, or find out that it is taken. */
export const REGISTRATION_RULES = ['registrations_per_ip'] as const

/**
 * @throws {ServiceError} `invalid_request` for a reserved username, `registration_closed`, `registration_not_allowed`,
 * `weak_password`, `identifier_taken`, `misconfigured`, `unavailable` (with `registered` if the account is stored but its session
 * could not be opened); as reserveAttempt
 */
export async function register(ctx: RequestContext, request: RegisterRequest): Promise<IssuedTokens> {
  const { username, email, phone, password, transport, onPages = false } = request
  const { profileFields = NO_PROFILE_FIELDS } = request
  checkReservedUsername(ctx, request)
  const key = await ctx.services.signingKeys.signing(ctx)
  await checkRegistrationOpen(ctx)
  await checkRegistrationAllowed(ctx, [username, email, phone])
  checkPasswordPolicy(ctx, password, [username, email, phone])
  const attempt = await reserveAttempt(ctx, {
    action: 'register',
    rules: REGISTRATION_RULES,
    identifier: null,
    challenge: request.challenge,
  })
  try {
    const passwordHash = await hashPassword(password, await ctx.services.pepper())
    const account = newAccount({ username, email, phone }, profileFields, passwordHash, ctx.nowMs)
    const stored = await attempt.countRegistration(ctx.services.accounts.insert(account))
    if (stored !== 'inserted') throw new ServiceError('identifier_taken', { field: stored.taken })
    const session = { transport, onPages, scope: null }
    const opening = { activity: 'registration', authentication: BY_PASSWORD, readFrom: 'primary' } as const
    const opened = await openSession(ctx, session, toState(account), opening, REGISTERED)
    if (opened.outcome === 'stale') throw new ServiceError('unavailable', REGISTERED)
    return await issueTokens(ctx, key, opened)
  } finally {
    await attempt.releaseUnsettled()
  }
}

/**
 * Rejects a reserved username, and lists a weak password in the same response. A weak password alone is rejected by
 * checkPasswordPolicy, after the check that registration is allowed.
 */
function checkReservedUsername(
  ctx: RequestContext,
  { username, email, phone, password }: RegisterRequest,
): void {
  const errors = usernameErrors(ctx, username)
  if (errors.length === 0) return
  const weak = passwordErrors(ctx, 'password', password, [username, email, phone])
  throw new ServiceError('invalid_request', { errors: [...errors, ...weak] })
}
