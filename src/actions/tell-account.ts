/** Tells an account's object the account's whole state, so that a change in D1 is in force in its sessions. */
import { deleteToTell } from '../accounts/account-store.ts'
import { describeFault, log } from '../log.ts'
import type { Services } from '../services.ts'
import type { Grant } from '../sessions/account-object.ts'
import type { AccountState } from '../sessions/session.ts'

/**
 * @param state what stands in D1 already
 * @returns the session that the change keeps, if it keeps one and no later change has come
 * @throws what the object throws; the to-tell row then stays, and cron tells it
 */
export async function tellAccount(
  services: Services,
  accountId: string,
  state: AccountState,
): Promise<Grant | null> {
  const grant = await services.accountObject(accountId).tell(state, services.config.sessions)
  services.waitUntil(noteTold(services, accountId, state.version))
  return grant
}

/** A row that stays is told once more, which changes nothing. */
async function noteTold({ db, requestId }: Services, accountId: string, version: number): Promise<void> {
  try {
    await deleteToTell(db, accountId, version).run()
  } catch (fault) {
    log('warn', 'to_tell_row_stays', {
      request_id: requestId,
      account_id: accountId,
      fault: describeFault(fault),
    })
  }
}
