/** Measures loads in turn, so that whatever else the machine does meets all of them alike. */
import { type Load, measure, warmUp } from '../compare/load.ts'
import { median } from '../median.ts'

export interface Rounds {
  readonly count: number
  readonly durationMs: number
}

export interface Measured {
  /** How long an answer takes, the median of all rounds. */
  readonly answerMs: number
  /** That of each round by that of the first load in the same round, the median of all rounds. */
  readonly relative: number
}

/** @returns one for each load */
export async function alternate(
  loads: readonly Load[],
  concurrency: number,
  { count, durationMs }: Rounds,
): Promise<readonly Measured[]> {
  for (const load of loads) await warmUp(load, concurrency)
  await visit(loads, concurrency, durationMs)
  const rounds: (readonly number[])[] = []
  while (rounds.length < count) {
    const forth = rounds.length % 2 === 0
    const timesMs = await visit(forth ? loads : loads.toReversed(), concurrency, durationMs)
    rounds.push(forth ? timesMs : timesMs.toReversed())
  }
  return loads.map((_, index) => ({
    answerMs: median(rounds.map((timesMs) => timesMs[index] ?? Number.NaN)),
    relative: median(rounds.map((timesMs) => (timesMs[index] ?? Number.NaN) / (timesMs[0] ?? Number.NaN))),
  }))
}

async function visit(loads: readonly Load[], concurrency: number, durationMs: number): Promise<number[]> {
  const timesMs: number[] = []
  for (const load of loads)
    timesMs.push((1000 * concurrency) / (await measure(load, concurrency, durationMs)))
  return timesMs
}
