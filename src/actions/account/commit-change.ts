/**
 * Changes an account: one batch of a conditional write and its to-tell row. Of two changes at once one wins; the other
 * reads the primary, checks the password again where one was asked for, and tries again.
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
import type { Services } from '../../services.ts'
import type { Attempt } from '../attempts/attempt.ts'
import {
  type CheckedAccount,
  checkPassword,
  type FindAccount,
  recheckPassword,
} from '../login/check-password.ts'

/** More changes of one account at once than these is no person. */
const MAX_WRITES = 10

/** What every change sets beside its own. */
export interface ChangeStamp {
  readonly credentialVersion: number
  readonly changeId: string
  /** Unix seconds. */
  readonly updatedAt: number
}

/** @returns the account after the change; the very same object where nothing changes */
export type Edit = (account: Account, stamp: ChangeStamp) => Account | Promise<Account>

/** @returns the account as it is now; asked again after somebody else changed it */
export type ReadAccount = () => Promise<Account>

export interface CommittedChange {
  readonly account: Account
  readonly changed: boolean
}

/**
 * The account, each time proven by its password. Settles before anything is written: once a change is there, it
 * cannot be withheld.
 * @throws {ServiceError} `invalid_credentials`, `account_disabled`, `misconfigured`, `unavailable`
 */
export function readWithPassword(
  services: Services,
  attempt: Attempt,
  accountId: string,
  password: string,
): ReadAccount {
  const find: FindAccount = (from) => findById(services.db, accountId, from)
  let checked: CheckedAccount | null = null
  return async () => {
    if (checked === null) {
      checked = await attempt.admit(await checkPassword(services, find, password, 'primary'))
      await attempt.succeed(accountId)
    } else checked = await attempt.admit(await recheckPassword(services, find, password, checked))
    return checked.account
  }
}

/** @throws {ServiceError} `identifier_taken`, `unavailable`, and what `read` and `edit` throw */
export async function commitEdit(
  services: Services,
  read: ReadAccount,
  edit: Edit,
): Promise<CommittedChange> {
  return commit(read, async (account) => {
    const edited = await edit(account, stamp(account, services.nowMs))
    if (edited === account) return { account, changed: false }
    const written = await writeEdit(services.db, account, edited)
    return written ? { account: edited, changed: true } : null
  })
}

/**
 * @returns the version of the deletion, to tell
 * @throws {ServiceError} `unavailable`, and what `read` throws
 */
export async function commitDeletion(services: Services, read: ReadAccount): Promise<number> {
  return commit(read, async (account) => {
    const { credentialVersion } = stamp(account, services.nowMs)
    return (await writeDeletion(services.db, account, credentialVersion)) ? credentialVersion : null
  })
}

/** @param write null where the account was changed by somebody else since it was read */
async function commit<T>(read: ReadAccount, write: (account: Account) => Promise<T | null>): Promise<T> {
  for (let writes = 1; writes <= MAX_WRITES; writes++) {
    const done = await write(await read())
    if (done !== null) return done
  }
  throw new ServiceError('unavailable', {}, { cause: new Error('the account keeps changing') })
}

/** Higher than the version before, and higher than any before a restore of the database. */
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
    if (account?.changeId === to.changeId) return 'taken'
    return account?.changeId === from.changeId ? 'not_taken' : 'hidden'
  })
  if (results === 'confirmed' || results[0]?.meta.changes === 1) return true
  const field = firstTaken(results[2])
  if (field !== null) throw new ServiceError('identifier_taken', { field })
  return false
}

async function writeDeletion(db: D1Database, from: Account, version: number): Promise<boolean> {
  const batch = [insertDeletionOutboxRow(db, from, version), deleteAccount(db, from)]
  const results = await runOrConfirm(db, batch, from.id, (account) =>
    account === null ? 'taken' : 'not_taken',
  )
  return results === 'confirmed' || results[1]?.meta.changes === 1
}

/** Where the answer of the batch is lost, the row says whether it took. @throws {ServiceError} as confirmWrite */
async function runOrConfirm(
  db: D1Database,
  batch: D1PreparedStatement[],
  accountId: string,
  traceOf: (account: Account | null) => Trace,
): Promise<D1Result[] | 'confirmed'> {
  try {
    return await withDeadline(db.batch(batch))
  } catch (error) {
    await confirmWrite(db, accountId, error, traceOf)
    return 'confirmed'
  }
}

/** What the row shows of it: that it took, that it did not, or a later change that hides which. */
export type Trace = 'taken' | 'not_taken' | 'hidden'

/**
 * Returns where the row itself says that the write took.
 * @param error what came in place of the answer
 * @throws {ServiceError} `unavailable` where it did not
 * @throws {UnconfirmedWriteError} where nobody can tell, or it may still happen
 */
export async function confirmWrite(
  db: D1Database,
  accountId: string,
  error: unknown,
  traceOf: (account: Account | null) => Trace,
): Promise<void> {
  const { account } = await withDeadline(findById(db, accountId, 'primary')).catch((unread: unknown) => {
    throw new UnconfirmedWriteError(unread)
  })
  const trace = traceOf(account)
  if (trace === 'taken') return
  if (trace === 'hidden' || error instanceof DeadlineExceededError) throw new UnconfirmedWriteError(error)
  throw new ServiceError('unavailable', {}, { cause: error })
}
