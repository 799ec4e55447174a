/** How a key stands with a rule, by what is stored and what is in memory of it. Pure. */
import type { LimitStatus } from './counter-rpc.ts'
import {
  type CountedEvent,
  difficultyOf,
  eventsInWindow,
  type Limit,
  resetAfterMs,
  type Tally,
} from './window.ts'

/** Attempts under way, by id: when they lapse, in unix milliseconds. */
export interface UnderWay {
  /** Those that were let through. */
  readonly pending: ReadonlyMap<string, number>
  /** Those that a solved challenge let through. */
  readonly proving: ReadonlyMap<string, number>
}

/** A rule's state at one moment. */
export interface View {
  readonly tally: Tally
  /** What is in the window, that of pending attempts too. */
  readonly events: readonly CountedEvent[]
  /** Events of attempts that have settled, or never will. */
  readonly counted: number
  readonly pending: number
  /** Those with a solved challenge that nothing is stored of. */
  readonly proving: number
}

export function viewOf(tally: Tally, { pending, proving }: UnderWay, limit: Limit, nowMs: number): View {
  const events = eventsInWindow(tally, limit, nowMs)
  const stored = new Set(events.map(({ id }) => id))
  return {
    tally,
    events,
    counted: events.filter(({ id }) => !pending.has(id)).length,
    pending: pending.size,
    proving: [...proving.keys()].filter((id) => !stored.has(id)).length,
  }
}

export function limitStatusOf(view: View, limit: Limit, nowMs: number): LimitStatus {
  const { tally, events, counted, pending, proving } = view
  const times = events.map(({ atMs }) => atMs)
  const remaining = Math.max(0, limit.threshold - counted - pending)
  return {
    exhausted: counted >= limit.threshold,
    remaining,
    resetInMs: resetAfterMs(times, limit, nowMs),
    level: difficultyOf(tally, limit, Math.max(0, proving - remaining), nowMs),
  }
}

/** Attempts that may wait on one counter at once. */
export const MAX_WAITING = 200
/** How long one waits for another to settle. */
export const MAX_WAIT_MS = 20_000
/** A pending attempt of which nothing is heard lapses after this. */
export const LAPSE_MS = 40_000

export interface Places {
  readonly threshold: number
  /** Events that count. */
  readonly counted: number
  /** Attempts that were let through and have not settled. */
  readonly pending: number
  /** Attempts that wait already, and come first. */
  readonly ahead: number
}

/**
 * A pending attempt may turn out to count, so it holds a place; while only pending ones stand in the way, the next
 * waits for one of them to settle.
 */
export function judge({ threshold, counted, pending, ahead }: Places): 'admit' | 'wait' | 'refuse' {
  if (counted >= threshold) return 'refuse'
  if (counted + pending < threshold && ahead === 0) return 'admit'
  return ahead < MAX_WAITING ? 'wait' : 'refuse'
}
