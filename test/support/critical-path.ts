/** Delays round trips, and counts those that wait for each other. */
import type { Interceptor } from './intercept.ts'

/** Long enough that calls which begin together overlap. */
const DELAY_MS = 60

/** One round trip, from the moment it begins to the moment its result is there. Times of a clock that counts these moments. */
interface Trip {
  readonly from: number
  readonly to: number
}

export class CriticalPath {
  #clock = 0
  #trips: readonly Trip[] = []

  /** To be passed to `intercept`. */
  readonly delay: Interceptor = async (_trip, work) => {
    const from = this.#tick()
    await new Promise((resolve) => setTimeout(resolve, DELAY_MS))
    try {
      return await work()
    } finally {
      this.#trips = [...this.#trips, { from, to: this.#tick() }]
    }
  }

  /** Forgets all round trips so far. */
  reset(): void {
    this.#trips = []
  }

  /** The number of round trips in a row, of the longest row. */
  get hops(): number {
    const depths: number[] = []
    // They are in the order in which they ended.
    for (const { from } of this.#trips) {
      const before = this.#trips
        .slice(0, depths.length)
        .flatMap((trip, at) => (trip.to < from ? (depths[at] ?? 0) : 0))
      depths.push(1 + Math.max(0, ...before))
    }
    return Math.max(0, ...depths)
  }

  #tick(): number {
    this.#clock += 1
    return this.#clock
  }
}
