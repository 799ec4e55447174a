/** Writes the comparison into docs/benchmarks.md. */
import { cpus } from 'node:os'
import { readDocument, replaceSection, table, writeChart, writeDocument } from '../document.ts'
import { chartOf } from './chart.ts'
import type { ColdStart } from './cold-start.ts'
import type { Pair } from './pair.ts'
import type { Rates, Result } from './rounds.ts'
import type { Bundles } from './stage.ts'

export interface Measured {
  readonly results: readonly Result[]
  readonly starts: readonly ColdStart[]
  readonly bundles: Bundles
}

export function writeReport(measured: Measured): void {
  writeDocument(
    'benchmarks.md',
    replaceSection(readDocument('benchmarks.md'), 'comparison', textOf(measured)),
  )
  writeChart('benchmarks.svg', chartOf(measured.results))
}

function textOf({ results, starts, bundles }: Measured): string {
  const day = new Date().toISOString().slice(0, 10)
  return [
    `Measured on ${day}: Node.js ${process.versions.node}, ${cpus().length} cores (${cpus()[0]?.model.trim()}).`,
    ratesTable(results),
    startsTable(starts, bundles),
  ].join('\n\n')
}

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
  return measured.every(({ ratio }) => ratio >= target.atLeast) ? 'met' : '**missed**'
}

function startsTable(starts: readonly ColdStart[], { floor, gatehouse, peer }: Bundles): string {
  const gzipBytes = [floor, gatehouse, peer].map((bundle) => bundle.gzipBytes)
  const rows = starts.map(({ name, ms }, index) => {
    return [name, `${Math.round(ms)} ms`, `${((gzipBytes[index] ?? 0) / 1024).toFixed(0)} KiB`]
  })
  return table(['Worker', 'cold start to first response', 'bundle, gzip'], rows)
}

function rate(perSecond: number): string {
  const digits = perSecond < 100 ? 1 : 0
  return perSecond.toLocaleString('en-GB', { maximumFractionDigits: digits })
}
