/** Publishes whole states of accounts to their Durable Objects, so that changes in D1 take effect in sessions. */
import type { AccountId, AccountProfile } from '../../accounts/account.ts'
import { orUnavailable } from '../../errors/service-error.ts'
import type { FailedEvent, OutboxEvent } from '../../outbox/events.ts'
import { withDeadline } from '../../runtime/deadline.ts'
import { describeError, log } from '../../runtime/log.ts'
import type { ActiveFamily } from '../../sessions/account-rpc.ts'
import { type AccountState, toDeletedState, toState } from '../../sessions/session.ts'
import type { RequestContext } from '../request-context.ts'
import type { CommittedChange } from './commit-change.ts'

/** Upper bound on the RPCs of one cron run that are under way at once. */
const MAX_CONCURRENT_RPCS = 20

/**
 * Publishes the state to the account's object, then deletes its events from the outbox without delaying the response.
 * @param state as stored in D1
 * @returns the surviving session with its family; null if the state has none, or if the session or the family has ended since
 * @throws {DeadlineExceededError} and what the object throws; the event then remains, and cron publishes the state
 */
export async function publishState(
  ctx: RequestContext,
  accountId: AccountId,
  state: AccountState,
): Promise<ActiveFamily | null> {
  const surviving = await applyState(ctx, accountId, state)
  ctx.waitUntil(removeFromOutbox(ctx, accountId, state.version))
  return surviving
}

/**
 * Publishes the state of an account after a change.
 * @returns the profile after the change
 * @throws {ServiceError} `unavailable`, with `changed` if the change is stored but could not be published
 */
export async function publishChange(
  ctx: RequestContext,
  { account, changed }: CommittedChange,
): Promise<AccountProfile> {
  const state = toState(account)
  await orUnavailable(publishState(ctx, account.id, state), changed ? { changed } : {})
  return state.profile
}

async function applyState(
  { services }: RequestContext,
  accountId: AccountId,
  state: AccountState,
): Promise<ActiveFamily | null> {
  const policy = services.config.sessions
  return withDeadline(services.accountObject(accountId).applyState({ state, policy }))
}

/** If this fails, cron publishes the state again, which changes nothing. */
async function removeFromOutbox(
  { services, requestId }: RequestContext,
  accountId: AccountId,
  version: number,
): Promise<void> {
  try {
    await services.outbox.removeStates(new Map([[accountId, version]]))
  } catch (error) {
    log('warn', 'outbox_row_pending', {
      request_id: requestId,
      account_id: accountId,
      error: describeError(error),
    })
  }
}

/**
 * Publishes the states of the accounts of `account_state` events as D1 has them now: one read for all, one RPC for each, one
 * deletion for all.
 * @returns the events whose state could not be published, each with the error
 * @throws {ServiceError} `unavailable` if D1 could not be read, and what the deletion throws
 */
export async function publishStates(
  ctx: RequestContext,
  events: readonly OutboxEvent[],
): Promise<readonly FailedEvent[]> {
  const { accounts, outbox } = ctx.services
  const newest = newestVersions(events)
  const found = new Map((await accounts.findAll([...newest.keys()])).map((each) => [each.id, each]))
  const published = new Map<AccountId, number>()
  const errors = new Map<AccountId, unknown>()
  await forEachConcurrently(newest.entries(), async ([accountId, version]) => {
    const account = found.get(accountId)
    const state = account === undefined ? toDeletedState(version) : toState(account)
    await applyState(ctx, accountId, state).then(
      () => published.set(accountId, state.version),
      (error: unknown) => errors.set(accountId, error),
    )
  })
  await outbox.removeStates(published)
  return events.flatMap((event) =>
    errors.has(event.accountId) ? { event, error: errors.get(event.accountId) } : [],
  )
}

/** @returns the highest version in the events of each account */
function newestVersions(events: readonly OutboxEvent[]): ReadonlyMap<AccountId, number> {
  const newest = new Map<AccountId, number>()
  for (const { accountId, data } of events) {
    newest.set(accountId, Math.max(newest.get(accountId) ?? 0, Number(data)))
  }
  return newest
}

/** Does the work for all items, and for at most MAX_CONCURRENT_RPCS of them at once. */
async function forEachConcurrently<T>(
  items: IterableIterator<T>,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const workOnNext = async () => {
    for (const item of items) await work(item)
  }
  await Promise.all(Array.from({ length: MAX_CONCURRENT_RPCS }, workOnNext))
}
