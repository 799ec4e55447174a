/** What became of a write whose answer was lost. */
import type { Account } from '../../accounts/account.ts'
import { findById } from '../../accounts/account-store.ts'
import { ServiceError, UnconfirmedWrite } from '../../errors/service-error.ts'
import { inTime, Overdue } from '../../runtime/deadline.ts'

/** What the row shows of it: that it took, that it did not, or a later change that hides which. */
export type Trace = 'taken' | 'not_taken' | 'hidden'

/**
 * Returns where the row itself says that the write took.
 * @param fault what came in place of the answer
 * @throws {ServiceError} `unavailable` where it did not
 * @throws {UnconfirmedWrite} where nobody can tell, or it may still happen
 */
export async function confirmWrite(
  db: D1Database,
  accountId: string,
  fault: unknown,
  traceOf: (account: Account | null) => Trace,
): Promise<void> {
  const { account } = await inTime(findById(db, accountId, 'primary')).catch((unread: unknown) => {
    throw new UnconfirmedWrite(unread)
  })
  const trace = traceOf(account)
  if (trace === 'taken') return
  if (trace === 'hidden' || fault instanceof Overdue) throw new UnconfirmedWrite(fault)
  throw new ServiceError('unavailable', {}, { cause: fault })
}
