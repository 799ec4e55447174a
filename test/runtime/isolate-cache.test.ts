import { beforeEach, describe, expect, it, vi } from 'vitest'
import { IsolateCache } from '../../src/runtime/isolate-cache.ts'

const TIMES = { freshMs: 20_000, usableMs: 30_000, staleMs: 600_000, retryMs: 5_000 }
const NOW_MS = 4_000_000_000_000

/** A load that the test ends. */
interface Load {
  readonly nowMs: number
  readonly succeed: (value: string) => void
  readonly fail: () => void
}

let loads: Load[]
let stale: number[]
let background: Promise<unknown>[]
let cache: IsolateCache<string>

beforeEach(() => {
  loads = []
  stale = []
  background = []
  cache = new IsolateCache<string>({
    ...TIMES,
    load: (nowMs) => {
      const { promise, resolve, reject } = Promise.withResolvers<string>()
      loads.push({ nowMs, succeed: resolve, fail: () => reject(new Error('unavailable')) })
      return promise
    },
    onStale: (_error, ageMs) => void stale.push(ageMs),
  })
})

const get = (ageMs: number) =>
  cache.get({ nowMs: NOW_MS + ageMs, waitUntil: (work) => void background.push(work) })
const succeed = (index: number, value: string) => loads[index]?.succeed(value)
const fail = (index: number) => loads[index]?.fail()
/** Loads a value at age 0. */
const loadFirst = async (value = 'first') => {
  const first = get(0)
  succeed(0, value)
  expect(await first).toBe(value)
}
/** Lets the reload in the background at this age fail. */
const failReload = async (ageMs: number) => {
  await get(ageMs)
  fail(loads.length - 1)
  await Promise.all(background)
}

describe('IsolateCache', () => {
  it('loads nothing before the first use', () => {
    expect(loads).toHaveLength(0)
    expect(cache.peek(NOW_MS)).toBeNull()
  })

  it('lets each first caller load for itself, so that no request waits for the I/O of another', async () => {
    void get(0)
    const second = get(0)
    succeed(1, 'second')
    expect(await second).toBe('second')
    expect(loads).toHaveLength(2)
  })

  it('throws the error of a load while there is no value, and loads again for the next caller', async () => {
    const refused = get(0)
    fail(0)
    await expect(refused).rejects.toThrow('unavailable')
    const next = get(0)
    succeed(1, 'value')
    expect(await next).toBe('value')
    expect(stale).toEqual([])
  })

  it('serves a fresh value without a load', async () => {
    await loadFirst()
    expect(await get(19_999)).toBe('first')
    expect(loads).toHaveLength(1)
  })

  it('serves a value that is no longer fresh, and reloads it in the background', async () => {
    await loadFirst()
    expect(await get(20_000)).toBe('first')
    succeed(1, 'second')
    await Promise.all(background)
    expect(await get(20_000)).toBe('second')
    expect(loads).toHaveLength(2)
  })

  it('reloads in the background once for any number of callers, and again when retryMs has passed', async () => {
    await loadFirst()
    for (const ageMs of [20_000, 20_000, 24_999]) expect(await get(ageMs)).toBe('first')
    expect(loads).toHaveLength(2)
    await get(25_000)
    expect(loads).toHaveLength(3)
  })

  it('lets callers wait for a load once the value may no longer be used', async () => {
    await loadFirst()
    const [waiting, other] = [get(30_000), get(30_000)]
    succeed(1, 'second')
    succeed(2, 'second')
    expect(await Promise.all([waiting, other])).toEqual(['second', 'second'])
    expect(background).toEqual([])
  })

  it('serves the last value and reports its age if the load of a waiting caller fails', async () => {
    await loadFirst()
    const waiting = get(599_999)
    fail(1)
    expect(await waiting).toBe('first')
    expect(stale).toEqual([599_999])
  })

  it('throws the error of a load once the value is stale', async () => {
    await loadFirst()
    const waiting = get(600_000)
    fail(1)
    await expect(waiting).rejects.toThrow('unavailable')
  })

  it('throws the error of a load to a caller to which the value is stale earlier', async () => {
    await loadFirst()
    const waiting = cache.get({ nowMs: NOW_MS + 60_000, waitUntil: () => undefined }, 60_000)
    fail(1)
    await expect(waiting).rejects.toThrow('unavailable')
  })

  it('reports a reload in the background that fails, and keeps the value', async () => {
    await loadFirst()
    await failReload(20_000)
    expect(stale).toEqual([20_000])
    expect(await get(24_999)).toBe('first')
  })

  it('lets no caller wait while loads fail, and retries in the background', async () => {
    await loadFirst()
    for (let ageMs = 25_000; ageMs < 600_000; ageMs += 25_000) await failReload(ageMs)
    expect(await get(599_999)).toBe('first')
    expect(loads).toHaveLength(25)
  })

  it('lets callers wait again when the last failed load is older than a usable value', async () => {
    await loadFirst()
    await failReload(25_000)
    expect(await get(54_999)).toBe('first')
    const waiting = get(55_000)
    succeed(loads.length - 1, 'second')
    expect(await waiting).toBe('second')
  })

  it('keeps the value of the later of two requests, in any order of completion', async () => {
    const [earlier, later] = [get(0), get(1)]
    succeed(1, 'later')
    await later
    succeed(0, 'earlier')
    expect(await earlier).toBe('later')
    expect(await get(1)).toBe('later')
  })

  it('loads again after invalidate', async () => {
    await loadFirst()
    cache.invalidate()
    expect(cache.peek(NOW_MS)).toBeNull()
    const next = get(1)
    succeed(1, 'second')
    expect(await next).toBe('second')
  })

  it('caches no value whose load began before invalidate', async () => {
    const reading = get(0)
    cache.invalidate()
    succeed(0, 'before')
    await reading
    expect(cache.peek(NOW_MS)).toBeNull()
  })

  it('uses no invalidated value, even if a load that was in progress fails', async () => {
    await loadFirst()
    const waiting = get(30_000)
    cache.invalidate()
    fail(1)
    await expect(waiting).rejects.toThrow('unavailable')
  })

  it('returns the value after a change to callers whose load began before it', async () => {
    const reading = get(0)
    await cache.change(async () => 'after', NOW_MS)
    succeed(0, 'before')
    expect(await reading).toBe('after')
  })

  it('uses the value of a change at once, even after a later request has read the value before it', async () => {
    const { promise: written, resolve: write } = Promise.withResolvers<string>()
    const change = cache.change(() => written, NOW_MS)
    cache.set('before', NOW_MS + 1)
    write('after')
    expect(await change).toBe('after')
    expect(await get(1)).toBe('after')
  })

  it('loads the value after a change that overlaps with another', async () => {
    const { promise: written, resolve: write } = Promise.withResolvers<string>()
    const slow = cache.change(() => written, NOW_MS)
    expect(await cache.change(async () => 'one', NOW_MS)).toBe('one')
    write('the other')
    await vi.waitFor(() => expect(loads).toHaveLength(1))
    succeed(0, 'both')
    expect(await slow).toBe('both')
    expect(await get(0)).toBe('both')
  })

  it('keeps the value if a change fails', async () => {
    await loadFirst()
    const failing = cache.change(() => Promise.reject(new Error('unavailable')), NOW_MS)
    await expect(failing).rejects.toThrow('unavailable')
    expect(await get(0)).toBe('first')
  })

  it('shows a usable value, and no older one, without a load', async () => {
    cache.set('observed', NOW_MS)
    expect(cache.peek(NOW_MS + 29_999)).toBe('observed')
    expect(cache.peek(NOW_MS + 30_000)).toBeNull()
    expect(loads).toHaveLength(0)
  })

  it('ignores an observation of an earlier request', () => {
    cache.set('later', NOW_MS + 1)
    cache.set('earlier', NOW_MS)
    expect(cache.peek(NOW_MS + 1)).toBe('later')
  })
})
