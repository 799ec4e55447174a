import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Outcome } from '../../src/limits/counter-rpc.ts'
import { advance, FROZEN_MS, thaw } from '../support/clock.ts'
import {
  alarm,
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
  reserveSolved,
  settle,
  storedKeys,
  stub,
} from './counter-under-test.ts'

beforeEach(newCounter)
afterEach(thaw)

describe('an evicted counter', () => {
  it('keeps counted failures after an eviction', async () => {
    await failTimes(3)
    await evictDurableObject(stub)
    expect((await reserve(newId())).outcome).toBe('refused')
  })

  it.each([
    ['a wrong password', FAILURE],
    ['the right password', { kind: 'cleared', account: 'ada' } as const],
    ['the right password of a disabled account', RELEASE],
  ])(
    'refuses to settle attempts reserved before an eviction once others fill the threshold: %s',
    async (_what, outcome) => {
      const before = [newId(), newId(), newId()]
      for (const id of before) await reserve(id)
      await evictDurableObject(stub)
      const after = [newId(), newId(), newId()]
      for (const id of after) expect((await reserve(id)).outcome).toBe('admitted')
      for (const id of before) expect((await settle(id, outcome)).settled).toBe(false)
      for (const id of after) expect((await settle(id)).settled).toBe(true)
      expect((await reserve(newId())).outcome).toBe('refused')
    },
  )

  it('settles a challenged attempt after an eviction, even beyond the threshold', async () => {
    await failTimes(3)
    await evictDurableObject(stub)
    expect((await settle(newId(), FAILURE, { challenged: true })).settled).toBe(true)
  })

  it('settles an attempt reserved before an eviction if it is within the threshold', async () => {
    const id = newId()
    await reserve(id)
    await evictDurableObject(stub)
    expect(await settle(id)).toMatchObject({ settled: true, status: { remaining: 2 } })
  })
})

describe('a registration', () => {
  const failure: Outcome = { kind: 'counted', account: '' }

  it('stores a registration when it is reserved, so that it counts after an eviction', async () => {
    for (let registration = 1; registration <= 3; registration++) await reserve(newId(), REGISTRATION)
    await evictDurableObject(stub)
    expect(await reserve(newId(), REGISTRATION)).toMatchObject({
      outcome: 'refused',
      status: { exhausted: true },
    })
  })

  it('counts a registration once, from the time of its reservation', async () => {
    const id = newId()
    await reserve(id, REGISTRATION)
    advance(10)
    const { status } = await settle(id, failure, { rule: REGISTRATION })
    expect(status).toMatchObject({ remaining: 2, resetInMs: 290_000 })
  })

  it('stops counting a released registration, also after an eviction', async () => {
    const [first, second] = [newId(), newId()]
    for (const id of [first, second]) await reserve(id, REGISTRATION)
    await settle(first, RELEASE, { rule: REGISTRATION })
    await evictDurableObject(stub)
    await settle(second, RELEASE, { rule: REGISTRATION })
    expect(await stub.peek(REGISTRATION)).toMatchObject({ remaining: 3 })
  })

  it('makes a registration wait while pending ones fill the threshold', async () => {
    const ids = [newId(), newId(), newId()]
    for (const id of ids) await reserve(id, REGISTRATION)
    const fourth = reserve(newId(), REGISTRATION)
    for (const id of ids.slice(1)) await settle(id, failure, { rule: REGISTRATION })
    expect(await isUnresolved(fourth)).toBe(true)
    await settle(ids[0] ?? '', RELEASE, { rule: REGISTRATION })
    expect((await fourth).outcome).toBe('admitted')
  })

  it('keeps counting a registration that lapses', async () => {
    for (let registration = 1; registration <= 3; registration++) await reserve(newId(), REGISTRATION)
    advance(40)
    expect(await reserve(newId(), REGISTRATION)).toMatchObject({
      outcome: 'refused',
      status: { exhausted: true },
    })
  })
})

describe('the alarm', () => {
  const useUp = (expiresAtMs: number) =>
    reserveSolved(newId(), { rule: null, nonce: { value: newId(), expiresAtMs } })

  it('deletes all storage by alarm when nothing counts any more, and counts again afterwards', async () => {
    await fail()
    expect(await alarm()).toBe(FROZEN_MS + 300_000)
    advance(300)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await storedKeys()).toEqual([])
    expect(await alarm()).toBe(null)
    await fail()
    expect(await alarm()).toBe(FROZEN_MS + 600_000)
  })

  it('deletes only expired records by alarm, and reschedules it for the rest', async () => {
    await fail()
    advance(100)
    const id = newId()
    await reserve(id, REGISTRATION)
    await useUp(FROZEN_MS + 250_000)
    advance(200)
    await runDurableObjectAlarm(stub)
    expect(await storedKeys()).toEqual(['alarm', 'tally:registrations_per_ip'])
    expect(await alarm()).toBe(FROZEN_MS + 400_000)
  })

  it('schedules the alarm at most once a minute', async () => {
    for (let nonce = 1; nonce <= 5; nonce++) await useUp(FROZEN_MS + nonce * 1000)
    expect(await alarm()).toBe(FROZEN_MS + 60_000)
  })

  it('keeps the time of a scheduled alarm when it counts after an eviction', async () => {
    await fail()
    await evictDurableObject(stub)
    advance(100)
    await fail()
    expect(await alarm()).toBe(FROZEN_MS + 300_000)
    advance(200)
    await runDurableObjectAlarm(stub)
    expect(await alarm()).toBe(FROZEN_MS + 400_000)
  })

  it('schedules an alarm that was lost again', async () => {
    await fail()
    await runInDurableObject(stub, (_object, { storage }) => storage.deleteAlarm())
    advance(300)
    await useUp(FROZEN_MS + 400_000)
    expect(await alarm()).toBe(FROZEN_MS + 400_000)
  })

  it('writes nothing and sets no alarm for a query, even if everything stored has expired', async () => {
    await fail()
    await runInDurableObject(stub, (_object, { storage }) => storage.deleteAlarm())
    advance(300)
    expect(await stub.peek(LOGIN)).toMatchObject({ remaining: 3 })
    expect(await storedKeys()).toEqual(['alarm', 'tally:login_failures_per_ip'])
    expect(await alarm()).toBe(null)
  })

  it('sets no alarm for a successful login', async () => {
    const id = newId()
    await reserve(id)
    await settle(id, { kind: 'cleared', account: 'ada' })
    expect(await alarm()).toBe(null)
  })
})
