/**
 * The events that count for a key, in an exact sliding window. Pure: takes tallies, events and the time, returns tallies and
 * numbers. An event counts while `now - t < window`.
 */

export interface Limit {
  readonly windowMs: number
  readonly threshold: number
}

/** Something that counts: a registration, a failed login, or a failed client authentication. */
export interface CountedEvent {
  /** The attempt's id. */
  readonly id: string
  readonly atMs: number
  /**
   * What a successful login clears the event by: the account's id, or the name of the identifier's counter if there is no
   * account. For a registration, the attempt's id. For a failed client authentication, empty.
   */
  readonly account: string
}

/** The stored record of one rule. */
export interface Tally {
  readonly format: 1
  /** In the order in which they were counted. */
  readonly events: readonly CountedEvent[]
  /** When events were counted above the threshold. They make the next challenge more difficult. */
  readonly exceededAtMs: readonly number[]
  /** When nothing of this record counts any more, in unix milliseconds. */
  readonly keepUntilMs: number
}

export const EMPTY_TALLY: Tally = { format: 1, events: [], exceededAtMs: [], keepUntilMs: 0 }

/** The highest difficulty. Every further `threshold` events above the limit add one, up to this. */
export const MAX_DIFFICULTY = 4
/** The most events that a tally keeps, over all accounts. */
const MAX_EVENTS = 1_000

/** @returns the events that count. */
export function eventsInWindow(
  { events }: Tally,
  { windowMs }: Limit,
  nowMs: number,
): readonly CountedEvent[] {
  return events.filter(({ atMs }) => nowMs - atMs < windowMs)
}

/** Adds an event, once for each id. @param exceeded whether the threshold is reached without it */
export function addEvent(tally: Tally, event: CountedEvent, exceeded: boolean, limit: Limit): Tally {
  if (tally.events.some(({ id }) => id === event.id)) return tally
  const events = keepNewest([...eventsInWindow(tally, limit, event.atMs), event], limit)
  const earlier = exceededInWindow(tally, limit, event.atMs)
  const exceededAtMs = exceeded ? [...earlier, event.atMs].slice(-MAX_DIFFICULTY * stepOf(limit)) : earlier
  const keepUntilMs = Math.max(tally.keepUntilMs, event.atMs + limit.windowMs)
  return { format: 1, events, exceededAtMs, keepUntilMs }
}

/** Removes the event of an attempt. */
export function removeEvent(tally: Tally, id: string): Tally {
  const released = tally.events.find((event) => event.id === id)
  if (released === undefined) return tally
  const index = tally.exceededAtMs.indexOf(released.atMs)
  const exceededAtMs = index === -1 ? tally.exceededAtMs : tally.exceededAtMs.toSpliced(index, 1)
  return { ...tally, exceededAtMs, events: tally.events.filter((event) => event !== released) }
}

/** Removes the events of one account. The difficulty of the next challenge does not change. */
export function removeAccountEvents(tally: Tally, account: string): Tally {
  const events = tally.events.filter(({ account: other }) => other !== account)
  return events.length === tally.events.length ? tally : { ...tally, events }
}

/**
 * @param inFlight the number of attempts in flight above the threshold, each of which may turn out to count
 * @returns the difficulty of the next challenge, 0 to MAX_DIFFICULTY. Every further `threshold` events above the limit add one.
 */
export function difficultyOf(tally: Tally, limit: Limit, inFlight: number, nowMs: number): number {
  const exceeded = exceededInWindow(tally, limit, nowMs).length + inFlight
  return Math.min(Math.floor(exceeded / stepOf(limit)), MAX_DIFFICULTY)
}

/** Accepts one step below the required difficulty, which is at least half of the required work. */
export function meetsDifficulty(difficulty: number, required: number): boolean {
  return difficulty >= required - 1
}

/** Removes all events, and resets the difficulty of the next challenge. */
export function removeAllEvents(tally: Tally): Tally {
  return tally.events.length + tally.exceededAtMs.length === 0 ? tally : EMPTY_TALLY
}

/** @returns the time until the oldest of the newest `threshold` events leaves the window; the whole window if it has no event */
export function resetAfterMs(
  timesMs: readonly number[],
  { threshold, windowMs }: Limit,
  nowMs: number,
): number {
  const eventAtMs = timesMs.toSorted((a, b) => a - b)[Math.max(0, timesMs.length - threshold)]
  return eventAtMs === undefined ? windowMs : eventAtMs + windowMs - nowMs
}

function exceededInWindow({ exceededAtMs }: Tally, { windowMs }: Limit, nowMs: number): readonly number[] {
  return exceededAtMs.filter((atMs) => nowMs - atMs < windowMs)
}

function stepOf({ threshold }: Limit): number {
  return Math.max(1, threshold)
}

/**
 * Keeps the newest events of each account, as many as the threshold: older ones never change a result. Whichever accounts are
 * cleared and whatever leaves the window, the kept events reach the threshold if and only if all events would, except beyond
 * MAX_EVENTS.
 */
function keepNewest(events: readonly CountedEvent[], limit: Limit): readonly CountedEvent[] {
  const newerOf = new Map<string, number>()
  const newestFirst = events.toReversed().filter(({ account }) => {
    const newer = newerOf.get(account) ?? 0
    newerOf.set(account, newer + 1)
    return newer < stepOf(limit)
  })
  return newestFirst.slice(0, MAX_EVENTS).reverse()
}
