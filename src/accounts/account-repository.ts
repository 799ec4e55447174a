/**
 * The only module that reads and writes account rows. A change is one batch: the row, if it is still as it was read, and the
 * statements of other stores that take effect only with it. If the result of the batch is lost, the row shows what happened.
 */
import { orUnavailable, ServiceError, UnconfirmedWriteError } from '../errors/service-error.ts'
import { DeadlineExceededError, withDeadline } from '../runtime/deadline.ts'
import type { Account, AccountId, IdentifierKind } from './account.ts'
import {
  type AccountRead,
  type ConditionalStatement,
  deleteAccount,
  findAllById,
  findById,
  findByIdentifier,
  firstTaken,
  insertAccount,
  isStored,
  type ReadFrom,
  replaceHash,
  takenIdentifiers,
  updateAccount,
} from './account-store.ts'
import type { Identifier } from './identifier.ts'

/** Another account has one of the identifiers; the kind of the first one, in the order of IDENTIFIER_KINDS. */
export interface Taken {
  readonly taken: IdentifierKind
}

/** Whether a write was applied, as the row shows it; unknown if a later change has overwritten it. */
type WriteStatus = 'applied' | 'not_applied' | 'unknown'

/**
 * Every method that changes a row takes statements in `also`, of the same batch, that take effect only if the change does.
 * Where the result of a batch is lost, the method reads the row, and throws
 * - {ServiceError} `unavailable` if the change was not applied
 * - {UnconfirmedWriteError} if this cannot be known, or if the change may still be applied
 */
export class AccountRepository {
  readonly #db: D1Database

  constructor(db: D1Database) {
    this.#db = db
  }

  /** @throws {ServiceError} `unavailable` */
  find(by: Identifier | AccountId, from: ReadFrom): Promise<AccountRead> {
    const read = typeof by === 'string' ? findById(this.#db, by, from) : findByIdentifier(this.#db, by, from)
    return orUnavailable(read)
  }

  /** @returns the accounts that exist, from the primary @throws {ServiceError} `unavailable` */
  findAll(ids: readonly AccountId[]): Promise<readonly Account[]> {
    return orUnavailable(findAllById(this.#db, ids))
  }

  /** Stores a new account. */
  async insert(account: Account, also: readonly ConditionalStatement[] = []): Promise<'inserted' | Taken> {
    const batch = [
      insertAccount(this.#db, account),
      takenIdentifiers(this.#db, account),
      ...this.#onlyIfStored(account, also),
    ]
    const results = await this.#write(account.id, batch, (found) =>
      found === null ? 'not_applied' : 'applied',
    )
    if (results === 'confirmed' || results[0]?.meta.changes === 1) return 'inserted'
    const taken = firstTaken(results[1])
    if (taken !== null) return { taken }
    const cause = new Error('the account was neither stored nor in conflict')
    throw new ServiceError('unavailable', {}, { cause })
  }

  /**
   * Replaces the account's row.
   * @param to has another `changeId` and a higher `credentialVersion`
   * @returns `conflict` if the account has changed since `from` was read
   */
  async replace(
    from: Account,
    to: Account,
    also: readonly ConditionalStatement[] = [],
  ): Promise<'replaced' | 'conflict' | Taken> {
    const batch = [
      updateAccount(this.#db, from, to),
      takenIdentifiers(this.#db, to),
      ...this.#onlyIfStored(to, also),
    ]
    const results = await this.#write(from.id, batch, (found) => {
      if (found?.changeId === to.changeId) return 'applied'
      return found?.changeId === from.changeId ? 'not_applied' : 'unknown'
    })
    if (results === 'confirmed' || results[0]?.meta.changes === 1) return 'replaced'
    const taken = firstTaken(results[1])
    return taken === null ? 'conflict' : { taken }
  }

  /** Deletes the account. @returns `conflict` if it has changed since `from` was read */
  async remove(from: Account, also: readonly ConditionalStatement[] = []): Promise<'removed' | 'conflict'> {
    const deletion = deleteAccount(this.#db, from)
    const batch = [...this.#onlyIfStored(from, also), deletion]
    const results = await this.#write(from.id, batch, (found) => (found === null ? 'applied' : 'not_applied'))
    return results === 'confirmed' || results.at(-1)?.meta.changes === 1 ? 'removed' : 'conflict'
  }

  /** Replaces the hash of the account's password by a stronger one, unless it has changed since the account was read. */
  async rehash(account: Account, renewed: string): Promise<void> {
    await replaceHash(this.#db, account, renewed).run()
  }

  #onlyIfStored(account: Account, also: readonly ConditionalStatement[]): readonly D1PreparedStatement[] {
    const condition = isStored(account)
    return also.map((statement) => statement(this.#db, condition))
  }

  /** Runs the batch. If its result is lost, reads the row to find out whether the write was applied. */
  async #write(
    id: AccountId,
    batch: D1PreparedStatement[],
    statusOf: (found: Account | null) => WriteStatus,
  ): Promise<D1Result[] | 'confirmed'> {
    try {
      return await withDeadline(this.#db.batch(batch))
    } catch (error) {
      await this.#confirmWrite(id, error, statusOf)
      return 'confirmed'
    }
  }

  /** @param error the error of the write */
  async #confirmWrite(
    id: AccountId,
    error: unknown,
    statusOf: (found: Account | null) => WriteStatus,
  ): Promise<void> {
    const { account } = await withDeadline(findById(this.#db, id, 'primary')).catch((unread: unknown) => {
      throw new UnconfirmedWriteError(unread)
    })
    const status = statusOf(account)
    if (status === 'applied') return
    if (status === 'unknown' || error instanceof DeadlineExceededError) throw new UnconfirmedWriteError(error)
    throw new ServiceError('unavailable', {}, { cause: error })
  }
}

/** Finds the account whose password is checked. The first read may begin early, beside other work. */
export class AccountLookup {
  readonly #accounts: AccountRepository
  readonly #by: Identifier | AccountId | null
  #begun: { readonly from: ReadFrom; readonly read: Promise<AccountRead> } | null = null

  /** @param by null for text that no account can have as an identifier */
  constructor(accounts: AccountRepository, by: Identifier | AccountId | null) {
    this.#accounts = accounts
    this.#by = by
  }

  /** Begins the read that the first `find` from there returns. */
  begin(from: ReadFrom): void {
    const read = this.#read(from)
    // Its error is thrown where the read is used, if it is.
    read.catch(() => undefined)
    this.#begun = { from, read }
  }

  /** @throws {ServiceError} `unavailable` */
  find(from: ReadFrom): Promise<AccountRead> {
    const begun = this.#begun
    this.#begun = null
    return begun?.from === from ? begun.read : this.#read(from)
  }

  async #read(from: ReadFrom): Promise<AccountRead> {
    if (this.#by === null) return { account: null, fromPrimary: true }
    return this.#accounts.find(this.#by, from)
  }
}
