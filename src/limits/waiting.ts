/** Who is let through, who waits and who is refused. Pure. */

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
