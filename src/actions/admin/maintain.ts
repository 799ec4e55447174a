/** The work of cron, and the health check: what keeps logins possible. */
import { findById, listOutbox, type OutboxEntry } from '../../accounts/account-store.ts'
import { ServiceError } from '../../errors/service-error.ts'
import { withDeadline } from '../../runtime/deadline.ts'
import { describeError, type LogEvent, log } from '../../runtime/log.ts'
import { SCHEMA_VERSION } from '../../settings/settings-store.ts'
import { publishState, toDeletedState, toState } from '../account/publish-state.ts'
import type { RequestContext } from '../request-context.ts'
import { maintainKeys } from './manage-keys.ts'

/** Accounts whose state one run publishes; the next run continues with the others. */
const MAX_ACCOUNTS_PER_RUN = 100

/** Runs every task, even if another one fails. An error is logged, and the next run tries again. */
export async function maintain(ctx: RequestContext): Promise<void> {
  await runTask('maintain_keys_failed', () => maintainKeys(ctx))
  await runTask('maintain_seals_failed', () => ctx.services.signingKeys.reseal(ctx.nowMs))
  await runTask('maintain_outbox_failed', () => publishPending(ctx))
}

async function publishPending(ctx: RequestContext): Promise<void> {
  for (const entry of await withDeadline(listOutbox(ctx.services.db, MAX_ACCOUNTS_PER_RUN))) {
    await runTask('publish_state_failed', () => publishCurrentState(ctx, entry))
  }
}

async function publishCurrentState(ctx: RequestContext, { accountId, version }: OutboxEntry): Promise<void> {
  const { account } = await withDeadline(findById(ctx.services.db, accountId, 'primary'))
  const state = account === null ? toDeletedState(version) : toState(account)
  await publishState(ctx, accountId, state)
}

/** @param failureEvent the log event if the task fails */
async function runTask(failureEvent: LogEvent, task: () => Promise<void>): Promise<void> {
  try {
    await task()
  } catch (error) {
    log('error', failureEvent, { error: describeError(error) })
  }
}

/** @throws {ServiceError} `unavailable`; `misconfigured` if the schema is missing or has another version, or if no key can be unsealed */
export async function checkHealth(ctx: RequestContext): Promise<void> {
  const version = await ctx.services.settings.schemaVersion()
  if (version !== SCHEMA_VERSION) throw schemaError(version)
  await ctx.services.signingKeys.signing(ctx)
}

function schemaError(version: number | null): ServiceError {
  const cause = new Error(
    `D1 has schema version ${version}, this release needs ${SCHEMA_VERSION}: see "Deploying a release" in docs/operations.md`,
  )
  return new ServiceError('misconfigured', {}, { cause })
}
