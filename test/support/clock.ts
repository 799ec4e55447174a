/** A frozen clock, in the future: an alarm set in the past would fire at once. */
import { vi } from 'vitest'
import type { CacheContext } from '../../src/runtime/isolate-cache.ts'

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

/** A request that begins at this time and uses caches. `finish` waits for its work in the background. */
export function requestAt(nowMs = FROZEN_MS): CacheContext & { readonly finish: () => Promise<unknown> } {
  const background: Promise<unknown>[] = []
  return {
    nowMs,
    waitUntil: (work) => void background.push(work),
    finish: () => Promise.all(background),
  }
}
