/** The limit status of a key under a rule, from stored events and attempts in memory. Pure. */
import type { LimitStatus, ReserveRequest, ReserveResult } from './counter-rpc.ts'
import {
  type CountedEvent,
  difficultyOf,
  eventsInWindow,
  type Limit,
  resetAfterMs,
  type Tally,
} from './window.ts'

/** Attempts in flight: by id, when each reservation expires, in unix milliseconds. */
interface InFlightAttempts {
  /** Attempts that were admitted without a challenge. */
  readonly pending: ReadonlyMap<string, number>
  /** Attempts that were admitted because of a solved challenge. */
  readonly challenged: ReadonlyMap<string, number>
}

/** An attempt that waits until others settle. */
export interface Waiter {
  readonly request: ReserveRequest
  readonly resolve: (result: ReserveResult) => void
  readonly timer: ReturnType<typeof setTimeout>
}

/** The attempts of one rule that are in memory. */
export interface RuleAttempts extends InFlightAttempts {
  readonly pending: Map<string, number>
  readonly challenged: Map<string, number>
  readonly waiting: Waiter[]
}

/** A rule's state at one moment. */
export interface RuleState {
  readonly tally: Tally
  /** All events in the window, including those of pending attempts. */
  readonly events: readonly CountedEvent[]
  /**
   * The number of events in the window whose attempts are not pending, including stored registrations that a solved challenge
   * admitted.
   */
  readonly counted: number
  readonly pending: number
  /** The number of attempts with a solved challenge that have no stored event. */
  readonly challenged: number
}

export function ruleStateOf(
  tally: Tally,
  { pending, challenged }: InFlightAttempts,
  limit: Limit,
  nowMs: number,
): RuleState {
  const events = eventsInWindow(tally, limit, nowMs)
  const stored = new Set(events.map(({ id }) => id))
  return {
    tally,
    events,
    counted: events.filter(({ id }) => !pending.has(id)).length,
    pending: pending.size,
    challenged: [...challenged.keys()].filter((id) => !stored.has(id)).length,
  }
}

export function limitStatusOf(state: RuleState, limit: Limit, nowMs: number): LimitStatus {
  const { tally, events, counted, pending, challenged } = state
  const times = events.map(({ atMs }) => atMs)
  const remaining = Math.max(0, limit.threshold - counted - pending)
  return {
    exhausted: counted >= limit.threshold,
    remaining,
    resetInMs: resetAfterMs(times, limit, nowMs),
    difficulty: difficultyOf(tally, limit, Math.max(0, challenged - remaining), nowMs),
  }
}

/** The largest number of attempts that wait at once, per rule of one counter. */
export const MAX_WAITING = 200
/** How long an attempt waits for another to settle. */
export const MAX_WAIT_MS = 20_000
/** A reservation expires after this time if its attempt does not settle. */
export const RESERVATION_LIFETIME_MS = 40_000

export interface AdmissionInput {
  readonly threshold: number
  /** The number of events that count. */
  readonly counted: number
  /** The number of admitted attempts that have not settled. */
  readonly pending: number
  /** The number of attempts that already wait, and come first. */
  readonly ahead: number
}

/**
 * Decides about the next attempt. A pending attempt may turn out to count, so it occupies one place below the threshold. While
 * only pending attempts prevent the next one, that one waits for one of them to settle.
 */
export function decideAdmission({
  threshold,
  counted,
  pending,
  ahead,
}: AdmissionInput): 'admit' | 'wait' | 'refuse' {
  if (counted >= threshold) return 'refuse'
  if (counted + pending < threshold && ahead === 0) return 'admit'
  return ahead < MAX_WAITING ? 'wait' : 'refuse'
}
