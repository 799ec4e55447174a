/**
 * Changes an account, and with it writes the event that its state is to be published. Of two concurrent changes one succeeds;
 * the other reads the primary, checks the password again if the change requires one, and tries again.
 */
import type { Account } from '../../accounts/account.ts'
import type { AccountLookup } from '../../accounts/account-repository.ts'
import { ServiceError } from '../../errors/service-error.ts'
import { accountStateEvent } from '../../outbox/outbox-store.ts'
import type { Attempt } from '../attempts/attempt.ts'
import { type CheckedAccount, checkPassword, recheckPassword } from '../login/check-password.ts'
import type { RequestContext } from '../request-context.ts'

/** Upper bound on the tries of one change, each with a new read (optimistic concurrency). */
const MAX_WRITE_TRIES = 10

/** The columns that every change sets in addition to its own. */
export interface ChangeStamp {
  readonly credentialVersion: number
  readonly changeId: string
  /** Unix seconds. */
  readonly updatedAt: number
}

/** @returns the account after the change; the same object if nothing changes */
export type Edit = (account: Account, stamp: ChangeStamp) => Account | Promise<Account>

/** Reads the account; called again after a concurrent change. */
export type ReadAccount = () => Promise<Account>

export interface CommittedChange {
  readonly account: Account
  /** False if the edit changed nothing. Publish the state even then: an earlier change may be stored, but not published. */
  readonly changed: boolean
}

/**
 * Prepares the reads of a change that requires the password. Settles the attempt after the first check, before anything is
 * written, because a change that is stored cannot be withheld.
 * @returns a function that reads the account and checks its password on every call
 * @throws {ServiceError} `invalid_credentials`, `account_disabled`, `misconfigured`, `unavailable`
 */
export function readWithPassword(
  ctx: RequestContext,
  attempt: Attempt,
  lookup: AccountLookup,
  password: string,
): ReadAccount {
  let checked: CheckedAccount | null = null
  return async () => {
    const check = await (checked === null
      ? checkPassword(ctx, lookup, password, 'primary')
      : recheckPassword(ctx, lookup, password, checked))
    if (check.outcome !== 'correct') throw await attempt.refuse(check)
    if (checked === null) await attempt.succeed(check.account.id)
    checked = check
    return check.account
  }
}

/** @throws {ServiceError} `identifier_taken`, `unavailable`, and what `read` and `edit` throw */
export async function commitEdit(
  ctx: RequestContext,
  read: ReadAccount,
  edit: Edit,
): Promise<CommittedChange> {
  return commit(read, async (account) => {
    const edited = await edit(account, stamp(account, ctx.nowMs))
    if (edited === account) return { account, changed: false }
    const event = accountStateEvent(account.id, edited.credentialVersion, ctx.nowMs)
    const result = await ctx.services.accounts.replace(account, edited, [event])
    if (result === 'conflict') return null
    if (result !== 'replaced') throw new ServiceError('identifier_taken', { field: result.taken })
    return { account: edited, changed: true }
  })
}

/**
 * @returns the version of the deletion, to be published
 * @throws {ServiceError} `unavailable`, and what `read` throws
 */
export async function commitDeletion(ctx: RequestContext, read: ReadAccount): Promise<number> {
  return commit(read, async (account) => {
    const { credentialVersion } = stamp(account, ctx.nowMs)
    const event = accountStateEvent(account.id, credentialVersion, ctx.nowMs)
    const result = await ctx.services.accounts.remove(account, [event])
    return result === 'removed' ? credentialVersion : null
  })
}

/** @param write returns null if the account has changed since it was read */
async function commit<T>(read: ReadAccount, write: (account: Account) => Promise<T | null>): Promise<T> {
  for (let tries = 1; tries <= MAX_WRITE_TRIES; tries++) {
    const done = await write(await read())
    if (done !== null) return done
  }
  throw new ServiceError('unavailable', {}, { cause: new Error('the account keeps changing') })
}

/** The new version is higher than the current one, and higher than any that was lost in a restore of the database. */
function stamp(account: Account, nowMs: number): ChangeStamp {
  return {
    credentialVersion: Math.max(account.credentialVersion + 1, nowMs),
    changeId: crypto.randomUUID(),
    updatedAt: Math.floor(nowMs / 1000),
  }
}
