/** A frozen clock, in the future: an alarm set in the past would fire at once. */
import { vi } from 'vitest'

export const FROZEN_MS = 4_000_000_000_000

export function freeze(atMs = FROZEN_MS): void {
  vi.useFakeTimers({ toFake: ['Date'] })
  vi.setSystemTime(atMs)
}

export function advance(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000)
}

export function thaw(): void {
  vi.useRealTimers()
}
