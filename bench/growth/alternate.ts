/** Measures loads alternately, so that other load on the machine affects all of them equally. */
import { type Load, measure, warmUp } from '../compare/load.ts'
import { median } from '../median.ts'

export interface Rounds {
  readonly count: number
  readonly durationMs: number
}

export interface Measured {
  /** The time of a response, median of all rounds. */
  readonly responseMs: number
  /** The ratio to the first load in the same round, median of all rounds. */
  readonly relative: number
}

/** @returns one result for each load */
export async function alternate(
  loads: readonly Load[],
  concurrency: number,
  { count, durationMs }: Rounds,
): Promise<readonly Measured[]> {
  for (const load of loads) await warmUp(load, concurrency)
  await visit(loads, concurrency, durationMs)
  const rounds: (readonly number[])[] = []
  while (rounds.length < count) {
    const isForward = rounds.length % 2 === 0
    const timesMs = await visit(isForward ? loads : loads.toReversed(), concurrency, durationMs)
    rounds.push(isForward ? timesMs : timesMs.toReversed())
  }
  return loads.map((_, index) => ({
    responseMs: median(rounds.map((timesMs) => timesMs[index] ?? Number.NaN)),
    relative: median(rounds.map((timesMs) => (timesMs[index] ?? Number.NaN) / (timesMs[0] ?? Number.NaN))),
  }))
}

async function visit(loads: readonly Load[], concurrency: number, durationMs: number): Promise<number[]> {
  const timesMs: number[] = []
  for (const load of loads)
    timesMs.push((1000 * concurrency) / (await measure(load, concurrency, durationMs)))
  return timesMs
}
