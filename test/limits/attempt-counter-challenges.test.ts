import { evictDurableObject, runDurableObjectAlarm } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { NO_STATUS } from '../../src/limits/counter.ts'
import { advance, FROZEN_MS, thaw } from '../support/clock.ts'
import {
  CHALLENGED,
  countAdmitted,
  FAILURE,
  fail,
  failTimes,
  IDENTIFIER,
  LOGIN,
  newCounter,
  newId,
  newIds,
  newNonce,
  outcomesOf,
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

const times = <T>(count: number, make: () => T) => Array.from({ length: count }, make)
const SUCCESS = { kind: 'cleared', account: 'grace' } as const

describe('attempts with a solved challenge', () => {
  it('accepts a challenge of at least half the required difficulty', async () => {
    await failTimes(3)
    for (let failure = 1; failure <= 6; failure++) await settle(newId(), FAILURE, CHALLENGED)
    expect(await reserveSolved(newId(), { difficulty: 0 })).toMatchObject({
      outcome: 'difficulty_too_low',
      status: { difficulty: 2 },
    })
    expect((await reserveSolved(newId(), { difficulty: 1 })).outcome).toBe('admitted')
  })

  it('keeps the difficulty while challenged attempts are in flight, and raises it when they fail', async () => {
    await failTimes(3)
    const ids = newIds(6)
    for (const id of ids) await reserveSolved(id)
    expect(await stub.peek(LOGIN)).toMatchObject({ difficulty: 0 })
    for (const id of ids.slice(0, 3)) await settle(id, SUCCESS, CHALLENGED)
    expect(await stub.peek(LOGIN)).toMatchObject({ difficulty: 0 })
    for (const id of ids.slice(3)) await settle(id, FAILURE, CHALLENGED)
    expect(await stub.peek(LOGIN)).toMatchObject({ difficulty: 1 })
  })

  it('leaves the places of attempts without a challenge free', async () => {
    await fail()
    for (const id of newIds(5)) await reserveSolved(id)
    expect(await stub.peek(LOGIN)).toMatchObject({ remaining: 2 })
    expect(countAdmitted(await Promise.all(newIds(2).map((id) => reserve(id))))).toBe(2)
  })

  it('stores a challenged registration at once, and removes it and its effect on the difficulty on release', async () => {
    for (const id of newIds(3)) {
      await reserve(id, REGISTRATION)
      await settle(id, { kind: 'counted', account: '' }, { rule: REGISTRATION })
    }
    const [first = '', ...others] = newIds(3)
    for (const id of [first, ...others]) {
      expect((await reserveSolved(id, { rule: REGISTRATION })).outcome).toBe('admitted')
    }
    await evictDurableObject(stub)
    expect(await stub.peek(REGISTRATION)).toMatchObject({ difficulty: 1 })
    for (const id of others) {
      await settle(id, { kind: 'counted', account: '' }, { rule: REGISTRATION, challenged: true })
    }
    expect(await stub.peek(REGISTRATION)).toMatchObject({ difficulty: 1 })
    await settle(first, RELEASE, { rule: REGISTRATION, challenged: true })
    expect(await stub.peek(REGISTRATION)).toMatchObject({ exhausted: true, difficulty: 0 })
  })

  it('settles a challenged attempt whose reservation expired after 40 seconds, also after an eviction', async () => {
    await failTimes(3)
    const id = newId()
    await reserveSolved(id)
    advance(40)
    await evictDurableObject(stub)
    expect(await settle(id, FAILURE, CHALLENGED)).toMatchObject({ settled: true })
  })
})

describe('the places of challenged attempts', () => {
  beforeEach(() => failTimes(3))

  it('admits 10 challenged attempts in flight at an address, also of 30 at once', async () => {
    const outcomes = outcomesOf(await Promise.all(newIds(30).map((id) => reserveSolved(id))))
    expect(outcomes).toEqual([...times(10, () => 'admitted'), ...times(20, () => 'busy')])
  })

  it('admits 3 challenged attempts in flight of each address at an identifier', async () => {
    const rule = IDENTIFIER
    for (const requester of ['here', 'there']) {
      const results = await Promise.all(newIds(5).map((id) => reserveSolved(id, { rule, requester })))
      expect(countAdmitted(results)).toBe(3)
    }
  })

  it('requires more difficulty while attempts of other addresses are in flight at an identifier', async () => {
    const reserveFrom = (requester: number, difficulty = 0) =>
      reserveSolved(newId(), { rule: IDENTIFIER, requester: `${requester}`, difficulty })
    await failTimes(3, IDENTIFIER)
    const results = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map((requester) => reserveFrom(requester)))
    expect(countAdmitted(results)).toBe(6)
    expect(results.at(-1)).toMatchObject({ outcome: 'difficulty_too_low', status: { difficulty: 2 } })
    expect((await reserveFrom(9, 2)).outcome).toBe('admitted')
  })

  it('admits the next challenged attempt as soon as one settles, or its reservation expires', async () => {
    const ids = newIds(10)
    for (const id of ids) await reserveSolved(id)
    expect((await reserveSolved(newId())).outcome).toBe('busy')
    await settle(ids[0] ?? '', SUCCESS, CHALLENGED)
    expect((await reserveSolved(newId())).outcome).toBe('admitted')
    advance(39)
    expect((await reserveSolved(newId())).outcome).toBe('busy')
    advance(1)
    expect((await reserveSolved(newId())).outcome).toBe('admitted')
  })

  it('consumes no nonce of an attempt that finds its requester busy', async () => {
    const ids = newIds(10)
    for (const id of ids) await reserveSolved(id)
    const nonce = newNonce()
    expect((await reserveSolved(newId(), { nonce })).outcome).toBe('busy')
    await settle(ids[0] ?? '', SUCCESS, CHALLENGED)
    expect((await reserveSolved(newId(), { nonce })).outcome).toBe('admitted')
  })

  it('reports busy to an attempt without a challenge while the rule is exhausted and the places are taken', async () => {
    expect((await reserve(newId())).outcome).toBe('refused')
    for (const id of newIds(10)) await reserveSolved(id)
    expect((await reserve(newId())).outcome).toBe('busy')
    advance(300)
    expect((await reserve(newId())).outcome).toBe('admitted')
  })

  it('gives an attempt one place, however often its reservation is repeated', async () => {
    const id = newId()
    const nonce = newNonce()
    for (let call = 1; call <= 15; call++) {
      expect((await reserveSolved(id, { nonce })).outcome).toBe('admitted')
    }
    expect(countAdmitted(await Promise.all(newIds(10).map((other) => reserveSolved(other))))).toBe(9)
  })
})

describe('the nonce of a solved challenge', () => {
  it.each([
    ['with a rule', LOGIN],
    ['without a rule', null],
  ])('admits one of 50 concurrent attempts with the same nonce: %s', async (_what, rule) => {
    const nonce = newNonce()
    const results = await Promise.all(newIds(50).map((id) => reserveSolved(id, { rule, nonce })))
    expect(outcomesOf(results).toSorted()).toEqual(['admitted', ...times(49, () => 'already_used')])
  })

  it('consumes a nonce that is not difficult enough', async () => {
    await failTimes(3)
    for (let failure = 1; failure <= 6; failure++) await settle(newId(), FAILURE, CHALLENGED)
    const nonce = newNonce()
    expect((await reserveSolved(newId(), { nonce })).outcome).toBe('difficulty_too_low')
    expect((await reserveSolved(newId(), { nonce, difficulty: 4 })).outcome).toBe('already_used')
  })

  it('consumes a nonce without a rule, and reports no status', async () => {
    const nonce = newNonce()
    const once = await reserveSolved(newId(), { rule: null, nonce })
    expect(once).toEqual({ outcome: 'admitted', status: NO_STATUS })
    expect((await reserveSolved(newId(), { nonce })).outcome).toBe('already_used')
  })

  it('keeps a nonce consumed after an eviction, except for the attempt that consumed it', async () => {
    const id = newId()
    const nonce = newNonce()
    await reserveSolved(id, { nonce })
    await evictDurableObject(stub)
    expect((await reserveSolved(newId(), { nonce })).outcome).toBe('already_used')
    expect((await reserveSolved(id, { nonce })).outcome).toBe('admitted')
  })

  it('rejects an expired nonce, and keeps a used one until it expires', async () => {
    const nonce = newNonce()
    await reserveSolved(newId(), { rule: null, nonce })
    advance(299)
    await runDurableObjectAlarm(stub)
    expect((await reserveSolved(newId(), { rule: null, nonce })).outcome).toBe('already_used')
    advance(1)
    await runDurableObjectAlarm(stub)
    expect(await storedKeys()).toEqual([])
    expect((await reserveSolved(newId(), { rule: null, nonce })).outcome).toBe('already_used')
    expect(nonce.expiresAtMs).toBe(FROZEN_MS + 300_000)
  })
})
