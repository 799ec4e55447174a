/** Login: checks identifier and password, opens a session and issues its tokens. */
import { parseIdentifier } from '../../accounts/identifier.ts'
import { ServiceError } from '../../errors/service-error.ts'
import { hashPassword } from '../../passwords/pbkdf2.ts'
import { describeError, log } from '../../runtime/log.ts'
import type { Transport } from '../../sessions/session.ts'
import { toState } from '../account/publish-state.ts'
import type { RefusedCheck } from '../attempts/attempt.ts'
import { type RateLimitedRequest, reserveAttempt } from '../attempts/reserve-attempt.ts'
import type { RequestContext } from '../request-context.ts'
import { type IssuedTokens, issueTokens } from '../session/issue-tokens.ts'
import {
  endOrphanedSession,
  type OpenedSession,
  openSession,
  type SessionRequest,
} from '../session/open-session.ts'
import { AccountLookup, type CheckedAccount, checkPassword, recheckPassword } from './check-password.ts'

export interface LoginRequest extends RateLimitedRequest {
  readonly identifier: string
  readonly password: string
  /** The requested scopes; null if the request names none. */
  readonly scope: readonly string[] | null
  readonly transport: Transport
  /** As in SessionRequest. */
  readonly onPages?: boolean
}

/** The rules of every attempt that checks a password. */
export const PASSWORD_RULES = ['login_failures_per_ip', 'login_failures_per_account'] as const

interface OpenedLogin extends OpenedSession {
  /** The password check that the session was opened with. */
  readonly check: CheckedAccount
}

/** Upper bound on tries to open the session. Before each try after the first, the primary is read again. */
const MAX_OPEN_TRIES = 4

/**
 * @throws {ServiceError} `invalid_credentials`, `account_disabled`, `misconfigured`, `unavailable`; as reserveAttempt
 */
export async function logIn(ctx: RequestContext, request: LoginRequest): Promise<IssuedTokens> {
  const key = await ctx.services.signingKeys.signing(ctx)
  const identifier = parseIdentifier(request.identifier, ctx.services.config.accounts.defaultPhoneRegion)
  const lookup = new AccountLookup(ctx, identifier)
  const attempt = await reserveAttempt(ctx, {
    action: 'login',
    rules: PASSWORD_RULES,
    identifier: identifier ?? { kind: null, compared: request.identifier },
    challenge: request.challenge,
    beside: () => lookup.begin('replica'),
  })
  try {
    const check = await checkPassword(ctx, lookup, request.password, 'replica')
    const login = check.outcome === 'correct' ? await openCurrentSession(ctx, request, lookup, check) : check
    switch (login.outcome) {
      case 'incorrect':
      case 'disabled':
        throw await attempt.refuse(login)
      case 'opened': {
        const { profile, session } = login.activeSession
        await attempt.succeed(profile.id).catch((error: unknown) => {
          ctx.waitUntil(endOrphanedSession(ctx, profile.id, session.id))
          throw error
        })
        if (login.check.needsRehash) ctx.waitUntil(rehash(ctx, login.check, request.password))
        return await issueTokens(ctx, key, login)
      }
    }
  } finally {
    await attempt.releaseUnsettled()
  }
}

/**
 * Opens the session with a state that the account's object accepts as current. If the object rejects the state as stale, reads
 * the primary, checks the password again and tries again.
 * @returns the check that refuses the login, if the password has changed since
 */
async function openCurrentSession(
  ctx: RequestContext,
  request: SessionRequest & { readonly password: string },
  lookup: AccountLookup,
  check: CheckedAccount,
): Promise<OpenedLogin | RefusedCheck> {
  let current = check
  let replacesVersion: number | null = null
  for (let tries = 1; tries <= MAX_OPEN_TRIES; tries++) {
    const readFrom = current.fromPrimary ? ('primary' as const) : ('replica' as const)
    const source = {
      activity: 'login' as const,
      readFrom,
      ...(replacesVersion !== null && { replacesVersion }),
    }
    const result = await openSession(ctx, request, toState(current.account), source)
    if (result.outcome === 'opened') return { ...result, check: current }
    replacesVersion = result.version
    const recheck = await recheckPassword(ctx, lookup, request.password, current)
    if (recheck.outcome !== 'correct') return recheck
    current = recheck
  }
  throw new ServiceError('unavailable', {}, { cause: new Error('the account keeps changing') })
}

/** Hashes the password again with the current parameters. If this fails, the next login tries again. */
async function rehash(
  { services: { accounts, pepper }, requestId }: RequestContext,
  { account }: CheckedAccount,
  password: string,
): Promise<void> {
  try {
    const renewed = await hashPassword(password, await pepper())
    await accounts.rehash(account, renewed)
  } catch (error) {
    log('warn', 'rehash_failed', {
      request_id: requestId,
      account_id: account.id,
      error: describeError(error),
    })
  }
}
