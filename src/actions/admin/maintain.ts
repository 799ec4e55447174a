/** What cron does: keep the signing keys' schedule and seals, and tell the objects what a crash left untold. */
import { findById, listOutbox, type OutboxEntry } from '../../accounts/account-store.ts'
import { withDeadline } from '../../runtime/deadline.ts'
import { describeError, type LogEvent, log } from '../../runtime/log.ts'
import type { Services } from '../../services.ts'
import { tellAccount, toDeletedState, toState } from '../account/publish-state.ts'
import { keepSchedule, reseal } from './manage-keys.ts'

/** Accounts told in one run; the next run takes the rest. */
const TELL_AT_ONCE = 100

/** Each part runs, and fails, for itself; an error is logged and the next run tries again. */
export async function maintain(services: Services): Promise<void> {
  await attempt('maintain_keys_failed', () => keepSchedule(services))
  await attempt('maintain_seals_failed', () => reseal(services))
  await attempt('maintain_outbox_failed', () => tellTheUntold(services))
}

async function tellTheUntold(services: Services): Promise<void> {
  for (const untold of await withDeadline(listOutbox(services.db, TELL_AT_ONCE))) {
    await attempt('publish_state_failed', () => tell(services, untold))
  }
}

async function tell(services: Services, { accountId, version }: OutboxEntry): Promise<void> {
  const { account } = await withDeadline(findById(services.db, accountId, 'primary'))
  const state = account === null ? toDeletedState(version) : toState(account)
  await tellAccount(services, accountId, state)
}

/** @param failed what the log says where it fails */
async function attempt(failed: LogEvent, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    log('error', failed, { error: describeError(error) })
  }
}
