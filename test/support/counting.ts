/** Bindings that count what is asked of them, and fail where a test says so. Real D1 and objects are behind them. */
import { type Bindings, intercept } from './intercept.ts'

export interface Counts {
  /** Round trips to D1: a batch is one. */
  d1: number
  /** Calls of objects. */
  rpc: number
}

/** What to do around a call: throw before it happens, or after it happened, as when an answer is lost or late. */
export interface Fault {
  readonly before?: boolean
  readonly after?: boolean
  /** Keeps the answer back until then. */
  readonly until?: Promise<unknown>
}

export interface Watched {
  readonly bindings: Bindings
  readonly counts: Counts
  reset(): void
  /** Each call of this name fails from now on. */
  fail(name: string, fault: Fault): void
  mend(): void
}

export function watch(): Watched {
  const counts: Counts = { d1: 0, rpc: 0 }
  const faults = new Map<string, Fault>()

  const bindings = intercept(async ({ binding, name }, work) => {
    counts[binding === 'DB' ? 'd1' : 'rpc'] += 1
    if (faults.get(name)?.before) throw new Error(`${name}: out of reach`)
    const result = await work()
    await faults.get(name)?.until
    if (faults.get(name)?.after) throw new Error(`${name}: answer lost`)
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
