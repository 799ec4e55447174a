/** An isolate in which one round trip fails: at a given position, in a given way. */
import { env } from 'cloudflare:workers'
import { vi } from 'vitest'
import type { Env } from '../../src/config/env.ts'
import { isolateFor } from '../../src/isolate.ts'
import { MAX_WAIT_MS } from '../../src/limits/counter.ts'
import { DEADLINE_MS } from '../../src/runtime/deadline.ts'
import type { Fetch } from './client.ts'
import { EVERY_TASK } from './database.ts'
import { intercept, type RoundTrip } from './intercept.ts'

export const FAULTS = [
  /** An error, and nothing happened. */
  'refused',
  /** An error although it happened: the result is lost. */
  'lost',
  /** Stalls until the caller has timed out, and happens then. */
  'late',
  /** An overload error, and nothing happened. */
  'overloaded',
  /** The isolate stops before it happened. */
  'stopped before',
  /** The isolate stops after it happened. */
  'stopped after',
] as const
export type FaultKind = (typeof FAULTS)[number]

/** The position of a round trip in the isolate, from 1, and its fault, or other work that runs just before it. */
export type Fault = { readonly at: number } & (
  | { readonly kind: FaultKind }
  | { readonly interleaved: () => Promise<unknown> }
)

/** The entry points of an isolate. */
export interface Isolate {
  readonly fetch: Fetch
  readonly cron: () => Promise<void>
}

export interface IsolateRun {
  /** Null if the isolate stopped. */
  readonly response: Response | null
  /** The round trips, in order. */
  readonly trips: readonly string[]
}

/** Runs work in a new isolate, including work after the response and round trips that happen late. */
export async function runIsolate(
  work: (isolate: Isolate) => Promise<Response>,
  fault: Fault | null,
  changes: Partial<Env> = {},
): Promise<IsolateRun> {
  const trips: string[] = []
  const stopped = Promise.withResolvers<null>()
  const responded = Promise.withResolvers<void>()
  const left: Promise<unknown>[] = []
  let down = false

  const stop = () => {
    down = true
    stopped.resolve(null)
    return never()
  }
  const fail: Record<FaultKind, (trip: RoundTrip, happen: () => Promise<unknown>) => Promise<unknown>> = {
    refused: async ({ name }) => Promise.reject(new Error(`${name}: unavailable`)),
    lost: async ({ name }, happen) => {
      await happen()
      throw new Error(`${name}: result lost`)
    },
    late: (_trip, happen) => {
      deadlineIsNow()
      const happening = responded.promise.then(happen)
      left.push(happening)
      return happening
    },
    overloaded: async ({ binding }) => Promise.reject(overload(binding)),
    'stopped before': async () => stop(),
    'stopped after': async (_trip, happen) => {
      await happen()
      return stop()
    },
  }
  const bindings = intercept(async (trip, happen) => {
    if (down) return never()
    trips.push(`${trip.binding}.${trip.name}`)
    if (trips.length !== fault?.at) return happen()
    if ('kind' in fault) return fail[fault.kind](trip, happen)
    await fault.interleaved()
    return happen()
  }, changes.DB)
  const own = { ...env, ...changes, ...bindings }
  const context = {
    waitUntil: (work: Promise<unknown>) => void left.push(work),
    passThroughOnException: () => undefined,
  } as unknown as ExecutionContext
  const isolate: Isolate = {
    fetch: async (request) => isolateFor(own).app.fetch(request, own, context),
    cron: () => isolateFor(own).maintain(context, EVERY_TASK),
  }

  const response = await Promise.race([work(isolate), stopped.promise])
  responded.resolve()
  for (const each of left) await Promise.race([Promise.allSettled([each]), stopped.promise])
  return { response, trips }
}

function never(): Promise<never> {
  return new Promise(() => undefined)
}

/** The error texts of the platform's documentation. */
function overload(binding: RoundTrip['binding']): Error {
  if (binding === 'DB') return new Error('D1_ERROR: D1 DB is overloaded. Requests queued for too long.')
  const error = new Error('Durable Object is overloaded. Requests queued for too long.')
  return Object.assign(error, { overloaded: true, retryable: false })
}

const DEADLINES = [DEADLINE_MS, DEADLINE_MS + MAX_WAIT_MS]
let expiresNow = false

/** Makes the deadline that the caller sets now, if any, expire at once. */
export function deadlineIsNow(): void {
  expiresNow = true
  queueMicrotask(() => {
    expiresNow = false
  })
}

/** Lets deadlines expire without waiting. Undone by vi.restoreAllMocks. */
export function controlDeadlines(): void {
  const set = globalThis.setTimeout.bind(globalThis)
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(((work: () => void, ms: number) => {
    return set(work, expiresNow && DEADLINES.includes(ms) ? 0 : ms)
  }) as typeof setTimeout)
}

/** PBKDF2 with one iteration in place of 100,000, for tests that derive thousands of passwords. */
export function useFastPasswords(): void {
  const derive = crypto.subtle.deriveBits.bind(crypto.subtle)
  vi.spyOn(crypto.subtle, 'deriveBits').mockImplementation((algorithm, key, length) =>
    derive(
      'iterations' in Object(algorithm) ? { ...Object(algorithm), iterations: 1 } : algorithm,
      key,
      length,
    ),
  )
}
