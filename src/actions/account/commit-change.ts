/**
 * Changes an account in one batch: a conditional write and its outbox row. Of two concurrent changes one succeeds; the other
 * reads the primary, checks the password again if the change requires one, and tries again.
 */
import type { Account } from '../../accounts/account.ts'
import {
  deleteAccount,
  findById,
  firstTaken,
  insertDeletionOutboxRow,
  insertOutboxRow,
  takenIdentifiers,
  updateAccount,
} from '../../accounts/account-store.ts'
import { ServiceError, UnconfirmedWriteError } from '../../errors/service-error.ts'
import { DeadlineExceededError, withDeadline } from '../../runtime/deadline.ts'
import type { Attempt } from '../attempts/attempt.ts'
import {
  type CheckedAccount,
  checkPassword,
  type FindAccount,
  recheckPassword,
} from '../login/check-password.ts'
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
  accountId: string,
  password: string,
): ReadAccount {
  const find: FindAccount = (from) => findById(ctx.services.db, accountId, from)
  let checked: CheckedAccount | null = null
  return async () => {
    if (checked === null) {
      checked = await attempt.requireCorrectPassword(await checkPassword(ctx, find, password, 'primary'))
      await attempt.succeed(accountId)
    } else checked = await attempt.requireCorrectPassword(await recheckPassword(ctx, find, password, checked))
    return checked.account
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
    const written = await writeEdit(ctx.services.db, account, edited)
    return written ? { account: edited, changed: true } : null
  })
}

/**
 * @returns the version of the deletion, to be published
 * @throws {ServiceError} `unavailable`, and what `read` throws
 */
export async function commitDeletion(ctx: RequestContext, read: ReadAccount): Promise<number> {
  return commit(read, async (account) => {
    const { credentialVersion } = stamp(account, ctx.nowMs)
    return (await writeDeletion(ctx.services.db, account, credentialVersion)) ? credentialVersion : null
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

async function writeEdit(db: D1Database, from: Account, to: Account): Promise<boolean> {
  const batch = [updateAccount(db, from, to), insertOutboxRow(db, to), takenIdentifiers(db, to)]
  const results = await runOrConfirm(db, batch, from.id, (account) => {
    if (account?.changeId === to.changeId) return 'applied'
    return account?.changeId === from.changeId ? 'not_applied' : 'unknown'
  })
  if (results === 'confirmed' || results[0]?.meta.changes === 1) return true
  const field = firstTaken(results[2])
  if (field !== null) throw new ServiceError('identifier_taken', { field })
  return false
}

async function writeDeletion(db: D1Database, from: Account, version: number): Promise<boolean> {
  const batch = [insertDeletionOutboxRow(db, from, version), deleteAccount(db, from)]
  const results = await runOrConfirm(db, batch, from.id, (account) =>
    account === null ? 'applied' : 'not_applied',
  )
  return results === 'confirmed' || results[1]?.meta.changes === 1
}

/**
 * Runs the batch. If its result is lost, reads the row to find out whether the write was applied.
 * @throws {ServiceError} as confirmWrite
 */
async function runOrConfirm(
  db: D1Database,
  batch: D1PreparedStatement[],
  accountId: string,
  statusOf: (account: Account | null) => WriteStatus,
): Promise<D1Result[] | 'confirmed'> {
  try {
    return await withDeadline(db.batch(batch))
  } catch (error) {
    await confirmWrite(db, accountId, error, statusOf)
    return 'confirmed'
  }
}

/** Whether a write was applied, as the row shows it; unknown if a later change has overwritten it. */
export type WriteStatus = 'applied' | 'not_applied' | 'unknown'

/**
 * Reads the row after the result of a write was lost. Returns if the write was applied.
 * @param error the error of the write
 * @throws {ServiceError} `unavailable` if it was not applied
 * @throws {UnconfirmedWriteError} if this cannot be known, or if the write may still be applied
 */
export async function confirmWrite(
  db: D1Database,
  accountId: string,
  error: unknown,
  statusOf: (account: Account | null) => WriteStatus,
): Promise<void> {
  const { account } = await withDeadline(findById(db, accountId, 'primary')).catch((unread: unknown) => {
    throw new UnconfirmedWriteError(unread)
  })
  const status = statusOf(account)
  if (status === 'applied') return
  if (status === 'unknown' || error instanceof DeadlineExceededError) throw new UnconfirmedWriteError(error)
  throw new ServiceError('unavailable', {}, { cause: error })
}
