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
