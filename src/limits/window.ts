/**
 * What counts against a key, in an exact sliding window. Pure: tallies, events and the time in, tallies and
 * standings out. An event counts while `now - t < window`.
 */

export interface Limit {
  readonly windowMs: number
  readonly threshold: number
}

/** Something that counts: a registration, or a failed log in. */
export interface CountedEvent {
  /** The attempt's. */
  readonly id: string
  readonly atMs: number
  /** Whose failure it is; a later success of the same one clears it. A registration's own id. */
  readonly account: string
}

/** What is kept of one rule. */
export interface Tally {
  readonly format: 1
  /** In the order in which they were counted. */
  readonly events: readonly CountedEvent[]
  /** When events were counted past the threshold: what makes the next challenge dearer. */
  readonly furtherAtMs: readonly number[]
  /** When nothing of this counts any more, in unix milliseconds. */
  readonly keepUntilMs: number
}

export const EMPTY: Tally = { format: 1, events: [], furtherAtMs: [], keepUntilMs: 0 }

/** Further thresholds that make the challenge dearer; those beyond change nothing. */
export const MAX_DIFFICULTY = 4
/** Of all accounts together. */
const MAX_EVENTS = 1_000

/** @returns the events that count. */
export function eventsInWindow(
  { events }: Tally,
  { windowMs }: Limit,
  nowMs: number,
): readonly CountedEvent[] {
  return events.filter(({ atMs }) => nowMs - atMs < windowMs)
}

/** Counts an event, once for each id. @param further whether the threshold is filled without it */
export function count(tally: Tally, event: CountedEvent, further: boolean, limit: Limit): Tally {
  if (tally.events.some(({ id }) => id === event.id)) return tally
  const events = keepNewest([...eventsInWindow(tally, limit, event.atMs), event], limit)
  const earlier = furtherInWindow(tally, limit, event.atMs)
  const furtherAtMs = further ? [...earlier, event.atMs].slice(-MAX_DIFFICULTY * stepOf(limit)) : earlier
  const keepUntilMs = Math.max(tally.keepUntilMs, event.atMs + limit.windowMs)
  return { format: 1, events, furtherAtMs, keepUntilMs }
}

/** Takes back what an attempt counted. */
export function takeBack(tally: Tally, id: string): Tally {
  const taken = tally.events.find((event) => event.id === id)
  if (taken === undefined) return tally
  const further = tally.furtherAtMs.indexOf(taken.atMs)
  const furtherAtMs = further === -1 ? tally.furtherAtMs : tally.furtherAtMs.toSpliced(further, 1)
  return { ...tally, furtherAtMs, events: tally.events.filter((event) => event !== taken) }
}

/** Clears the failures of one account. How dear the next challenge is stays. */
export function clear(tally: Tally, account: string): Tally {
  const events = tally.events.filter(({ account: other }) => other !== account)
  return events.length === tally.events.length ? tally : { ...tally, events }
}

/**
 * How dear a challenge is: how often the threshold was filled once more after it was full, 0 to MAX_DIFFICULTY.
 * @param underWay attempts past the threshold that are under way: each may turn out to be one more
 */
export function difficultyOf(tally: Tally, limit: Limit, underWay: number, nowMs: number): number {
  const further = furtherInWindow(tally, limit, nowMs).length + underWay
  return Math.min(Math.floor(further / stepOf(limit)), MAX_DIFFICULTY)
}

/** Whether a challenge of one level is at least half as dear as one of another. */
export function meetsDifficulty(level: number, asked: number): boolean {
  return level >= asked - 1
}

/** Clears everything. */
export function clearAll(tally: Tally): Tally {
  return tally.events.length + tally.furtherAtMs.length === 0 ? tally : EMPTY
}

/** How long until one more would be let through than now; the whole window where nothing that counts can leave it. */
export function resetAfterMs(
  timesMs: readonly number[],
  { threshold, windowMs }: Limit,
  nowMs: number,
): number {
  const leaving = timesMs.toSorted((a, b) => a - b)[Math.max(0, timesMs.length - threshold)]
  return leaving === undefined ? windowMs : leaving + windowMs - nowMs
}

function furtherInWindow({ furtherAtMs }: Tally, { windowMs }: Limit, nowMs: number): readonly number[] {
  return furtherAtMs.filter((atMs) => nowMs - atMs < windowMs)
}

function stepOf({ threshold }: Limit): number {
  return Math.max(1, threshold)
}

/**
 * The newest `threshold` of each account are all that can ever matter: whichever other accounts are cleared, and
 * whatever leaves the window, the rest fills the threshold exactly when all would have.
 */
function keepNewest(events: readonly CountedEvent[], limit: Limit): readonly CountedEvent[] {
  const seen = new Map<string, number>()
  const newestFirst = events.toReversed().filter(({ account }) => {
    const newer = seen.get(account) ?? 0
    seen.set(account, newer + 1)
    return newer < stepOf(limit)
  })
  return newestFirst.slice(0, MAX_EVENTS).reverse()
}
