/** How numbers are written in a document. */
import type { Span } from './bill.ts'

const MILLION = 1e6

export function spanText({ low, high }: Span, show: (value: number) => string): string {
  return show(low) === show(high) ? show(low) : `${show(low)} to ${show(high)}`
}

/** Two significant digits below 10. */
export function round(value: number): string {
  const digits = value < 10 ? { maximumSignificantDigits: 2 } : { maximumFractionDigits: 0 }
  return value.toLocaleString('en-GB', digits)
}

export function dollars(value: number): string {
  return value >= 100 ? `$${round(value)}` : `$${value.toFixed(2)}`
}

export function percent(share: number): string {
  return `${(share * 100).toLocaleString('en-GB', { maximumSignificantDigits: 2 })} %`
}

export function millions(value: number): string {
  return `${(value / MILLION).toLocaleString('en-GB', { maximumFractionDigits: 0 })} million`
}

export function compact(value: number): string {
  return value.toLocaleString('en-GB', { notation: 'compact', maximumSignificantDigits: 3 })
}
