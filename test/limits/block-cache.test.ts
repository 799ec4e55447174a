import { describe, expect, it } from 'vitest'
import { BlockCache } from '../../src/limits/block-cache.ts'

const NOW_MS = 4_000_000_000_000
const KEY = {
  name: 'registrations_per_ip',
  limit: { threshold: 3, windowMs: 300_000 },
  counter: 'a counter',
} as const
const EXHAUSTED = { exhausted: true, remaining: 0, resetInMs: 200_000, difficulty: 0 }

function cacheWith(status = EXHAUSTED): BlockCache {
  const blocks = new BlockCache()
  blocks.set(KEY, status, NOW_MS)
  return blocks
}

describe('a cached block', () => {
  it('reduces the remaining time of a cached block as time passes', () => {
    expect(cacheWith().get(KEY, NOW_MS + 4_999)).toEqual({ ...EXHAUSTED, resetInMs: 195_001 })
  })

  it.each([
    ['after 5 seconds', EXHAUSTED, 5_000],
    ['when its remaining time has passed', { ...EXHAUSTED, resetInMs: 1_000 }, 1_000],
  ])('drops a cached block %s', (_when, status, elapsedMs) => {
    expect(cacheWith(status).get(KEY, NOW_MS + elapsedMs - 1)).not.toBe(null)
    expect(cacheWith(status).get(KEY, NOW_MS + elapsedMs)).toBe(null)
  })

  it.each([
    ['another counter', { ...KEY, counter: 'another counter' }],
    ['another rule', { ...KEY, name: 'login_failures_per_ip' as const }],
    ['another threshold', { ...KEY, limit: { ...KEY.limit, threshold: 4 } }],
    ['another window', { ...KEY, limit: { ...KEY.limit, windowMs: 299_000 } }],
  ])('finds no block for %s', (_what, key) => {
    expect(cacheWith().get(key, NOW_MS)).toBe(null)
  })

  it('caches no refusal that only pending attempts cause', () => {
    expect(cacheWith({ ...EXHAUSTED, exhausted: false }).get(KEY, NOW_MS)).toBe(null)
  })
})
