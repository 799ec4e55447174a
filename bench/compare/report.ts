/** Writes the comparison into docs/benchmarks.md. */
import { cpus } from 'node:os'
import { grouped, readDocument, replaceSection, table, writeChart, writeDocument } from '../document.ts'
import { chartOf } from './chart.ts'
import { type ColdStart, ROUNDS, ratiosOf } from './cold-start.ts'
import type { CallHops, Hops } from './hops.ts'
import { CALLS, type Memory } from './memory.ts'
import type { Pair } from './pair.ts'
import { PLANS, type Rates, type Result } from './rounds.ts'

export interface Measured {
  readonly results: readonly Result[]
  readonly hops: readonly CallHops[]
  /** Gatehouse's first. */
  readonly starts: readonly ColdStart[]
  readonly memory: readonly Memory[]
}

/** What a round trip may take, in milliseconds. */
const HOP_MS = [1, 10, 30]

export function writeReport(measured: Measured): void {
  writeDocument(
    'benchmarks.md',
    replaceSection(readDocument('benchmarks.md'), 'comparison', textOf(measured)),
  )
  writeChart('benchmarks.svg', chartOf(measured.results))
}

function textOf({ results, hops, starts, memory }: Measured): string {
  const day = new Date().toISOString().slice(0, 10)
  return [
    `Measured on ${day}: Node.js ${process.versions.node}, ${cpus().length} cores (${cpus()[0]?.model.trim()}).`,
    RATES,
    ratesTable(results),
    '![Requests per second at 32 connections](benchmarks.svg)',
    HOPS,
    hopsTable(hops),
    STARTS,
    startsTable(starts),
    MEMORY,
    memoryTable(memory),
  ].join('\n\n')
}

const { withTarget, withoutTarget, slow, slowConcurrent } = PLANS

const RATES = `### Throughput

Requests per second, ours and theirs, and the ratio of ours to theirs: 0.80 means that Gatehouse serves 80 requests in the time in
which the other serves 100. Throughput on one machine is a measure of CPU time; it does not show the time that a user waits for
the network, which the next table shows. Ours and theirs are measured alternately, in slices of ${withTarget.sliceMs} ms:
${withTarget.rounds} rounds if the row has a target, ${withoutTarget.rounds} if it has none. Calls that take 100 ms have slices of
at least ${slow.sliceMs / 1000} s, ${slow.rounds} rounds with 1 connection and ${slowConcurrent.rounds} with 32. The rates are medians; the ratio is the
median of the ratios of the rounds. A target is the smallest allowed ratio.`

const HOPS = `### Round trips, and the time that they take

In production each round trip to D1 or to a Durable Object crosses a network, which takes far longer than the CPU time of most calls.
These are the round trips of a call that wait for each other before the response, counted by delaying each of them: those that
overlap count once. "First" is the first request of an isolate, which has nothing cached. The milliseconds are computed: the round
trips, multiplied by ${HOP_MS.join(', ')} ms. They do not include the user's way to the Worker, the origin behind the gateway, or CPU
time, of which the password's hash takes some 100 ms in a login and in a registration at either side.`

const STARTS = `### Cold start

The time from the start of a workerd process to the first response, the median of ${ROUNDS} rounds in which the Workers take turns. The
start of the process takes most of it. What Miniflare does before it starts the process is not included. Gatehouse and Better Auth return their key sets, which they read from D1. The bare Hono
Worker has no database; the bare Worker has Gatehouse's bindings, reads from D1 once and uses no library. The ratio is
Gatehouse's time divided by the other's; \`npm run bench:quick\` fails if it exceeds the budget each of four times.`

const MEMORY = `### Memory

The live objects on the JavaScript heap of a Worker's isolate after a garbage collection, when each call of the table of round trips was
sent ${CALLS} times. It does not include the runtime's own memory. Cloudflare allows an isolate 128 MB.`

function ratesTable(results: readonly Result[]): string {
  const head = [
    'call',
    'compared with',
    '1 connection: ours / theirs',
    'ratio',
    '32 connections: ours / theirs',
    'ratio',
    'target',
    '',
  ]
  return table(head, results.map(rowOf))
}

function rowOf({ pair, rates }: Result): readonly string[] {
  const cells = rates.flatMap(({ ours, theirs, ratio }) => [
    `${rate(ours)} / ${rate(theirs)}`,
    ratio.toFixed(2),
  ])
  return [pair.call, pair.comparedWith, ...cells, targetOf(pair), statusOf(pair, rates)]
}

function targetOf({ target }: Pair): string {
  if (target === undefined) return ''
  const at =
    target.concurrency.length > 1 ? '' : target.concurrency[0] === 1 ? ', 1 connection' : ', 32 connections'
  return `${target.atLeast.toFixed(2)}${at}`
}

function statusOf({ target }: Pair, rates: readonly Rates[]): string {
  if (target === undefined) return ''
  const measured = rates.filter(({ concurrency }) => target.concurrency.includes(concurrency))
  return verdict(measured.every(({ ratio }) => ratio >= target.atLeast))
}

function verdict(isMet: boolean): string {
  return isMet ? 'met' : '**missed**'
}

function hopsTable(hops: readonly CallHops[]): string {
  const at = `at ${HOP_MS.join(' / ')} ms`
  const head = ['call', 'Gatehouse', at, 'first', at, 'Better Auth', '', at, 'first', at]
  const rows = hops.map(({ call, ours, theirs }) => {
    const peer = theirs === undefined ? ['', '', '', '', ''] : [theirs.call, ...hopCells(theirs.hops)]
    return [call, ...hopCells(ours), ...peer]
  })
  return table(head, rows)
}

function hopCells({ warm, cold }: Hops): readonly string[] {
  return [warm, cold].flatMap((hops) => {
    return [String(hops), `${HOP_MS.map((ms) => hops * ms).join(' / ')} ms`]
  })
}

function startsTable(starts: readonly ColdStart[]): string {
  const ratios = ratiosOf(starts)
  const rows = starts.map(({ name, ms, gzipBytes }) => {
    const found = ratios.find((ratio) => ratio.name === name)
    const cells =
      found === undefined
        ? ['', '', '']
        : [found.ratio.toFixed(2), found.budget.toFixed(2), verdict(found.ratio <= found.budget)]
    return [name, `${grouped(ms)} ms`, ...cells, `${grouped(gzipBytes / 1024)} KiB`]
  })
  return table(['Worker', 'first response', 'ratio', 'budget', '', 'bundle, gzip'], rows)
}

function memoryTable(memory: readonly Memory[]): string {
  const rows = memory.map(({ name, heapBytes }) => [name, `${(heapBytes / 2 ** 20).toFixed(1)} MiB`])
  return table(['Worker', 'heap'], rows)
}

function rate(perSecond: number): string {
  const digits = perSecond < 100 ? 1 : 0
  return perSecond.toLocaleString('en-GB', { maximumFractionDigits: digits })
}
