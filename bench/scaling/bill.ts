/** Usage, and what it costs. */
import { OPERATION_NAMES, OPERATIONS, type Operation, PRODUCTION_TO_LOCAL_CPU } from './operations.ts'
import {
  LOG_DAYS,
  LOG_LINE_BYTES,
  type Meter,
  OBJECT_BYTES,
  OBJECT_GB,
  OBJECT_MS_PER_REQUEST,
  PRICES,
} from './platform.ts'
import { ACCOUNTS, ACCOUNTS_LOGGED_IN_SHARE, type Counts, DAYS_PER_MONTH } from './traffic.ts'

/** In the units of the meters' prices. */
export type Usage = Readonly<Record<Meter, number>>

const BYTES_PER_GB = 1e9
const MILLION = 1e6

/** The sum of one kind of cost over all operations. */
export function total(counts: Counts, cost: Exclude<keyof Operation, 'label'>): number {
  return OPERATION_NAMES.reduce((sum, name) => sum + (counts[name] ?? 0) * OPERATIONS[name][cost], 0)
}

export function objectRequests(counts: Counts): number {
  return total(counts, 'rpcs') + total(counts, 'alarms')
}

/** What the operations use, without storage other than logs. CPU time is that of a laptop. */
export function usageOf(counts: Counts): Usage {
  const logGb = (total(counts, 'logLines') * LOG_LINE_BYTES.value) / BYTES_PER_GB
  const awakeSeconds = (objectRequests(counts) * OBJECT_MS_PER_REQUEST.value) / 1_000
  return {
    requests: total(counts, 'requests') / MILLION,
    cpuMs: total(counts, 'localCpuMs') / MILLION,
    d1RowsRead: total(counts, 'd1RowsRead') / MILLION,
    d1RowsWritten: total(counts, 'd1RowsWritten') / MILLION,
    d1GbMonths: 0,
    objectRequests: objectRequests(counts) / MILLION,
    objectGbSeconds: (awakeSeconds * OBJECT_GB.value) / MILLION,
    objectRowsRead: total(counts, 'objectRowsRead') / MILLION,
    objectRowsWritten: total(counts, 'objectRowsWritten') / MILLION,
    objectGbMonths: 0,
    logGb,
    logGbMonths: (logGb * LOG_DAYS.value) / DAYS_PER_MONTH,
  }
}

/** A month of such days, with storage. */
export function monthOf(day: Counts, accountBytes: number): Usage {
  const counts = Object.fromEntries(OPERATION_NAMES.map((name) => [name, (day[name] ?? 0) * DAYS_PER_MONTH]))
  return {
    ...usageOf(counts),
    d1GbMonths: (ACCOUNTS * accountBytes) / BYTES_PER_GB,
    objectGbMonths: (ACCOUNTS * ACCOUNTS_LOGGED_IN_SHARE * OBJECT_BYTES.value) / BYTES_PER_GB,
  }
}

/** A price range: with the CPU time of the laptop, and with that of production. */
export interface Span {
  readonly low: number
  readonly high: number
}

/** @param included whether to subtract the month's included amount */
export function priceOf(meter: Meter, usage: Usage, included: boolean): Span {
  const { included: amount, usd } = PRICES[meter]
  const price = (used: number) => Math.max(0, used - (included ? amount : 0)) * usd
  const used = usage[meter]
  return { low: price(used), high: price(meter === 'cpuMs' ? used * PRODUCTION_TO_LOCAL_CPU : used) }
}

export function add(spans: readonly Span[]): Span {
  const sum = (end: keyof Span) => spans.reduce((whole, span) => whole + span[end], 0)
  return { low: sum('low'), high: sum('high') }
}
