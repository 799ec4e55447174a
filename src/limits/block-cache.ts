/**
 * A cache of the keys that are blocked, per isolate. Further attempts are refused without waking the counter. The counter is
 * read again every few seconds, because it may admit attempts earlier than it predicted.
 */
import { BoundedMap } from '../runtime/bounded-map.ts'
import type { LimitStatus } from './counter-rpc.ts'
import type { RuleName } from './rules.ts'
import type { Limit } from './window.ts'

const MAX_CACHED = 10_000
const CACHE_LIFETIME_MS = 5_000

/** A key under a rule with its current limit: a rule that changes does not use earlier entries. */
export interface BlockCacheKey {
  readonly name: RuleName
  readonly limit: Limit
  readonly counter: string
}

interface Block {
  readonly status: LimitStatus
  readonly sinceMs: number
}

export class BlockCache {
  readonly #blocks = new BoundedMap<Block>(MAX_CACHED)

  /** Stores a key that counted events block. One that only pending attempts block may be admitted at any moment. */
  set(key: BlockCacheKey, status: LimitStatus, nowMs: number): void {
    if (status.exhausted) this.#blocks.set(cacheKeyOf(key), { status, sinceMs: nowMs })
  }

  /** @returns the current limit status of a blocked key, or null if its counter must be read */
  get(key: BlockCacheKey, nowMs: number): LimitStatus | null {
    const block = this.#blocks.get(cacheKeyOf(key))
    if (block === undefined) return null
    const elapsedMs = nowMs - block.sinceMs
    const resetInMs = block.status.resetInMs - elapsedMs
    return elapsedMs < CACHE_LIFETIME_MS && resetInMs > 0 ? { ...block.status, resetInMs } : null
  }
}

function cacheKeyOf({ name, limit, counter }: BlockCacheKey): string {
  return `${name} ${limit.threshold} ${limit.windowMs} ${counter}`
}
