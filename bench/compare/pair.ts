/** What two calls that are compared are made of. */
import { type Load, request } from './load.ts'
import { addressOf } from './seeds.ts'
import type { Stage, WorkerName } from './stage.ts'

/** How many connections there are at once at the most. */
export const MAX_CONCURRENCY = 32
/** How many are made at once before anything is measured. */
const LANES = 8

export interface Pair {
  /** What is called, as the report says it. */
  readonly call: string
  readonly ours: Load
  readonly theirs: Load
  /** What it stands beside. */
  readonly beside: string
  /** The least share of their requests per second that ours may be, and at which concurrency. */
  readonly target?: { readonly atLeast: number; readonly concurrency: readonly number[] }
  /** Calls that take some 100 ms each. */
  readonly slow?: true
}

export type Next = Load['next']
export type LoadsOn = (worker: WorkerName, next: Next, status?: number) => Load

export function loadsOn(stage: Stage): LoadsOn {
  return (worker, next, status = 200) => ({ port: stage.port(worker), status, next })
}

/** @returns what is each connection's next: its own share of the list, over and over, so that no two use one at once */
export function turns<T>(list: readonly T[]): (connection: number) => T {
  const next = new Array<number>(MAX_CONCURRENCY).fill(0)
  return (connection) => {
    const turn = next[connection] ?? 0
    next[connection] = turn + 1
    const item = list[(connection + turn * MAX_CONCURRENCY) % list.length]
    if (item === undefined) throw new Error('there is nobody')
    return item
  }
}

/** @returns what is made of each item, a few at a time */
export async function inLanes<T, U>(
  items: readonly T[],
  make: (item: T) => Promise<U>,
): Promise<readonly U[]> {
  const made: U[] = []
  const left = items.entries()
  const lane = async () => {
    for (const [index, item] of left) made[index] = await make(item)
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  return made
}

export function eachConnection<T>(make: (connection: number) => Promise<T>): Promise<readonly T[]> {
  return inLanes(numbers(MAX_CONCURRENCY), make)
}

export function numbers(count: number): readonly number[] {
  return Array.from({ length: count }, (_, number) => number)
}

export function get(path: string, bearer?: string): string {
  return request('GET', path, bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` })
}

/** @param address the number of the client's */
export function post(path: string, body: object, address = 0): string {
  return request('POST', path, { 'CF-Connecting-IP': addressOf(address) }, body)
}

export function at32(atLeast: number) {
  return { atLeast, concurrency: [32] }
}

export function atBoth(atLeast: number) {
  return { atLeast, concurrency: [1, 32] }
}
