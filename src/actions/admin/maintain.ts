/** What cron does: keeps the schedule and the seals of the signing keys, and publishes pending account states. */
import { findById, listOutbox, type OutboxEntry } from '../../accounts/account-store.ts'
import { withDeadline } from '../../runtime/deadline.ts'
import { describeError, type LogEvent, log } from '../../runtime/log.ts'
import type { Services } from '../../services.ts'
import { publishState, toDeletedState, toState } from '../account/publish-state.ts'
import { maintainKeys, resealKeys } from './manage-keys.ts'

/** Accounts whose state one run publishes; the next run continues with the others. */
const MAX_ACCOUNTS_PER_RUN = 100

/** Runs every task, even if another one fails. An error is logged, and the next run tries again. */
export async function maintain(services: Services): Promise<void> {
  await runTask('maintain_keys_failed', () => maintainKeys(services))
  await runTask('maintain_seals_failed', () => resealKeys(services))
  await runTask('maintain_outbox_failed', () => publishPending(services))
}

async function publishPending(services: Services): Promise<void> {
  for (const entry of await withDeadline(listOutbox(services.db, MAX_ACCOUNTS_PER_RUN))) {
    await runTask('publish_state_failed', () => publishCurrentState(services, entry))
  }
}

async function publishCurrentState(services: Services, { accountId, version }: OutboxEntry): Promise<void> {
  const { account } = await withDeadline(findById(services.db, accountId, 'primary'))
  const state = account === null ? toDeletedState(version) : toState(account)
  await publishState(services, accountId, state)
}

/** @param failureEvent the log event if the task fails */
async function runTask(failureEvent: LogEvent, task: () => Promise<void>): Promise<void> {
  try {
    await task()
  } catch (error) {
    log('error', failureEvent, { error: describeError(error) })
  }
}
