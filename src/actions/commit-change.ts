/**
 * Changes an account that proved its password: one batch of a conditional write and its to-tell row. Of two
 * changes at once one wins; the other reads the primary, checks the password again and tries again.
 */
import type { Account } from '../accounts/account.ts'
import {
  deleteAccount,
  findById,
  firstTaken,
  insertDeletionToTell,
  insertToTell,
  takenIdentifiers,
  updateAccount,
} from '../accounts/account-store.ts'
import { ServiceError, UnconfirmedWrite } from '../errors.ts'
import type { Services } from '../services.ts'
import type { Attempt } from './attempt.ts'
import { checkPassword, type FindAccount, recheckPassword } from './check-password.ts'

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

export interface CommittedChange {
  readonly account: Account
  readonly changed: boolean
}

/**
 * @throws {ServiceError} `invalid_credentials`, `account_disabled`, `identifier_taken`, `misconfigured`, `unavailable`,
 * and what `edit` throws
 */
export async function commitEdit(
  services: Services,
  attempt: Attempt,
  accountId: string,
  password: string,
  edit: Edit,
): Promise<CommittedChange> {
  return commit(services, attempt, accountId, password, async (account) => {
    const edited = await edit(account, stamp(account, services.nowMs))
    if (edited === account) return { account, changed: false }
    const written = await writeEdit(services.db, account, edited)
    return written ? { account: edited, changed: true } : null
  })
}

/**
 * @returns the version of the deletion, to tell
 * @throws {ServiceError} as commitEdit
 */
export async function commitDeletion(
  services: Services,
  attempt: Attempt,
  accountId: string,
  password: string,
): Promise<number> {
  return commit(services, attempt, accountId, password, async (account) => {
    const { credentialVersion } = stamp(account, services.nowMs)
    return (await writeDeletion(services.db, account, credentialVersion)) ? credentialVersion : null
  })
}

/**
 * Settles before it writes: once the change is there, it cannot be withheld.
 * @param write null where the account was changed by somebody else since it was read
 */
async function commit<T>(
  services: Services,
  attempt: Attempt,
  accountId: string,
  password: string,
  write: (account: Account) => Promise<T | null>,
): Promise<T> {
  const find: FindAccount = (from) => findById(services.db, accountId, from)
  let checked = await attempt.admit(await checkPassword(services, find, password, 'primary'))
  await attempt.succeed(accountId)
  for (let writes = 1; writes <= MAX_WRITES; writes++) {
    const done = await write(checked.account)
    if (done !== null) return done
    checked = await attempt.admit(await recheckPassword(services, find, password, checked))
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
  const batch = [updateAccount(db, from, to), insertToTell(db, to), takenIdentifiers(db, to)]
  const took = (account: Account | null) => account?.changeId === to.changeId
  const results = await runOrConfirm(db, batch, from.id, took)
  if (results === 'confirmed' || results[0]?.meta.changes === 1) return true
  const field = firstTaken(results[2])
  if (field !== null) throw new ServiceError('identifier_taken', { field })
  return false
}

async function writeDeletion(db: D1Database, from: Account, version: number): Promise<boolean> {
  const batch = [insertDeletionToTell(db, from, version), deleteAccount(db, from)]
  const results = await runOrConfirm(db, batch, from.id, (account) => account === null)
  return results === 'confirmed' || results[1]?.meta.changes === 1
}

/**
 * Where the answer of the batch is lost, the row says whether it took.
 * @throws {ServiceError} `unavailable` where it did not
 */
async function runOrConfirm(
  db: D1Database,
  batch: D1PreparedStatement[],
  accountId: string,
  took: (account: Account | null) => boolean,
): Promise<D1Result[] | 'confirmed'> {
  try {
    return await db.batch(batch)
  } catch (cause) {
    const { account } = await findById(db, accountId, 'primary').catch((unread: unknown) => {
      throw new UnconfirmedWrite(unread)
    })
    if (took(account)) return 'confirmed'
    throw new ServiceError('unavailable', {}, { cause })
  }
}
