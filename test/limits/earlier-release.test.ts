/** Two releases at once: records and arguments of the release before, and what goes back to it in a rollback. */
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AttemptCounters } from '../../src/limits/attempt-counter.ts'
import { newPerson, ok, PASSWORD, refused, workerWith } from '../support/client.ts'
import { FROZEN_MS, freeze, thaw } from '../support/clock.ts'
import { disable } from '../support/database.ts'
import { kindsOf, membersOf, recordCalls } from '../support/recording.ts'
import { solve } from '../support/solver.ts'
import { visitor } from '../support/visitor.ts'
import * as earlier from './earlier-records.ts'

beforeEach(() => freeze())
afterEach(thaw)

const { OF_CLIENT, OF_IDENTIFIER, OF_IDENTIFIER_CLEARED, CLIENT_FAILURES, REGISTRATIONS } = earlier
const REGISTRATIONS_KEY = 'tally:registrations_per_ip'
const CLIENT_KEY = 'tally:login_failures_per_ip'
const IDENTIFIER_KEY = 'tally:login_failures_per_account'
const SETTLEMENTS = [
  earlier.SETTLE_COUNTED,
  earlier.SETTLE_CHALLENGED,
  earlier.SETTLE_CLEARED,
  earlier.SETTLE_ALL_CLEARED,
  earlier.SETTLE_VOID,
  earlier.SETTLE_REGISTERED,
  earlier.SETTLE_NOT_REGISTERED,
]

type Records = { readonly alarm: number } & Readonly<Record<string, unknown>>

/** A counter with these records in its storage. */
async function holding(records: Records) {
  const { stub, ...rest } = empty()
  await runInDurableObject(stub, (_object, { storage }) => {
    for (const [key, record] of Object.entries(records)) storage.kv.put(key, record)
    return storage.setAlarm(records.alarm)
  })
  return { stub, ...rest }
}

function empty() {
  const stub = env.COUNTER.getByName(crypto.randomUUID())
  const counter = stub as unknown as AttemptCounters
  const stored = () =>
    runInDurableObject(stub, (_object, { storage }) => Object.fromEntries(storage.kv.list<unknown>()))
  return { stub, counter, stored }
}

const requesterCounter = () => holding(OF_CLIENT)
const identifierCounter = () => holding(OF_IDENTIFIER)
const clearedCounter = () => holding(OF_IDENTIFIER_CLEARED)

/** How the client stands with the rule of log ins by its records. */
const FULL = { exhausted: true, remaining: 0, resetInMs: 180_000, level: 1 }

describe('records of the release before: look', () => {
  it('says how a client stands with each rule', async () => {
    const { counter, stored } = await requesterCounter()
    const one = { exhausted: false, resetInMs: 200_000, level: 0 }
    expect(await counter.look(...earlier.LOOK_CLIENT)).toStrictEqual(FULL)
    expect(await counter.look(...earlier.LOOK_REGISTRATIONS)).toStrictEqual({ ...one, remaining: 2 })
    expect(await counter.look(...earlier.LOOK_APP)).toStrictEqual({ ...one, remaining: 9 })
    expect(await stored()).toStrictEqual(OF_CLIENT)
  })

  it('says how an identifier stands, and one whose failures were cleared', async () => {
    const { counter } = await identifierCounter()
    const some = { exhausted: false, remaining: 8, resetInMs: 760_000, level: 0 }
    expect(await counter.look(...earlier.LOOK_IDENTIFIER)).toStrictEqual(some)
    const { counter: cleared } = await clearedCounter()
    const none = { exhausted: false, remaining: 10, resetInMs: 900_000, level: 0 }
    expect(await cleared.look(...earlier.LOOK_IDENTIFIER)).toStrictEqual(none)
  })
})

describe('records of the release before: reserve', () => {
  it('refuses a client that has filled the threshold, until the window has slid', async () => {
    const { counter, stored } = await requesterCounter()
    expect(await counter.reserve(earlier.RESERVE_CLIENT)).toStrictEqual({ admitted: false, status: FULL })
    freeze(FROZEN_MS + 179_999)
    expect(await counter.reserve(earlier.RESERVE_CLIENT)).toMatchObject({ admitted: false })
    expect(await stored()).toStrictEqual(OF_CLIENT)
    freeze(FROZEN_MS + 180_000)
    expect(await counter.reserve(earlier.RESERVE_CLIENT)).toMatchObject({ admitted: true })
  })

  it('stores a registration beside that of before', async () => {
    const { counter, stored } = await requesterCounter()
    expect(await counter.reserve(earlier.RESERVE_REGISTRATION)).toMatchObject({
      admitted: true,
      status: { remaining: 1, resetInMs: 200_000 },
    })
    const event = { id: earlier.NEW_ATTEMPT, atMs: FROZEN_MS, account: earlier.NEW_ATTEMPT }
    const tally = {
      ...REGISTRATIONS,
      events: [...REGISTRATIONS.events, event],
      keepUntilMs: 4_000_000_300_000,
    }
    expect(await stored()).toStrictEqual({ ...OF_CLIENT, [REGISTRATIONS_KEY]: tally })
  })

  it('counts the registration of before: of three at once two are let through', async () => {
    const { counter } = await requesterCounter()
    const requests = ['a', 'b', 'c'].map((id) => ({ ...earlier.RESERVE_REGISTRATION, id, waits: false }))
    const answers = await Promise.all(requests.map((request) => counter.reserve(request)))
    expect(answers.map(({ admitted }) => admitted)).toEqual([true, true, false])
  })

  it.each([
    ['below the threshold', identifierCounter, OF_IDENTIFIER, 7],
    ['that was cleared', clearedCounter, OF_IDENTIFIER_CLEARED, 9],
  ])(
    'lets an attempt at an identifier %s through, and writes nothing',
    async (_which, make, records, left) => {
      const { counter, stored } = await make()
      const answer = await counter.reserve(earlier.RESERVE_IDENTIFIER)
      expect(answer).toMatchObject({ admitted: true, status: { remaining: left } })
      expect(await stored()).toStrictEqual(records)
    },
  )

  it('refuses at an identifier that its old and new failures fill', async () => {
    const { counter } = await identifierCounter()
    for (let failure = 1; failure <= 8; failure++) {
      const outcome = { kind: 'counted', account: 'ada' } as const
      await counter.settle({ ...earlier.SETTLE_ALL_CLEARED, id: `${failure}`, outcome })
    }
    expect(await counter.reserve(earlier.RESERVE_IDENTIFIER)).toMatchObject({
      admitted: false,
      status: { exhausted: true, resetInMs: 760_000 },
    })
  })
})

describe('records of the release before: settle', () => {
  it.each([
    ['wrong', earlier.SETTLE_COUNTED],
    ['void', earlier.SETTLE_VOID],
    ['right', { ...earlier.SETTLE_CLEARED, challenged: false }],
  ])('gives no guess away that nobody let through, and that is %s', async (_how, request) => {
    const { counter, stored } = await requesterCounter()
    expect(await counter.settle(request)).toStrictEqual({ settled: false, status: FULL })
    expect(await stored()).toStrictEqual(OF_CLIENT)
  })

  it('counts a failure after a solved challenge, and drops what can matter no more', async () => {
    const { counter, stored } = await requesterCounter()
    expect(await counter.settle(earlier.SETTLE_CHALLENGED)).toMatchObject({
      settled: true,
      status: { exhausted: true, level: 1 },
    })
    const { account } = earlier.SETTLE_CHALLENGED.outcome
    const tally = {
      format: 1,
      events: [...CLIENT_FAILURES.events.slice(1), { id: earlier.NEW_ATTEMPT, atMs: FROZEN_MS, account }],
      furtherAtMs: [...CLIENT_FAILURES.furtherAtMs, FROZEN_MS],
      keepUntilMs: 4_000_000_300_000,
    }
    expect(await stored()).toStrictEqual({ ...OF_CLIENT, [CLIENT_KEY]: tally })
  })

  it('clears the failures of one account, and leaves those of others', async () => {
    const { counter, stored } = await requesterCounter()
    expect(await counter.settle(earlier.SETTLE_CLEARED)).toMatchObject({ settled: true })
    const tally = { ...CLIENT_FAILURES, events: CLIENT_FAILURES.events.slice(3) }
    expect(await stored()).toStrictEqual({ ...OF_CLIENT, [CLIENT_KEY]: tally })
  })

  it('clears everything, as the release before does', async () => {
    const { counter, stored } = await identifierCounter()
    expect(await counter.settle(earlier.SETTLE_ALL_CLEARED)).toMatchObject({
      settled: true,
      status: { remaining: 10 },
    })
    expect(await stored()).toStrictEqual({ [IDENTIFIER_KEY]: earlier.CLEARED, alarm: FROZEN_MS + 60_000 })
  })

  it('clears nothing twice', async () => {
    const { counter, stored } = await clearedCounter()
    expect(await counter.settle(earlier.SETTLE_ALL_CLEARED)).toMatchObject({ settled: true })
    expect(await stored()).toStrictEqual(OF_IDENTIFIER_CLEARED)
  })

  it('counts a registration once that was reserved before', async () => {
    const { counter, stored } = await requesterCounter()
    expect(await counter.settle(earlier.SETTLE_REGISTERED)).toMatchObject({
      settled: true,
      status: { remaining: 2 },
    })
    expect(await stored()).toStrictEqual(OF_CLIENT)
  })

  it('takes a registration back that was reserved before', async () => {
    const { counter, stored } = await requesterCounter()
    expect(await counter.settle(earlier.SETTLE_NOT_REGISTERED)).toMatchObject({
      settled: true,
      status: { remaining: 3 },
    })
    expect(await stored()).toStrictEqual({
      ...OF_CLIENT,
      [REGISTRATIONS_KEY]: { ...REGISTRATIONS, events: [] },
    })
  })
})

describe('records of the release before: prove and claim', () => {
  it('let an attempt through that is dear enough for the further failures of before', async () => {
    const { counter, stored } = await requesterCounter()
    expect(await counter.prove(earlier.PROVE)).toStrictEqual({ admitted: true, status: FULL })
    expect(await stored()).toStrictEqual(OF_CLIENT)
  })

  it('refuse one that is too cheap for old and new failures together', async () => {
    const { counter } = await requesterCounter()
    for (const id of ['a', 'b', 'c']) await counter.settle({ ...earlier.SETTLE_CHALLENGED, id })
    const cheap = { ...earlier.PROVE, level: 0 }
    expect(await counter.prove(cheap)).toMatchObject({ admitted: false, status: { level: 2 } })
    expect(await counter.prove(earlier.PROVE)).toMatchObject({ admitted: true })
  })

  it('refuse a nonce that was claimed before, while its challenge lives and after', async () => {
    const { counter, stored } = await requesterCounter()
    const [nonce, expiresAtMs] = earlier.CLAIM
    for (const nowMs of [FROZEN_MS, expiresAtMs - 1, expiresAtMs]) {
      freeze(nowMs)
      expect(await counter.claim(nonce, expiresAtMs)).toBe(false)
    }
    expect(await stored()).toStrictEqual(OF_CLIENT)
  })

  it('claim another nonce beside it', async () => {
    const { counter, stored } = await requesterCounter()
    expect(await counter.claim('another', 4_000_000_190_000)).toBe(true)
    expect(await stored()).toStrictEqual({ ...OF_CLIENT, 'nonce:another': 4_000_000_190_000 })
  })
})

describe('records of the release before: the alarm', () => {
  it('leaves what counts, and comes again', async () => {
    const { stub, stored } = await requesterCounter()
    freeze(OF_CLIENT.alarm)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await stored()).toStrictEqual({ ...OF_CLIENT, alarm: OF_CLIENT.alarm + 60_000 })
    expect(await runDurableObjectAlarm(stub)).toBe(true)
  })

  it('forgets a nonce once its challenge has expired', async () => {
    const { stub, stored } = await requesterCounter()
    const { [`nonce:${earlier.NONCE}` as const]: expiresAtMs, ...others } = OF_CLIENT
    freeze(expiresAtMs)
    await runDurableObjectAlarm(stub)
    expect(await stored()).toStrictEqual({ ...others, alarm: expiresAtMs + 60_000 })
  })

  it.each([
    ['a client', OF_CLIENT, 4_000_000_200_000],
    ['an identifier', OF_IDENTIFIER, 4_000_000_770_000],
    ['an identifier that was cleared', OF_IDENTIFIER_CLEARED, 4_000_000_030_000],
  ])('gives all storage of %s back when nothing counts any more', async (_whose, records, endsAtMs) => {
    const { stub, stored } = await holding(records)
    freeze(endsAtMs)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await stored()).toEqual({})
  })

  it('is not put off by what comes later, and set anew where it was lost', async () => {
    const { stub, counter, stored } = await requesterCounter()
    await counter.settle(earlier.SETTLE_CHALLENGED)
    expect(await stored()).toMatchObject({ alarm: OF_CLIENT.alarm })
    await runInDurableObject(stub, (_object, { storage }) => storage.deleteAlarm())
    freeze(OF_CLIENT.alarm)
    await counter.claim('another', OF_CLIENT.alarm + 100_000)
    expect(await stored()).toMatchObject({ alarm: OF_CLIENT.alarm + 100_000 })
    expect(await runDurableObjectAlarm(stub)).toBe(true)
  })
})

describe('arguments of the release before', () => {
  const failure = {
    format: 1,
    events: [{ id: earlier.NEW_ATTEMPT, atMs: FROZEN_MS, account: earlier.SETTLE_COUNTED.outcome.account }],
    furtherAtMs: [],
    keepUntilMs: 4_000_000_300_000,
  }
  const registration = {
    ...failure,
    events: [{ id: earlier.NEW_ATTEMPT, atMs: FROZEN_MS, account: earlier.NEW_ATTEMPT }],
  }

  it('reserve and settle a failure, which the release before could read', async () => {
    const { counter, stored } = empty()
    const status = { exhausted: false, remaining: 2, resetInMs: 300_000, level: 0 }
    expect(await counter.reserve(earlier.RESERVE_CLIENT)).toStrictEqual({ admitted: true, status })
    expect(await counter.settle(earlier.SETTLE_COUNTED)).toStrictEqual({ settled: true, status })
    expect(await stored()).toStrictEqual({ [CLIENT_KEY]: failure, alarm: 4_000_000_300_000 })
  })

  it('reserve a registration, which the release before could read', async () => {
    const { counter, stored } = empty()
    expect(await counter.reserve(earlier.RESERVE_REGISTRATION)).toMatchObject({ admitted: true })
    expect(await stored()).toStrictEqual({ [REGISTRATIONS_KEY]: registration, alarm: 4_000_000_300_000 })
  })

  it('claim a nonce once, which the release before could read', async () => {
    const { counter, stored } = empty()
    expect(await counter.claim(...earlier.CLAIM)).toBe(true)
    expect(await counter.claim(...earlier.CLAIM)).toBe(false)
    expect(await stored()).toStrictEqual({
      [`nonce:${earlier.NONCE}`]: 4_000_000_180_000,
      alarm: 4_000_000_180_000,
    })
  })

  it('that may not wait are refused while pending ones fill the threshold', async () => {
    const { counter } = empty()
    const request = { ...earlier.RESERVE_CLIENT, waits: false }
    for (const id of ['a', 'b', 'c']) await counter.reserve({ ...request, id })
    expect(await counter.reserve(request)).toMatchObject({ admitted: false, status: { exhausted: false } })
  })

  it('that may wait are let through when one before them is void', async () => {
    const { counter } = empty()
    for (const id of ['a', 'b', 'c']) await counter.reserve({ ...earlier.RESERVE_CLIENT, id })
    const waiting = counter.reserve(earlier.RESERVE_CLIENT)
    await counter.look(...earlier.LOOK_CLIENT)
    await counter.settle({ ...earlier.SETTLE_VOID, id: 'a' })
    expect(await waiting).toMatchObject({ admitted: true })
  })

  it('prove an attempt, which settles whatever fills the threshold', async () => {
    const { counter } = await requesterCounter()
    expect(await counter.prove(earlier.PROVE)).toMatchObject({ admitted: true })
    expect(await counter.settle({ ...earlier.SETTLE_COUNTED, challenged: false })).toMatchObject({
      settled: true,
    })
  })

  it.each(SETTLEMENTS)(
    'settle where nothing is kept: $outcome.kind, $rule, challenged: $challenged',
    async (request) => {
      const { counter, stored } = empty()
      expect(await counter.settle(request)).toMatchObject({ settled: true })
      expect(Object.keys(await stored())).toEqual(
        request.outcome.kind === 'counted' ? ['alarm', `tally:${request.rule}`] : [],
      )
    },
  )
})

describe('what is stored now has the members that the release before knows, no more and no fewer:', () => {
  it.each([
    ['a failure', earlier.SETTLE_COUNTED],
    ['a failure after a challenge', earlier.SETTLE_CHALLENGED],
    ['a registration', earlier.SETTLE_REGISTERED],
  ])('%s', async (_what, request) => {
    const { counter, stored } = empty()
    for (const id of ['a', 'b', 'c', 'd']) await counter.settle({ ...request, id, challenged: true })
    const { alarm, [`tally:${request.rule}`]: tally, ...others } = await stored()
    expect(others).toEqual({})
    expect(alarm).toBe(FROZEN_MS + 300_000)
    expect(membersOf(tally)).toEqual(membersOf(CLIENT_FAILURES))
    expect(eventMembers(tally)).toEqual(eventMembers(CLIENT_FAILURES))
  })

  it('what is left when some is taken back or cleared', async () => {
    const { counter, stored } = await requesterCounter()
    await counter.settle(earlier.SETTLE_CLEARED)
    await counter.settle(earlier.SETTLE_NOT_REGISTERED)
    const { [CLIENT_KEY]: failures, [REGISTRATIONS_KEY]: registrations } = await stored()
    for (const tally of [failures, registrations]) expect(membersOf(tally)).toEqual(membersOf(REGISTRATIONS))
    expect(eventMembers(failures)).toEqual(eventMembers(CLIENT_FAILURES))
  })

  function eventMembers(tally: unknown) {
    const { events } = tally as { readonly events: readonly object[] }
    return new Set(events.map((event) => membersOf(event).join(' ')))
  }
})

describe('a Worker passes what a counter of the release before knows, and nothing beside it:', () => {
  /** Every way in which counters are called: a registration, failures, a challenge, log ins that are right and void. */
  async function story() {
    const { bindings, passed } = recordCalls()
    const here = visitor(workerWith(bindings))
    const { name, user } = await newPerson(workerWith(bindings))
    await here.failTimes(3, name)
    const { challenge } = await refused(here.logIn(name))
    await ok(here.logIn(name, PASSWORD, await solve(challenge)))
    await disable(user.id)
    await refused(visitor(workerWith(bindings)).logIn(name))
    return passed
  }

  it('whatever it asks of a counter', async () => {
    const passed = await story()
    const expected = {
      reserve: [[earlier.RESERVE_CLIENT]],
      settle: [[earlier.SETTLE_COUNTED], [earlier.SETTLE_VOID]],
      look: [earlier.LOOK_IDENTIFIER],
      prove: [[earlier.PROVE]],
      claim: [earlier.CLAIM],
    }
    for (const [method, values] of Object.entries(expected)) {
      const kinds = values.map((each) => membersOf(each).join(' '))
      expect(kindsOf(passed, method), method).toEqual(new Set(kinds))
    }
    const outcomes = passed
      .filter(({ method }) => method === 'settle')
      .map(({ values: [request] }) => (request as { outcome: { kind: string } }).outcome.kind)
    expect(new Set(outcomes)).toEqual(new Set(SETTLEMENTS.map(({ outcome }) => outcome.kind)))
  })
})
