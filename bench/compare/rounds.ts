/** Measures pairs, alternating between ours and theirs, so that other load on the machine affects both. */
import { median } from '../median.ts'
import { type Load, measure, warmUp } from './load.ts'
import { MAX_CONCURRENCY, type Pair } from './pair.ts'

interface Plan {
  /** Odd, so that the median is the value of one round. */
  readonly rounds: number
  readonly sliceMs: number
}

export const PLANS = {
  /** A ratio with a target must be repeatable; the others only inform. */
  withTarget: { rounds: 25, sliceMs: 250 },
  withoutTarget: { rounds: 9, sliceMs: 250 },
  slow: { rounds: 5, sliceMs: 1_500 },
  /** 32 concurrent calls of 100 ms take seconds, whatever the slice. */
  slowConcurrent: { rounds: 3, sliceMs: 1_500 },
} as const satisfies Record<string, Plan>
export const CONCURRENCIES = [1, MAX_CONCURRENCY]

export interface Rates {
  readonly concurrency: number
  /** Requests per second, medians of the rounds. */
  readonly ours: number
  readonly theirs: number
  /** The median of the ratios of the rounds, ours divided by theirs. */
  readonly ratio: number
}

export interface Result {
  readonly pair: Pair
  readonly rates: readonly Rates[]
}

/** Prints each result as soon as it is measured. */
export async function compareAll(pairs: readonly Pair[]): Promise<readonly Result[]> {
  const results: Result[] = []
  for (const pair of pairs) {
    await warmUp(pair.ours, MAX_CONCURRENCY)
    await warmUp(pair.theirs, MAX_CONCURRENCY)
    const rates: Rates[] = []
    for (const concurrency of CONCURRENCIES) {
      await pair.prepare?.()
      rates.push(await compare(pair, concurrency))
    }
    results.push({ pair, rates })
    console.log(lineOf({ pair, rates }))
  }
  return results
}

/** @throws if a response has an unexpected status */
export async function sendOnce(pairs: readonly Pair[]): Promise<void> {
  for (const { ours, theirs } of pairs) {
    await warmUp(ours, 2)
    await warmUp(theirs, 2)
  }
  console.log(`All ${pairs.length} pairs respond as expected.`)
}

async function compare(pair: Pair, concurrency: number): Promise<Rates> {
  const { rounds, sliceMs } = planOf(pair, concurrency)
  const rate = (load: Load) => measure(load, concurrency, sliceMs)
  const measured: { readonly ours: number; readonly theirs: number }[] = []
  for (let round = 0; round < rounds; round++) {
    // Take turns in being first.
    const oursFirst = round % 2 === 0
    const first = await rate(oursFirst ? pair.ours : pair.theirs)
    const second = await rate(oursFirst ? pair.theirs : pair.ours)
    measured.push(oursFirst ? { ours: first, theirs: second } : { ours: second, theirs: first })
  }
  return {
    concurrency,
    ours: median(measured.map(({ ours }) => ours)),
    theirs: median(measured.map(({ theirs }) => theirs)),
    ratio: median(measured.map(({ ours, theirs }) => ours / theirs)),
  }
}

function planOf({ pace, target }: Pair, concurrency: number): Plan {
  if (pace === 'slow') return concurrency === 1 ? PLANS.slow : PLANS.slowConcurrent
  return pace === 'once' || target === undefined ? PLANS.withoutTarget : PLANS.withTarget
}

function lineOf({ pair: { call, comparedWith }, rates }: Result): string {
  const shown = rates.map(({ concurrency, ours, theirs, ratio }) => {
    return `${concurrency}: ${ratio.toFixed(2)} (${ours.toFixed(0)} / ${theirs.toFixed(0)})`
  })
  return `${call.padEnd(26)}${comparedWith.padEnd(38)}${shown.join('   ')}`
}
