import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Outcome } from '../../src/limits/counter-rpc.ts'
import { advance, FROZEN_MS, thaw } from '../support/clock.ts'
import {
  counter,
  fail,
  isOpen,
  LIMIT,
  newCounter,
  newId,
  REGISTRATION,
  reserve,
  settle,
  stored,
  stub,
  VOID,
  WRONG,
} from './counter-under-test.ts'

beforeEach(newCounter)
afterEach(thaw)

describe('an object that loses its memory', () => {
  it('keeps what counts', async () => {
    for (let failure = 1; failure <= 3; failure++) await fail()
    await evictDurableObject(stub)
    expect((await reserve(newId())).admitted).toBe(false)
  })

  it.each([
    ['wrong', WRONG],
    ['right', { kind: 'cleared', account: 'ada' } as const],
    ['right, of a disabled account', VOID],
  ])('between reserve and settle gives no guess away: those that were %s', async (_what, outcome) => {
    const before = [newId(), newId(), newId()]
    for (const id of before) await reserve(id)
    await evictDurableObject(stub)
    const after = [newId(), newId(), newId()]
    for (const id of after) expect((await reserve(id)).admitted).toBe(true)
    for (const id of before) expect((await settle(id, outcome)).settled).toBe(false)
    for (const id of after) expect((await settle(id)).settled).toBe(true)
    expect((await reserve(newId())).admitted).toBe(false)
  })

  it('withholds nothing from those who solved a challenge', async () => {
    for (let failure = 1; failure <= 3; failure++) await fail()
    await evictDurableObject(stub)
    expect((await settle(newId(), WRONG, { challenged: true })).settled).toBe(true)
  })

  it('tells those who settle late, and are still within the threshold', async () => {
    const id = newId()
    await reserve(id)
    await evictDurableObject(stub)
    expect(await settle(id)).toMatchObject({ settled: true, status: { remaining: 2 } })
  })
})

describe('a registration', () => {
  const taken: Outcome = { kind: 'counted', account: '' }

  it('is stored when it is reserved: it counts whatever becomes of the Worker and of memory', async () => {
    for (let registration = 1; registration <= 3; registration++) await reserve(newId(), REGISTRATION)
    await evictDurableObject(stub)
    expect(await reserve(newId(), REGISTRATION)).toMatchObject({
      admitted: false,
      status: { exhausted: true },
    })
  })

  it('counts from when it was reserved, once', async () => {
    const id = newId()
    await reserve(id, REGISTRATION)
    advance(10)
    const { status } = await settle(id, taken, { rule: REGISTRATION })
    expect(status).toMatchObject({ remaining: 2, resetInMs: 290_000 })
  })

  it('that is taken back counts no more, after a loss of memory too', async () => {
    const [first, second] = [newId(), newId()]
    for (const id of [first, second]) await reserve(id, REGISTRATION)
    await settle(first, VOID, { rule: REGISTRATION })
    await evictDurableObject(stub)
    await settle(second, VOID, { rule: REGISTRATION })
    expect(await counter.look(REGISTRATION, LIMIT)).toMatchObject({ remaining: 3 })
  })

  it('waits while pending ones alone stand in its way', async () => {
    const ids = [newId(), newId(), newId()]
    for (const id of ids) await reserve(id, REGISTRATION)
    const fourth = reserve(newId(), REGISTRATION)
    for (const id of ids.slice(1)) await settle(id, taken, { rule: REGISTRATION })
    expect(await isOpen(fourth)).toBe(true)
    await settle(ids[0] ?? '', VOID, { rule: REGISTRATION })
    expect((await fourth).admitted).toBe(true)
  })

  it('that lapses stays counted', async () => {
    for (let registration = 1; registration <= 3; registration++) await reserve(newId(), REGISTRATION)
    advance(40)
    expect(await reserve(newId(), REGISTRATION)).toMatchObject({
      admitted: false,
      status: { exhausted: true },
    })
  })
})

describe('a nonce', () => {
  const expiresAtMs = FROZEN_MS + 300_000

  it('is claimed once, also of many at once', async () => {
    const claims = await Promise.all(Array.from({ length: 50 }, () => counter.claim('nonce', expiresAtMs)))
    expect(claims.filter((claimed) => claimed)).toHaveLength(1)
  })

  it('stays claimed after a loss of memory', async () => {
    await counter.claim('nonce', expiresAtMs)
    await evictDurableObject(stub)
    expect(await counter.claim('nonce', expiresAtMs)).toBe(false)
  })

  it('cannot be claimed once it has expired, nor is it forgotten before', async () => {
    await counter.claim('nonce', expiresAtMs)
    advance(299)
    await runDurableObjectAlarm(stub)
    expect(await counter.claim('nonce', expiresAtMs)).toBe(false)
    advance(1)
    await runDurableObjectAlarm(stub)
    expect(await stored()).toEqual([])
    expect(await counter.claim('nonce', expiresAtMs)).toBe(false)
  })
})

describe('the alarm', () => {
  const alarm = () => runInDurableObject(stub, (_object, { storage }) => storage.getAlarm())

  it('deletes an object of which nothing counts any more, and the object goes on', async () => {
    await fail()
    expect(await alarm()).toBe(FROZEN_MS + 300_000)
    advance(300)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await stored()).toEqual([])
    expect(await alarm()).toBe(null)
    await fail()
    expect(await alarm()).toBe(FROZEN_MS + 600_000)
  })

  it('leaves what counts, and comes again', async () => {
    await fail()
    advance(100)
    const id = newId()
    await reserve(id, REGISTRATION)
    await counter.claim('nonce', FROZEN_MS + 250_000)
    advance(200)
    await runDurableObjectAlarm(stub)
    expect(await stored()).toEqual(['alarm', 'tally:registrations_per_ip'])
    expect(await alarm()).toBe(FROZEN_MS + 400_000)
  })

  it('comes at most once a minute', async () => {
    for (let nonce = 1; nonce <= 5; nonce++) await counter.claim(`${nonce}`, FROZEN_MS + nonce * 1000)
    expect(await alarm()).toBe(FROZEN_MS + 60_000)
  })

  it('is not put off by what comes after a loss of memory', async () => {
    await fail()
    await evictDurableObject(stub)
    advance(100)
    await fail()
    expect(await alarm()).toBe(FROZEN_MS + 300_000)
    advance(200)
    await runDurableObjectAlarm(stub)
    expect(await alarm()).toBe(FROZEN_MS + 400_000)
  })
})
