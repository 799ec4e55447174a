/** Building blocks of the pairs of calls that are compared. */
import { type Load, request } from './load.ts'
import { addressOf } from './seeds.ts'
import type { Stage, WorkerName } from './stage.ts'

/** The largest number of concurrent connections. */
export const MAX_CONCURRENCY = 32
/** How many accounts are created concurrently before the measurement. */
const SETUP_CONCURRENCY = 8

/** How much a measurement needs. */
export interface Sizes {
  readonly connections: number
  /** People with a session, at least one for each connection. Each logs in for the first time in a while. */
  readonly people: number
  /** People whose objects stay awake. */
  readonly awake: number
}

export interface Pair {
  /** The name of the call in the report. */
  readonly call: string
  readonly ours: Load
  readonly theirs: Load
  /** The name of the call that it is compared with. */
  readonly comparedWith: string
  /** The smallest allowed ratio of our requests per second to theirs, and at which concurrency it applies. */
  readonly target?: { readonly atLeast: number; readonly concurrency: readonly number[] }
  /** `slow` calls take some 100 ms each. Those of `once` have at most 1,000 people, each of whom makes the call once. */
  readonly pace?: 'slow' | 'once'
  /** What must have happened before each measurement. */
  readonly prepare?: () => Promise<void>
}

/** What a call is compared with. */
export type Other = Omit<Pair, 'call' | 'ours'>

/** Compares a call of Gatehouse with several others. */
export function compareWith(call: string, ours: Load, others: readonly Other[]): readonly Pair[] {
  return others.map((other) => ({ call, ours, ...other }))
}

export type Next = Load['next']
export type LoadsOn = (worker: WorkerName, next: Next, status?: number) => Load

export function loadsOn(stage: Stage): LoadsOn {
  return (worker, next, status = 200) => ({ port: stage.port(worker), status, next })
}

/**
 * @returns the next item of a connection. Each connection cycles through its own share of the list, so that no two use an
 * item at once.
 */
export function roundRobin<T>(list: readonly T[]): (connection: number) => T {
  const next = new Array<number>(MAX_CONCURRENCY).fill(0)
  return (connection) => {
    const turn = next[connection] ?? 0
    next[connection] = turn + 1
    const item = list[(connection + turn * MAX_CONCURRENCY) % list.length]
    if (item === undefined) throw new Error('the list is empty')
    return item
  }
}

/** @returns the next item for any connection */
export function inTurn<T>(list: readonly T[]): () => T {
  let next = 0
  return () => {
    const item = list[next % list.length]
    next += 1
    if (item === undefined) throw new Error('the list is empty')
    return item
  }
}

/** Maps the items, a few at a time. */
export async function mapConcurrently<T, U>(
  items: readonly T[],
  map: (item: T) => Promise<U>,
): Promise<readonly U[]> {
  const results: U[] = []
  const remaining = items.entries()
  const worker = async () => {
    for (const [index, item] of remaining) results[index] = await map(item)
  }
  await Promise.all(Array.from({ length: SETUP_CONCURRENCY }, worker))
  return results
}

export function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, number) => number)
}

export function get(path: string, bearer?: string): string {
  return request('GET', path, bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` })
}

/** @param address the number of the client's IP address */
export function post(path: string, body: object, address = 0): string {
  return request('POST', path, { 'CF-Connecting-IP': addressOf(address) }, body)
}

export function at32(atLeast: number) {
  return { atLeast, concurrency: [32] }
}

export function atBoth(atLeast: number) {
  return { atLeast, concurrency: [1, 32] }
}
