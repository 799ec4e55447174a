/** Login: checks identifier and password, opens a session and issues its tokens. */
import { findByIdentifier, type ReadFrom, replaceHash } from '../../accounts/account-store.ts'
import { type Identifier, parseIdentifier } from '../../accounts/identifier.ts'
import { ServiceError } from '../../errors/service-error.ts'
import { hashPassword } from '../../passwords/pbkdf2.ts'
import { describeError, log } from '../../runtime/log.ts'
import type { Transport } from '../../sessions/session.ts'
import { toState } from '../account/publish-state.ts'
import type { Attempt } from '../attempts/attempt.ts'
import { type RateLimitedRequest, runAttempt } from '../attempts/run-attempt.ts'
import type { RequestContext } from '../request-context.ts'
import { type IssuedTokens, issueTokens } from '../session/issue-tokens.ts'
import {
  endOrphanedSession,
  type OpenedSession,
  openSession,
  type SessionRequest,
} from '../session/open-session.ts'
import { type CheckedAccount, checkPassword, type FindAccount, recheckPassword } from './check-password.ts'

export interface LoginRequest extends RateLimitedRequest {
  readonly identifier: string
  readonly password: string
  /** The requested scopes; null if the request names none. */
  readonly scope: readonly string[] | null
  readonly transport: Transport
  /** As in SessionRequest. */
  readonly onPages?: boolean
}

/** Upper bound on tries to open the session. Before each try after the first, the primary is read again. */
const MAX_OPEN_TRIES = 4

/**
 * @throws {ServiceError} `invalid_credentials`, `account_disabled`, `misconfigured`, `unavailable`; as runAttempt
 */
export async function logIn(ctx: RequestContext, request: LoginRequest): Promise<IssuedTokens> {
  const key = await ctx.services.signingKeys.signing(ctx.nowMs)
  const { defaultPhoneRegion } = ctx.services.config.accounts
  const identifier = parseIdentifier(request.identifier, defaultPhoneRegion)
  const kind = {
    action: 'login' as const,
    mayRegister: false,
    identifier: identifier ?? { kind: null, compared: request.identifier },
  }
  const opened = await runAttempt(ctx, request, kind, (attempt) =>
    checkPasswordAndOpen(ctx, request, accountFinder(ctx.services.db, identifier), attempt),
  )
  return issueTokens(ctx, key, opened)
}

function accountFinder(db: D1Database, identifier: Identifier | null): FindAccount {
  if (identifier === null) return async () => ({ account: null, fromPrimary: true })
  return (from: ReadFrom) => findByIdentifier(db, identifier, from)
}

async function checkPasswordAndOpen(
  ctx: RequestContext,
  request: LoginRequest,
  find: FindAccount,
  attempt: Attempt,
): Promise<OpenedSession> {
  const { password } = request
  const checked = await attempt.requireCorrectPassword(await checkPassword(ctx, find, password, 'replica'))
  const recheck = async (earlier: CheckedAccount) =>
    attempt.requireCorrectPassword(await recheckPassword(ctx, find, password, earlier))
  const opened = await openWithCurrentState(ctx, request, checked, recheck)
  const { profile, session } = opened.activeSession
  await attempt.succeed(profile.id).catch((error: unknown) => {
    ctx.waitUntil(endOrphanedSession(ctx, profile.id, session.id))
    throw error
  })
  if (checked.needsRehash) ctx.waitUntil(rehash(ctx, checked, password))
  return opened
}

/**
 * Opens the session with a state that the account's object accepts as current. If the object rejects the state as stale, reads
 * the primary, checks the password again and tries again.
 */
async function openWithCurrentState(
  ctx: RequestContext,
  request: SessionRequest,
  checked: CheckedAccount,
  recheck: (earlier: CheckedAccount) => Promise<CheckedAccount>,
): Promise<OpenedSession> {
  let current = checked
  let replacesVersion: number | null = null
  for (let tries = 1; tries <= MAX_OPEN_TRIES; tries++) {
    const readFrom = current.fromPrimary ? ('primary' as const) : ('replica' as const)
    const source = {
      activity: 'login' as const,
      readFrom,
      ...(replacesVersion === null ? {} : { replacesVersion }),
    }
    const result = await openSession(ctx, request, toState(current.account), source)
    if (result.outcome === 'opened') return result
    replacesVersion = result.version
    current = await recheck(current)
  }
  throw new ServiceError('unavailable', {}, { cause: new Error('the account keeps changing') })
}

/** Hashes the password again with the current parameters. If this fails, the next login tries again. */
async function rehash(
  { services: { db, pepper }, requestId }: RequestContext,
  { account }: CheckedAccount,
  password: string,
): Promise<void> {
  try {
    const renewed = await hashPassword(password, await pepper())
    await replaceHash(db, account.id, account.passwordHash, renewed).run()
  } catch (error) {
    log('warn', 'rehash_failed', {
      request_id: requestId,
      account_id: account.id,
      error: describeError(error),
    })
  }
}
