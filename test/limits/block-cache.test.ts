import { describe, expect, it } from 'vitest'
import { BlockCache } from '../../src/limits/block-cache.ts'

const NOW_MS = 4_000_000_000_000
const KEY = {
  name: 'registrations_per_ip',
  limit: { threshold: 3, windowMs: 300_000 },
  counter: 'a counter',
} as const
const FULL = { exhausted: true, remaining: 0, resetInMs: 200_000, level: 0 }

function knowing(status = FULL): BlockCache {
  const blocks = new BlockCache()
  blocks.note(KEY, status, NOW_MS)
  return blocks
}

describe('a key that is known to be blocked', () => {
  it('stands as time has passed since its counter said so', () => {
    expect(knowing().find(KEY, NOW_MS + 4_999)).toEqual({ ...FULL, resetInMs: 195_001 })
  })

  it.each([
    ['after 5 s', FULL, 5_000],
    ['when its time is over', { ...FULL, resetInMs: 1_000 }, 1_000],
  ])('is asked about again %s', (_when, status, elapsedMs) => {
    expect(knowing(status).find(KEY, NOW_MS + elapsedMs - 1)).not.toBe(null)
    expect(knowing(status).find(KEY, NOW_MS + elapsedMs)).toBe(null)
  })

  it.each([
    ['another counter', { ...KEY, counter: 'another counter' }],
    ['another rule', { ...KEY, name: 'login_failures_per_ip' as const }],
    ['another threshold', { ...KEY, limit: { ...KEY.limit, threshold: 4 } }],
    ['another window', { ...KEY, limit: { ...KEY.limit, windowMs: 299_000 } }],
  ])('says nothing of %s', (_what, key) => {
    expect(knowing().find(key, NOW_MS)).toBe(null)
  })

  it('is not one that only pending attempts stand in the way of', () => {
    expect(knowing({ ...FULL, exhausted: false }).find(KEY, NOW_MS)).toBe(null)
  })
})
