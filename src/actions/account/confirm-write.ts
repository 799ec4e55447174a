/** What became of a write whose answer was lost. */
import type { Account } from '../../accounts/account.ts'
import { findById } from '../../accounts/account-store.ts'
import { ServiceError, UnconfirmedWriteError } from '../../errors/service-error.ts'
import { DeadlineExceededError, withDeadline } from '../../runtime/deadline.ts'

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
