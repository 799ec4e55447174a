/** Publishes an account's whole state to its Durable Object, so that a change in D1 takes effect in its sessions. */
import type { Account, AccountProfile } from '../../accounts/account.ts'
import { deleteOutboxRows } from '../../accounts/account-store.ts'
import { withDeadline } from '../../runtime/deadline.ts'
import { describeError, log } from '../../runtime/log.ts'
import type { ActiveFamily } from '../../sessions/account-rpc.ts'
import type { AccountState, LiveState } from '../../sessions/session.ts'
import type { RequestContext } from '../request-context.ts'

export function toState(account: Account): LiveState {
  return {
    format: 1,
    version: account.credentialVersion,
    sessionsNotBefore: account.sessionsNotBefore,
    survivingSession: account.survivingSession,
    profile: toProfile(account),
  }
}

export function toDeletedState(version: number): AccountState {
  return { format: 1, version, sessionsNotBefore: version, survivingSession: null, profile: null }
}

/** Drops the columns that no token and no response may contain. */
function toProfile(account: Account): AccountProfile {
  const {
    usernameKey,
    passwordHash,
    credentialVersion,
    sessionsNotBefore,
    survivingSession,
    changeId,
    ...profile
  } = account
  return profile
}

/**
 * Publishes the state to the account's object, then deletes its outbox rows without delaying the response.
 * @param state as stored in D1
 * @returns the surviving session with its family; null if the state has none, or if the session or the family has ended since
 * @throws {DeadlineExceededError} and what the object throws; the outbox row then remains, and cron publishes the state
 */
export async function publishState(
  ctx: RequestContext,
  accountId: string,
  state: AccountState,
): Promise<ActiveFamily | null> {
  const surviving = await withDeadline(
    ctx.services.accountObject(accountId).applyState({ state, policy: ctx.services.config.sessions }),
  )
  ctx.waitUntil(removeFromOutbox(ctx, accountId, state.version))
  return surviving
}

/** If this fails, cron publishes the state again, which changes nothing. */
async function removeFromOutbox(
  { services: { db }, requestId }: RequestContext,
  accountId: string,
  version: number,
): Promise<void> {
  try {
    await deleteOutboxRows(db, accountId, version).run()
  } catch (error) {
    log('warn', 'outbox_row_pending', {
      request_id: requestId,
      account_id: accountId,
      error: describeError(error),
    })
  }
}
