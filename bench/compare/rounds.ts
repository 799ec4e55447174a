/** Measures pairs, ours and theirs in turn, so that whatever else the machine does falls on both. */
import { median } from '../median.ts'
import { type Load, measure, warmUp } from './load.ts'
import { MAX_CONCURRENCY, type Pair } from './pair.ts'

interface Plan {
  /** Odd, so that a median is a round's. */
  readonly rounds: number
  readonly sliceMs: number
}

const FAST: Plan = { rounds: 17, sliceMs: 250 }
const SLOW: Plan = { rounds: 7, sliceMs: 1_500 }
/** As many calls of 100 ms as this at once take seconds, whatever the slice. */
const SLOW_AT_ONCE: Plan = { rounds: 5, sliceMs: 1_500 }
export const CONCURRENCIES = [1, MAX_CONCURRENCY]

export interface Rates {
  readonly concurrency: number
  /** Requests per second: medians over the rounds. */
  readonly ours: number
  readonly theirs: number
  /** The median of the rounds' own ratios, ours over theirs. */
  readonly ratio: number
}

export interface Result {
  readonly pair: Pair
  readonly rates: readonly Rates[]
}

/** Prints each result as it comes. */
export async function compareAll(pairs: readonly Pair[]): Promise<readonly Result[]> {
  const results: Result[] = []
  for (const pair of pairs) {
    await warmUp(pair.ours, MAX_CONCURRENCY)
    await warmUp(pair.theirs, MAX_CONCURRENCY)
    const rates: Rates[] = []
    for (const concurrency of CONCURRENCIES) rates.push(await compare(pair, concurrency))
    results.push({ pair, rates })
    console.log(lineOf({ pair, rates }))
  }
  return results
}

/** @throws where an answer is not the expected one */
export async function sendOnce(pairs: readonly Pair[]): Promise<void> {
  for (const { ours, theirs } of pairs) {
    await warmUp(ours, 2)
    await warmUp(theirs, 2)
  }
  console.log(`${pairs.length} pairs answer as expected.`)
}

async function compare(pair: Pair, concurrency: number): Promise<Rates> {
  const { rounds, sliceMs } = planOf(pair, concurrency)
  const rate = (load: Load) => measure(load, concurrency, sliceMs)
  const measured: { readonly ours: number; readonly theirs: number }[] = []
  for (let round = 0; round < rounds; round++) {
    // Neither is always the first.
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

function planOf({ slow }: Pair, concurrency: number): Plan {
  if (slow === undefined) return FAST
  return concurrency === 1 ? SLOW : SLOW_AT_ONCE
}

function lineOf({ pair: { call, beside }, rates }: Result): string {
  const shown = rates.map(({ concurrency, ours, theirs, ratio }) => {
    return `${concurrency}: ${ratio.toFixed(2)} (${ours.toFixed(0)} / ${theirs.toFixed(0)})`
  })
  return `${call.padEnd(22)}${beside.padEnd(36)}${shown.join('   ')}`
}
