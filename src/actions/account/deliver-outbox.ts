/**
 * Delivers events: for cron, those of the outbox in D1 that a Worker could not deliver after its change; for requests, those that
 * an account's object has just written.
 */
import type { AccountId } from '../../accounts/account.ts'
import {
  type AccountEvent,
  deliverEvents,
  type FailedEvent,
  type OutboxEvent,
  type OutboxKind,
  reportFailed,
} from '../../outbox/events.ts'
import { withDeadline } from '../../runtime/deadline.ts'
import { describeError, log } from '../../runtime/log.ts'
import type { RequestContext } from '../request-context.ts'
import { publishStates } from './publish-state.ts'

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
    reportFailed(failed)
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

/**
 * Delivers the events that an RPC of an account's object has written, and acknowledges them without delaying the response. The
 * object's alarm delivers those that are not acknowledged.
 */
export function deliverAccountEvents(ctx: RequestContext, events: readonly AccountEvent[]): void {
  const [first] = events
  if (first !== undefined) ctx.waitUntil(deliverAndAcknowledge(ctx, first.accountId, events))
}

async function deliverAndAcknowledge(
  { services, requestId }: RequestContext,
  accountId: AccountId,
  events: readonly AccountEvent[],
): Promise<void> {
  const delivered = await deliverEvents(events, requestId)
  try {
    await withDeadline(services.accountObject(accountId).settleEvents(delivered))
  } catch (error) {
    log('warn', 'outbox_row_pending', {
      request_id: requestId,
      account_id: accountId,
      error: describeError(error),
    })
  }
}
