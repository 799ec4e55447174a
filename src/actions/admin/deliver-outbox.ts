/** Delivers the events of the outbox that a Worker could not deliver after its change, for cron. */
import { type FailedEvent, isOverdue, type OutboxEvent, type OutboxKind } from '../../outbox/outbox-store.ts'
import { describeError, log } from '../../runtime/log.ts'
import { publishStates } from '../account/publish-state.ts'
import type { RequestContext } from '../request-context.ts'

/** Delivers events of one kind and removes them from the outbox. @returns those that it could not deliver */
type Handler = (ctx: RequestContext, events: readonly OutboxEvent[]) => Promise<readonly FailedEvent[]>

const HANDLERS = { account_state: publishStates } as const satisfies Record<OutboxKind, Handler>

const EVENTS_PER_BATCH = 200
/** 3,000 events a run, every minute: 100,000 in 34 minutes, and at most 3,045 of the 10,000 subrequests of an invocation. */
const BATCHES_PER_RUN = 15

/**
 * Delivers the events that are due, in batches. Stops early when most of a batch fails, so that a run does not wait for its
 * deadline at each object during an outage.
 * @throws what D1 throws; the events are attempted again once they are due
 */
export async function deliverOutbox(ctx: RequestContext): Promise<void> {
  for (let batch = 1; batch <= BATCHES_PER_RUN; batch++) {
    const events = await ctx.services.outbox.claim(ctx.nowMs, EVENTS_PER_BATCH)
    const failed = await deliver(ctx, events)
    report(failed)
    if (events.length < EVENTS_PER_BATCH || failed.length > events.length / 2) return
  }
}

async function deliver(ctx: RequestContext, events: readonly OutboxEvent[]): Promise<readonly FailedEvent[]> {
  const failed: FailedEvent[] = events
    .filter(({ kind }) => !Object.hasOwn(HANDLERS, kind))
    .map((event) => ({ event, error: new Error('this release knows no such kind') }))
  for (const [kind, handle] of Object.entries(HANDLERS)) {
    const ofKind = events.filter((event) => event.kind === kind)
    if (ofKind.length > 0) failed.push(...(await handle(ctx, ofKind)))
  }
  return failed
}

/** Writes one line for each event at which a person should look, and one for all others. */
function report(failed: readonly FailedEvent[]): void {
  const overdue = failed.filter(({ event }) => isOverdue(event))
  for (const { event, error } of overdue) {
    const { id, accountId, kind, attempts } = event
    const fields = { event_id: id, account_id: accountId, kind, attempts, error: describeError(error) }
    log('error', 'outbox_event_overdue', fields)
  }
  const [first] = failed
  if (first === undefined || failed.length === overdue.length) return
  log('warn', 'outbox_delivery_failed', { count: failed.length, error: describeError(first.error) })
}
