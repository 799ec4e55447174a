/**
 * What both outboxes share: the kinds of events, when an event is attempted again, and the handlers. The outbox in D1 holds the
 * events that a change there has written in its batch; that of an account's object holds the events that happen only in the
 * object, written in the same transaction. Delivery is at least once: a handler may get an event twice, with the same id.
 */
import type { AccountId, Json } from '../accounts/account.ts'
import { newId } from '../crypto/ids.ts'
import { describeError, log } from '../runtime/log.ts'
import type { Session } from '../sessions/session.ts'

/** Of D1. `account_state`: the state of the account is to be published to its object. Its data is the version of the change. */
export type OutboxKind = 'account_state'

/** Of an account's object. Their data says where the session was opened from. */
export type AccountEventKind = 'new_device_login' | 'refresh_token_reused'

export interface OutboxEvent {
  readonly id: string
  readonly accountId: AccountId
  /** An OutboxKind or AccountEventKind, unless another release wrote the row. */
  readonly kind: string
  readonly data: Json
  /** How often cron or the object's alarm has claimed it, this time included. */
  readonly attempts: number
}

/** As the account's object stores it. Times are in unix milliseconds. */
export interface AccountEvent extends OutboxEvent {
  readonly format: 1
  readonly kind: AccountEventKind
  readonly at: number
  readonly sessionId: string
  readonly data: Readonly<Record<'ip' | 'userAgent' | 'country', string | null>>
  /** When the object's alarm attempts it next. */
  readonly dueAt: number
}

/** An event that could not be delivered. It is attempted again once it is due. */
export interface FailedEvent {
  readonly event: OutboxEvent
  readonly error: unknown
}

const LAST_RETRY_SECONDS = 7_200
/** The time from the change to the first attempt of cron or the alarm, and from each attempt to the next. The last one repeats. */
export const RETRY_AFTER_SECONDS = [5, 60, 300, 1_800, LAST_RETRY_SECONDS] as const

export function newAccountEvent(
  kind: AccountEventKind,
  accountId: AccountId,
  { id: sessionId, ip, userAgent, country }: Session,
  nowMs: number,
): AccountEvent {
  const data = { ip, userAgent, country }
  const dueAt = nowMs + RETRY_AFTER_SECONDS[0] * 1000
  return { format: 1, id: newId(nowMs), accountId, kind, at: nowMs, sessionId, data, attempts: 0, dueAt }
}

/** @returns the event as it is stored while an attempt is under way. If the attempt never finishes, the next one is due then. */
export function claim(event: AccountEvent, nowMs: number): AccountEvent {
  const attempts = event.attempts + 1
  const seconds = RETRY_AFTER_SECONDS[attempts] ?? LAST_RETRY_SECONDS
  return { ...event, attempts, dueAt: nowMs + seconds * 1000 }
}

/** @param requestId undefined if the alarm delivers the event */
type Handler = (event: AccountEvent, requestId: string | undefined) => Promise<void>

const HANDLERS: Readonly<Record<AccountEventKind, Handler>> = {
  new_device_login: async (event, requestId) => log('info', 'new_device_login', logFields(event, requestId)),
  refresh_token_reused: async (event, requestId) =>
    log('warn', 'refresh_token_reused', logFields(event, requestId)),
}

function logFields({ id, accountId, sessionId }: AccountEvent, requestId: string | undefined) {
  return { event_id: id, request_id: requestId, account_id: accountId, session_id: sessionId }
}

/**
 * Delivers events of an account's object, and logs failures. An event of a kind that this release does not know fails, too.
 * @returns the ids of the events that are delivered, to be removed from the object
 */
export async function deliverEvents(
  events: readonly AccountEvent[],
  requestId?: string,
): Promise<readonly string[]> {
  const delivered: string[] = []
  const failed: FailedEvent[] = []
  for (const event of events) {
    try {
      await HANDLERS[event.kind](event, requestId)
      delivered.push(event.id)
    } catch (error) {
      failed.push({ event, error })
    }
  }
  reportFailed(failed)
  return delivered
}

/** Writes one line for each event whose whole schedule has failed, at which a person should look, and one for all others. */
export function reportFailed(failed: readonly FailedEvent[]): void {
  const overdue = failed.filter(({ event }) => event.attempts >= RETRY_AFTER_SECONDS.length)
  for (const { event, error } of overdue) {
    const { id, accountId, kind, attempts } = event
    const fields = { event_id: id, account_id: accountId, kind, attempts, error: describeError(error) }
    log('error', 'outbox_event_overdue', fields)
  }
  const [first] = failed
  if (first === undefined || failed.length === overdue.length) return
  log('warn', 'outbox_delivery_failed', { count: failed.length, error: describeError(first.error) })
}
