/** The work of cron, and the health check: what keeps logins possible. */
import { ServiceError } from '../../errors/service-error.ts'
import { describeError, type LogEvent, log } from '../../runtime/log.ts'
import { SCHEMA_VERSION } from '../../settings/settings-store.ts'
import { deliverOutbox } from '../account/deliver-outbox.ts'
import type { RequestContext } from '../request-context.ts'
import { maintainKeys } from './manage-keys.ts'

/** The trigger of wrangler.toml for runs that only deliver the outbox, since keys need no look every minute. */
const OUTBOX_TRIGGER = '* * * * *'

/**
 * Does the work of one cron run. Runs every task, even if another one fails. An error is logged, and the next run tries again.
 * @param trigger the cron expression that started the run
 */
export async function maintain(ctx: RequestContext, trigger: string): Promise<void> {
  if (trigger !== OUTBOX_TRIGGER) {
    await runTask('maintain_keys_failed', () => maintainKeys(ctx))
    await runTask('maintain_seals_failed', () => ctx.services.signingKeys.reseal(ctx.nowMs))
  }
  await runTask('maintain_outbox_failed', () => deliverOutbox(ctx))
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
  const cause = new Error(`${describeSchema(version)}: see "Deploying a release" in docs/operations.md`)
  return new ServiceError('misconfigured', {}, { cause })
}

/** What is wrong, and what to do about it. */
function describeSchema(version: number | null): string {
  if (version === null) return 'D1 has no schema, apply schema.sql'
  const versions = `D1 has schema version ${version}, this release needs ${SCHEMA_VERSION}`
  return version > SCHEMA_VERSION
    ? `${versions}, deploy the newer release`
    : `${versions}, upgrade the database`
}
