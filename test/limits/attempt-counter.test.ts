import { runInDurableObject } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { advance, FROZEN_MS, thaw } from '../support/clock.ts'
import {
  countAdmitted,
  FAILURE,
  fail,
  failTimes,
  isUnresolved,
  LOGIN,
  newCounter,
  newId,
  REGISTRATION,
  RELEASE,
  reserve,
  settle,
  storedKeys,
  stub,
} from './counter-under-test.ts'

beforeEach(newCounter)
afterEach(thaw)

describe('a counter', () => {
  it('admits attempts up to the threshold, then refuses until the oldest event leaves the window', async () => {
    await fail()
    advance(100)
    await fail()
    advance(100)
    await fail()
    expect(await reserve(newId())).toEqual({
      outcome: 'refused',
      status: { exhausted: true, remaining: 0, resetInMs: 100_000, difficulty: 0 },
    })
    advance(99)
    expect((await reserve(newId())).outcome).toBe('refused')
    advance(1)
    expect((await reserve(newId())).outcome).toBe('admitted')
  })

  it('reports after each call how many attempts remain and when the number grows', async () => {
    const id = newId()
    expect((await reserve(id)).status).toMatchObject({ remaining: 2, resetInMs: 300_000 })
    advance(10)
    expect((await settle(id)).status).toMatchObject({ remaining: 2, resetInMs: 300_000, exhausted: false })
    advance(10)
    expect(await stub.peek(LOGIN)).toMatchObject({ remaining: 2, resetInMs: 290_000 })
  })

  it('counts each rule separately', async () => {
    await failTimes(3)
    expect((await reserve(newId(), REGISTRATION)).outcome).toBe('admitted')
  })

  it('writes nothing to storage for a successful login', async () => {
    const id = newId()
    await reserve(id)
    expect((await settle(id, { kind: 'cleared', account: 'ada' })).settled).toBe(true)
    expect(await storedKeys()).toEqual([])
  })

  it('writes nothing to storage when a success has nothing to clear', async () => {
    await fail()
    await settle(newId(), { kind: 'cleared', account: null }, { challenged: true })
    const before = await runInDurableObject(stub, (_object, { storage }) => {
      vi.spyOn(storage.kv, 'put')
      return storage.kv.get('tally:login_failures_per_ip')
    })
    expect(before).toMatchObject({ events: [] })
    await settle(newId(), { kind: 'cleared', account: null })
    await runInDurableObject(stub, (_object, { storage }) => expect(storage.kv.put).not.toHaveBeenCalled())
  })

  it('clears the failures of the account that logged in, and of no other account', async () => {
    await fail('ada')
    await fail('grace')
    const id = newId()
    await reserve(id)
    const { status } = await settle(id, { kind: 'cleared', account: 'ada' })
    expect(status.remaining).toBe(2)
  })

  it('clears the failures of all accounts when the outcome names no account', async () => {
    for (const account of ['ada', 'grace']) await fail(account)
    const id = newId()
    await reserve(id)
    expect((await settle(id, { kind: 'cleared', account: null })).status.remaining).toBe(3)
  })

  it('applies the limit of each call to the stored events, whether it is stricter or looser than before', async () => {
    await failTimes(3)
    const tighter = { threshold: 1, windowMs: 300_000 }
    expect((await reserve(newId(), { ...LOGIN, limit: tighter })).outcome).toBe('refused')
    const wider = { threshold: 5, windowMs: 300_000 }
    expect((await reserve(newId(), { ...LOGIN, limit: wider })).status).toMatchObject({ remaining: 1 })
    advance(250)
    const shorter = { threshold: 3, windowMs: 200_000 }
    expect((await reserve(newId(), { ...LOGIN, limit: shorter })).outcome).toBe('admitted')
  })

  it('raises the difficulty with each further threshold of failures, up to a maximum', async () => {
    const difficulties: number[] = []
    await failTimes(3)
    for (let failure = 0; failure < 30; failure++) {
      const { status } = await settle(newId(), FAILURE, { challenged: true })
      difficulties.push(status.difficulty)
    }
    expect(difficulties.slice(0, 9)).toEqual([0, 0, 1, 1, 1, 2, 2, 2, 3])
    expect(Math.max(...difficulties)).toBe(4)
    advance(300)
    expect(await stub.peek(LOGIN)).toMatchObject({ difficulty: 0, exhausted: false })
  })

  it('keeps the difficulty at 0 for challenged failures below the threshold', async () => {
    for (let failure = 1; failure <= 3; failure++) {
      expect(await settle(newId(), FAILURE, { challenged: true })).toMatchObject({
        status: { difficulty: 0 },
      })
    }
    expect(await stub.peek(LOGIN)).toMatchObject({ exhausted: true, difficulty: 0 })
  })

  it('counts an attempt once, however often it settles', async () => {
    const id = await fail()
    for (let again = 1; again <= 3; again++) {
      expect((await settle(id)).settled).toBe(true)
    }
    expect(await stub.peek(LOGIN)).toMatchObject({ remaining: 2 })
  })
})

describe('concurrent attempts', () => {
  it('admits no more than the threshold of concurrent attempts that all fail', async () => {
    const attempts = Array.from({ length: 150 }, async () => {
      const id = newId()
      const reservation = await reserve(id)
      if (reservation.outcome === 'admitted') await settle(id)
      return reservation
    })
    expect(countAdmitted(await Promise.all(attempts))).toBe(3)
  })

  it('admits all concurrent attempts that succeed', async () => {
    const attempts = Array.from({ length: 150 }, async (_, index) => {
      const id = newId()
      const reservation = await reserve(id)
      if (reservation.outcome === 'admitted')
        await settle(id, { kind: 'cleared', account: `person ${index}` })
      return reservation
    })
    expect(countAdmitted(await Promise.all(attempts))).toBe(150)
  })

  it('makes attempts wait for a pending one to settle, in order of arrival', async () => {
    const first = [newId(), newId(), newId()]
    for (const id of first) await reserve(id)
    const [fourth, fifth] = [reserve(newId()), reserve(newId())]
    expect(await isUnresolved(fourth)).toBe(true)
    await settle(first[0] ?? '', RELEASE)
    expect((await fourth).outcome).toBe('admitted')
    expect(await isUnresolved(fifth)).toBe(true)
    await settle(first[1] ?? '', { kind: 'cleared', account: 'ada' })
    expect((await fifth).outcome).toBe('admitted')
  })

  it('refuses a waiting attempt as soon as counted failures fill the threshold', async () => {
    await fail()
    const first = [newId(), newId()]
    for (const id of first) await reserve(id)
    const waiting = reserve(newId())
    await settle(first[0] ?? '')
    expect(await isUnresolved(waiting)).toBe(true)
    await settle(first[1] ?? '')
    expect((await waiting).outcome).toBe('refused')
  })

  it('refuses a waiting attempt that is released, and counts nothing for it', async () => {
    const pending = [newId(), newId(), newId()]
    for (const id of pending) await reserve(id)
    const id = newId()
    const waiting = reserve(id)
    expect(await isUnresolved(waiting)).toBe(true)
    await settle(id, RELEASE)
    expect((await waiting).outcome).toBe('refused')
    for (const other of pending) await settle(other, RELEASE)
    expect(await stub.peek(LOGIN)).toMatchObject({ remaining: 3 })
  })

  it('refuses an attempt that may not wait while pending ones fill the threshold', async () => {
    for (let pending = 1; pending <= 3; pending++) await reserve(newId())
    expect(await reserve(newId(), LOGIN, false)).toMatchObject({
      outcome: 'refused',
      status: { exhausted: false },
    })
  })

  it('lets at most 200 attempts wait', async () => {
    const pending = [newId(), newId(), newId()]
    for (const id of pending) await reserve(id)
    const waiting = Array.from({ length: 200 }, () => reserve(newId()))
    expect((await reserve(newId())).outcome).toBe('refused')
    expect(await isUnresolved(Promise.race(waiting))).toBe(true)
    for (const id of pending) await settle(id)
    expect(countAdmitted(await Promise.all(waiting))).toBe(0)
  })

  it('refuses a waiting attempt after 20 seconds', async () => {
    thaw()
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: FROZEN_MS })
    const pending = [newId(), newId(), newId()]
    for (const id of pending) await reserve(id)
    const waiting = reserve(newId())
    expect(await isUnresolved(waiting)).toBe(true)
    await runInDurableObject(stub, () => vi.advanceTimersByTimeAsync(19_999))
    expect(await isUnresolved(waiting)).toBe(true)
    await runInDurableObject(stub, () => vi.advanceTimersByTimeAsync(1))
    expect((await waiting).outcome).toBe('refused')
    expect((await settle(pending[0] ?? '')).settled).toBe(true)
  })
})

describe('a changed limit', () => {
  it('admits a waiting attempt under a raised threshold once the attempt ahead of it times out', async () => {
    thaw()
    vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'], now: FROZEN_MS })
    for (let pending = 1; pending <= 3; pending++) await reserve(newId())
    const before = reserve(newId())
    await isUnresolved(before)
    advance(6)
    const after = reserve(newId(), { ...LOGIN, limit: { threshold: 10, windowMs: 300_000 } })
    expect(await isUnresolved(after)).toBe(true)
    await runInDurableObject(stub, () => vi.advanceTimersByTimeAsync(20_000))
    expect((await before).outcome).toBe('refused')
    expect((await after).outcome).toBe('admitted')
    expect(Date.now()).toBeLessThan(FROZEN_MS + 26_001)
  })
})

describe('a pending login', () => {
  it('drops the reservation of a pending login after 40 seconds without counting it', async () => {
    for (let pending = 1; pending <= 3; pending++) await reserve(newId())
    advance(39)
    expect(await reserve(newId(), LOGIN, false)).toMatchObject({ outcome: 'refused' })
    advance(1)
    expect(await reserve(newId(), LOGIN, false)).toMatchObject({
      outcome: 'admitted',
      status: { remaining: 2 },
    })
  })

  it('refuses to settle a lapsed login while other attempts fill the threshold', async () => {
    const slow = newId()
    await reserve(slow)
    advance(40)
    for (let pending = 1; pending <= 3; pending++) await reserve(newId())
    expect(await settle(slow, { kind: 'cleared', account: 'ada' })).toMatchObject({ settled: false })
  })

  it('settles a lapsed login if it would be admitted now', async () => {
    const slow = newId()
    await reserve(slow)
    advance(40)
    expect(await settle(slow)).toMatchObject({ settled: true, status: { remaining: 2 } })
  })
})
