/**
 * Which keys this isolate knows to be blocked: who goes on trying is refused without waking the counter. It is asked again
 * every few seconds, since a place may come free before its time.
 */

import type { RuleName } from '../config/limits.ts'
import { BoundedMap } from '../runtime/bounded-map.ts'
import type { LimitStatus } from './counter-rpc.ts'
import type { Limit } from './window.ts'

const MAX_KNOWN = 10_000
const ASK_AGAIN_AFTER_MS = 5_000

/** A rule as it is in force: a changed one blocks nobody by what was known before. */
export interface BlockedKey {
  readonly name: RuleName
  readonly limit: Limit
  readonly counter: string
}

interface Block {
  readonly status: LimitStatus
  readonly sinceMs: number
}

export class BlockCache {
  readonly #blocks = new BoundedMap<Block>(MAX_KNOWN)

  /** Remembers a key that what counts has blocked; one that pending attempts stand in the way of may pass at any moment. */
  note(key: BlockedKey, status: LimitStatus, nowMs: number): void {
    if (status.exhausted) this.#blocks.set(textOf(key), { status, sinceMs: nowMs })
  }

  /** @returns how a blocked key stands now, or null where its counter must say */
  find(key: BlockedKey, nowMs: number): LimitStatus | null {
    const block = this.#blocks.get(textOf(key))
    if (block === undefined) return null
    const elapsedMs = nowMs - block.sinceMs
    const resetInMs = block.status.resetInMs - elapsedMs
    return elapsedMs < ASK_AGAIN_AFTER_MS && resetInMs > 0 ? { ...block.status, resetInMs } : null
  }
}

function textOf({ name, limit, counter }: BlockedKey): string {
  return `${name} ${limit.threshold} ${limit.windowMs} ${counter}`
}
