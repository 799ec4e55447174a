/** Registration: stores a new account, opens its first session and issues its tokens. */
import type { Account } from '../../accounts/account.ts'
import { firstTaken, insertAccount, takenIdentifiers } from '../../accounts/account-store.ts'
import type { Identifier } from '../../accounts/identifier.ts'
import { newId } from '../../crypto/ids.ts'
import { ServiceError } from '../../errors/service-error.ts'
import { hashPassword } from '../../passwords/pbkdf2.ts'
import { withDeadline } from '../../runtime/deadline.ts'
import type { Transport } from '../../sessions/session.ts'
import { confirmWrite } from '../account/commit-change.ts'
import { toState } from '../account/publish-state.ts'
import { type RateLimitedRequest, runAttempt } from '../attempts/run-attempt.ts'
import type { RequestContext } from '../request-context.ts'
import { type IssuedTokens, issueTokens } from '../session/issue-tokens.ts'
import { openSession } from '../session/open-session.ts'
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

const ATTEMPT_KIND = { action: 'register', mayRegister: true, identifier: null } as const

/**
 * @throws {ServiceError} `invalid_request` for a reserved username, `registration_closed`, `registration_not_allowed`,
 * `weak_password`, `identifier_taken`, `misconfigured`, `unavailable` (with `registered` if the account is stored but its session
 * could not be opened); as runAttempt
 */
export async function register(ctx: RequestContext, request: RegisterRequest): Promise<IssuedTokens> {
  const { username, email, phone, password } = request
  checkFields(ctx, request)
  const key = await ctx.services.signingKeys.signing(ctx.nowMs)
  await checkRegistrationOpen(ctx)
  await checkRegistrationAllowed(ctx, [username, email, phone])
  checkPasswordPolicy(ctx, password, [username, email, phone])
  const opened = await runAttempt(ctx, request, ATTEMPT_KIND, () => storeAndOpen(ctx, request))
  return issueTokens(ctx, key, opened)
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

async function storeAndOpen(ctx: RequestContext, request: RegisterRequest) {
  const passwordHash = await hashPassword(request.password, await ctx.services.pepper())
  const account = toAccount(request, passwordHash, ctx.nowMs)
  await store(ctx, account)
  const { transport, onPages = false } = request
  const registered = { registered: true } as const
  const session = { transport, onPages, scope: null }
  const source = { activity: 'registration', readFrom: 'primary' } as const
  const opened = await openSession(ctx, session, toState(account), source, registered)
  if (opened.outcome === 'stale') throw new ServiceError('unavailable', registered)
  return opened
}

/** Inserts the account and reads which of its identifiers are taken, in one batch. */
async function store({ services: { db } }: RequestContext, account: Account): Promise<void> {
  try {
    const batch = [insertAccount(db, account), takenIdentifiers(db, account)]
    const [inserted, taken] = await withDeadline(db.batch(batch))
    if (inserted?.meta.changes === 1) return
    const field = firstTaken(taken)
    if (field !== null) throw new ServiceError('identifier_taken', { field })
    throw new Error('the account was neither stored nor in conflict')
  } catch (error) {
    if (error instanceof ServiceError) throw error
    await confirmWrite(db, account.id, error, (row) => (row === null ? 'not_applied' : 'applied'))
  }
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
