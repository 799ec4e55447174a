import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { advance, FROZEN_MS, freeze, thaw } from '../support/clock.ts'

/** Copies of what release 0.1.0 stores and sends: while two releases serve at once, each meets the other's. */
const LIMIT = { windowMs: 300_000, threshold: 3 }
const FAILURES = 'login_failures_per_ip'
const REGISTRATIONS = 'registrations_per_ip'
const event = (id: string, account: string, ageMs: number) => ({ id, atMs: FROZEN_MS - ageMs, account })
const FAILURE_TALLY = {
  format: 1,
  events: [event('a', 'ada', 200_000), event('b', 'ada', 100_000), event('c', 'grace', 50_000)],
  furtherAtMs: [FROZEN_MS - 10_000],
  keepUntilMs: FROZEN_MS + 250_000,
}
const REGISTRATION_TALLY = {
  format: 1,
  events: [event('r', 'r', 20_000)],
  furtherAtMs: [],
  keepUntilMs: FROZEN_MS + 280_000,
}
const RECORDS = {
  [`tally:${FAILURES}`]: FAILURE_TALLY,
  [`tally:${REGISTRATIONS}`]: REGISTRATION_TALLY,
  'nonce:used': FROZEN_MS + 100_000,
  alarm: FROZEN_MS + 250_000,
}
const RESERVE = { rule: FAILURES, limit: LIMIT, id: 'new', waits: true }
const SETTLE = { rule: FAILURES, limit: LIMIT, id: 'new', challenged: false }
const COUNTED = { kind: 'counted', account: 'ada' }
const PROVE = { rule: FAILURES, limit: LIMIT, id: 'new', level: 4 }

type Calls = Readonly<Record<string, (...values: readonly unknown[]) => Promise<unknown>>>

/** A counter that the earlier release has left, and its methods. */
async function leftCounter(records: Readonly<Record<string, unknown>> = RECORDS) {
  const stub = env.COUNTER.getByName(crypto.randomUUID())
  await runInDurableObject(stub, (_object, { storage }) => {
    for (const [key, record] of Object.entries(records)) storage.kv.put(key, record)
  })
  const ask = (method: string, ...values: readonly unknown[]) => {
    return (stub as unknown as Calls)[method]?.(...values)
  }
  const stored = () =>
    runInDurableObject(stub, (_object, { storage }) => Object.fromEntries(storage.kv.list<object>()))
  return { stub, ask, stored }
}

const members = (record: object | undefined) => Object.keys(record ?? {}).toSorted()

beforeEach(() => freeze())
afterEach(thaw)

describe('records of the earlier release', () => {
  it('count: three failures fill the threshold', async () => {
    const { ask } = await leftCounter()
    const full = { full: true, remaining: 0, untilNextMs: 100_000, level: 0 }
    expect(await ask('look', FAILURES, LIMIT)).toEqual(full)
    expect(await ask('reserve', RESERVE)).toEqual({ admitted: false, standing: full })
  })

  it('leave the window in their time', async () => {
    const { ask } = await leftCounter()
    advance(100)
    expect(await ask('reserve', RESERVE)).toMatchObject({ admitted: true, standing: { remaining: 0 } })
  })

  it('are cleared by a success of their account alone, or whole', async () => {
    const { ask } = await leftCounter()
    await ask('settle', { ...SETTLE, challenged: true, outcome: { kind: 'cleared', account: 'ada' } })
    expect(await ask('look', FAILURES, LIMIT)).toMatchObject({ full: false, remaining: 2 })
    await ask('settle', { ...SETTLE, challenged: true, outcome: { kind: 'cleared', account: null } })
    expect(await ask('look', FAILURES, LIMIT)).toMatchObject({ remaining: 3 })
  })

  it('make the challenge dearer with every threshold past the first', async () => {
    const { ask } = await leftCounter()
    for (const id of ['d', 'e']) await ask('settle', { ...SETTLE, id, challenged: true, outcome: COUNTED })
    expect(await ask('look', FAILURES, LIMIT)).toMatchObject({ level: 1 })
    expect(await ask('prove', PROVE)).toMatchObject({ admitted: true })
  })

  it('hold the places of registrations, and give one back', async () => {
    const { ask } = await leftCounter()
    const settle = { ...SETTLE, rule: REGISTRATIONS, id: 'r', outcome: { kind: 'void' } }
    expect(await ask('look', REGISTRATIONS, LIMIT)).toMatchObject({ remaining: 2 })
    expect(await ask('settle', settle)).toMatchObject({ settled: true, standing: { remaining: 3 } })
  })

  it('know a challenge that was used', async () => {
    const { ask } = await leftCounter()
    expect(await ask('claim', 'used', FROZEN_MS + 100_000)).toBe(false)
    expect(await ask('claim', 'fresh', FROZEN_MS + 100_000)).toBe(true)
  })

  it('are forgotten in their time', async () => {
    const { stub, ask, stored } = await leftCounter()
    await ask('claim', 'fresh', FROZEN_MS + 100_000)
    advance(300)
    await runDurableObjectAlarm(stub)
    expect(await stored()).toEqual({})
  })
})

describe('requests of the earlier release', () => {
  it.each([
    ['counted', COUNTED, 2],
    ['cleared', { kind: 'cleared', account: 'ada' }, 3],
    ['void', { kind: 'void' }, 3],
  ])('reserve and settle as %s', async (_kind, outcome, remaining) => {
    const { ask } = await leftCounter({})
    expect(await ask('reserve', RESERVE)).toMatchObject({ admitted: true, standing: { remaining: 2 } })
    expect(await ask('settle', { ...SETTLE, outcome })).toMatchObject({
      settled: true,
      standing: { remaining },
    })
  })

  it('are not believed where the counter knows nothing of the attempt and is full', async () => {
    const { ask } = await leftCounter()
    expect(await ask('settle', { ...SETTLE, outcome: COUNTED })).toMatchObject({ settled: false })
  })
})

/** What is added to a record here is unknown to the release that a rollback brings back. */
describe('records of this release', () => {
  it('have the members of the earlier one, and no others', async () => {
    const { ask, stored } = await leftCounter({})
    await ask('reserve', RESERVE)
    await ask('settle', { ...SETTLE, outcome: COUNTED })
    await ask('reserve', { ...RESERVE, rule: REGISTRATIONS, id: 'r2' })
    await ask('claim', 'fresh', FROZEN_MS + 100_000)
    const records: Record<string, unknown> = await stored()
    expect(Object.keys(records).toSorted()).toEqual([
      'alarm',
      'nonce:fresh',
      `tally:${FAILURES}`,
      `tally:${REGISTRATIONS}`,
    ])
    const tally = records[`tally:${FAILURES}`] as typeof FAILURE_TALLY
    expect(members(tally)).toEqual(members(FAILURE_TALLY))
    expect(members(tally.events[0])).toEqual(members(FAILURE_TALLY.events[0]))
    expect([typeof records.alarm, typeof records['nonce:fresh']]).toEqual(['number', 'number'])
  })
})
