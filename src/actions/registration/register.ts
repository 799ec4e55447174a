/** Registration: stores a new account, opens its first session and issues its tokens. */
import type { Account } from '../../accounts/account.ts'
import type { Identifier } from '../../accounts/identifier.ts'
import { newId } from '../../crypto/ids.ts'
import { ServiceError } from '../../errors/service-error.ts'
import { hashPassword } from '../../passwords/pbkdf2.ts'
import type { Transport } from '../../sessions/session.ts'
import { toState } from '../account/publish-state.ts'
import { type RateLimitedRequest, reserveAttempt } from '../attempts/reserve-attempt.ts'
import type { RequestContext } from '../request-context.ts'
import { type IssuedTokens, issueTokens } from '../session/issue-tokens.ts'
import { type OpenedSession, openSession } from '../session/open-session.ts'
import {
  checkPasswordPolicy,
  checkRegistrationAllowed,
  checkRegistrationOpen,
  passwordErrors,
  usernameErrors,
} from './check-new-credentials.ts'

export interface RegisterRequest extends RateLimitedRequest {
  readonly username: Identifier | null
  readonly email: Identifier | null
  readonly phone: Identifier | null
  readonly password: string
  readonly transport: Transport
  /** As in SessionRequest. */
  readonly onPages?: boolean
}

/** The rule of every attempt that may register an identifier, or find out that it is taken. */
export const REGISTRATION_RULES = ['registrations_per_ip'] as const

/**
 * @throws {ServiceError} `invalid_request` for a reserved username, `registration_closed`, `registration_not_allowed`,
 * `weak_password`, `identifier_taken`, `misconfigured`, `unavailable` (with `registered` if the account is stored but its session
 * could not be opened); as reserveAttempt
 */
export async function register(ctx: RequestContext, request: RegisterRequest): Promise<IssuedTokens> {
  const { username, email, phone, password } = request
  checkFields(ctx, request)
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
    const account = toAccount(request, passwordHash, ctx.nowMs)
    await attempt.countWrite(store(ctx, account))
    return await issueTokens(ctx, key, await openFirstSession(ctx, request, account))
  } finally {
    await attempt.releaseUnsettled()
  }
}

/**
 * Reports a reserved username, and a weak password with it. A weak password alone is reported later, after the check that
 * registration is allowed.
 */
function checkFields(ctx: RequestContext, { username, email, phone, password }: RegisterRequest): void {
  const errors = usernameErrors(ctx, username)
  if (errors.length === 0) return
  const weak = passwordErrors(ctx, 'password', password, [username, email, phone])
  throw new ServiceError('invalid_request', { errors: [...errors, ...weak] })
}

async function store({ services }: RequestContext, account: Account): Promise<void> {
  const result = await services.accounts.insert(account)
  if (result !== 'inserted') throw new ServiceError('identifier_taken', { field: result.taken })
}

/** @throws {ServiceError} `unavailable` with `registered`, since the account is stored */
async function openFirstSession(
  ctx: RequestContext,
  { transport, onPages = false }: RegisterRequest,
  account: Account,
): Promise<OpenedSession> {
  const registered = { registered: true } as const
  const session = { transport, onPages, scope: null }
  const source = { activity: 'registration', readFrom: 'primary' } as const
  const opened = await openSession(ctx, session, toState(account), source, registered)
  if (opened.outcome === 'stale') throw new ServiceError('unavailable', registered)
  return opened
}

function toAccount(
  { username, email, phone }: RegisterRequest,
  passwordHash: string,
  nowMs: number,
): Account {
  const id = newId(nowMs)
  const now = Math.floor(nowMs / 1000)
  return {
    id,
    username: username?.shown ?? null,
    usernameKey: username?.compared ?? null,
    email: email?.shown ?? null,
    emailVerified: false,
    phone: phone?.shown ?? null,
    phoneVerified: false,
    passwordHash,
    disabled: false,
    roles: [],
    scopes: [],
    claims: {},
    credentialVersion: nowMs,
    sessionsNotBefore: nowMs,
    survivingSession: null,
    changeId: id,
    createdAt: now,
    updatedAt: now,
  }
}
