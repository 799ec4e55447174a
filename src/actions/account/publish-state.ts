/** Publishes an account's whole state to its Durable Object, so that a change in D1 takes effect in its sessions. */
import type { Account, AccountProfile } from '../../accounts/account.ts'
import { deleteOutboxRows } from '../../accounts/account-store.ts'
import { orUnavailable } from '../../errors/service-error.ts'
import { withDeadline } from '../../runtime/deadline.ts'
import { describeError, log } from '../../runtime/log.ts'
import type { Services } from '../../services.ts'
import type { ActiveSession } from '../../sessions/account-rpc.ts'
import type { AccountState, LiveState } from '../../sessions/session.ts'
import type { CommittedChange } from './commit-change.ts'

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

/** Leaves behind what no token or answer may carry. */
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
 * @param state what stands in D1 already
 * @returns the session that the change keeps, if it keeps one and no later change has come
 * @throws what the object throws; the to-tell row then stays, and cron tells it
 */
export async function tellAccount(
  services: Services,
  accountId: string,
  state: AccountState,
): Promise<ActiveSession | null> {
  const activeSession = await withDeadline(
    services.accountObject(accountId).tell(state, services.config.sessions),
  )
  services.waitUntil(noteTold(services, accountId, state.version))
  return activeSession
}

/**
 * Tells a change that this request has stored.
 * @throws {ServiceError} `unavailable` with `changed`
 */
export function tellChange(
  services: Services,
  accountId: string,
  state: AccountState,
): Promise<ActiveSession | null> {
  return orUnavailable(tellAccount(services, accountId, state), { changed: true })
}

/**
 * Tells what stands after an edit, also where that changed nothing: an earlier one may have been stored and not told.
 * @returns the account's profile
 * @throws {ServiceError} `unavailable`, with `changed` where the edit is stored
 */
export async function tellEdit(
  services: Services,
  { account, changed }: CommittedChange,
): Promise<AccountProfile> {
  const state = toState(account)
  await orUnavailable(tellAccount(services, account.id, state), changed ? { changed } : {})
  return state.profile
}

/** A row that stays is told once more, which changes nothing. */
async function noteTold({ db, requestId }: Services, accountId: string, version: number): Promise<void> {
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
