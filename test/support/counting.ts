/** Bindings that count their round trips, and fail where a test injects a fault. They wrap real D1 and objects. */
import { type Bindings, intercept } from './intercept.ts'

export interface Counts {
  /** Round trips to D1. A batch is one. */
  d1: number
  /** RPCs to Durable Objects. */
  rpc: number
}

/** A fault of a round trip: an error before it happens or after it happened (a lost result), or a late result. */
export interface Fault {
  readonly before?: boolean
  readonly after?: boolean
  /** Delays the result until this settles. */
  readonly until?: Promise<unknown>
}

export interface Watched {
  readonly bindings: Bindings
  readonly counts: Counts
  reset(): void
  /** Each call of the given name has the fault from now on. */
  fail(name: string, fault: Fault): void
  mend(): void
}

export function watch(): Watched {
  const counts: Counts = { d1: 0, rpc: 0 }
  const faults = new Map<string, Fault>()

  const bindings = intercept(async ({ binding, name }, work) => {
    counts[binding === 'DB' ? 'd1' : 'rpc'] += 1
    const fault = faults.get(name)
    if (fault?.before) throw new Error(`${name}: unavailable`)
    const result = await work()
    await fault?.until
    if (fault?.after) throw new Error(`${name}: result lost`)
    return result
  })

  return {
    bindings,
    counts,
    reset: () => Object.assign(counts, { d1: 0, rpc: 0 }),
    fail: (name, fault) => faults.set(name, fault),
    mend: () => faults.clear(),
  }
}
