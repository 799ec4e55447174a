/** How many requests are sent, and how numbers are written. */
import { type Load, measure } from '../compare/load.ts'

/** Sends so many requests and no more. */
export async function sendExactly(count: number, load: Load, connections: number): Promise<void> {
  let left = count
  const next: Load['next'] = (connection, answered) => {
    left -= 1
    return left < 0 ? '' : load.next(connection, answered)
  }
  await measure({ ...load, next }, Math.min(connections, count), Number.POSITIVE_INFINITY)
}

/** As 1,000,000. */
export function grouped(number: number): string {
  return number.toLocaleString('en-GB', { maximumFractionDigits: 0 })
}

export function milliseconds(ms: number): string {
  return `${ms.toFixed(ms < 10 ? 2 : 0)} ms`
}
