/** Opens the session of a login with the current state of its account. */
import type { AccountLookup } from '../../accounts/account-repository.ts'
import { ServiceError } from '../../errors/service-error.ts'
import { toState } from '../../sessions/session.ts'
import type { RequestContext } from '../request-context.ts'
import { BY_PASSWORD, type OpenedSession, openSession, type SessionRequest } from '../session/open-session.ts'
import { type CheckedAccount, type RefusedCheck, recheckPassword } from './check-password.ts'

interface OpenedLogin extends OpenedSession {
  /** The password check that the session was opened with. */
  readonly check: CheckedAccount
}

/** Upper bound on tries to open the session. Before each try after the first, the primary is read again. */
const MAX_OPEN_TRIES = 4

/**
 * Opens the session with a state that the account's object accepts as current. If the object rejects the state as stale, reads
 * the primary, checks the password again and tries again.
 * @returns the check that refuses the login, if the password has changed since
 * @throws {ServiceError} `unavailable`
 */
export async function openCurrentSession(
  ctx: RequestContext,
  request: SessionRequest & { readonly password: string },
  lookup: AccountLookup,
  check: CheckedAccount,
): Promise<OpenedLogin | RefusedCheck> {
  let current = check
  let replacesVersion: number | null = null
  for (let tries = 1; tries <= MAX_OPEN_TRIES; tries++) {
    const readFrom = current.fromPrimary ? ('primary' as const) : ('replica' as const)
    const opening = {
      activity: 'login' as const,
      authentication: BY_PASSWORD,
      readFrom,
      ...(replacesVersion !== null && { replacesVersion }),
    }
    const result = await openSession(ctx, request, toState(current.account), opening)
    if (result.outcome === 'opened') return { ...result, check: current }
    replacesVersion = result.version
    const recheck = await recheckPassword(ctx, lookup, request.password, current)
    if (recheck.outcome !== 'correct') return recheck
    current = recheck
  }
  throw new ServiceError('unavailable', {}, { cause: new Error('the account keeps changing') })
}
