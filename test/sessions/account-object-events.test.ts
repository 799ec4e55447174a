/** The outbox of an account's object: what is written with a change, and what the alarm delivers. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { AccountObject } from '../../src/sessions/account-object.ts'
import type { AccountRow } from '../../src/sessions/account-record.ts'
import { advance, FROZEN_MS, freeze, thaw } from '../support/clock.ts'
import { captureLog, lines } from '../support/log.ts'
import { newAccount, newAccountWithSession, newSession, openOne, policy } from './account-under-test.ts'

captureLog()
beforeEach(() => freeze())
afterEach(thaw)

type Stub = ReturnType<typeof newAccount>['stub']

const eventsOf = (stub: Stub) =>
  runInDurableObject(stub, (_instance, { storage }) => storage.kv.get<AccountRow>('account')?.events ?? [])
const alarmOf = (stub: Stub) => runInDurableObject(stub, (_instance, { storage }) => storage.getAlarm())
const logged = () => lines.map((line) => JSON.parse(line))

/** An account that has just logged in from a second device. */
async function newDevice() {
  const account = newAccount()
  const { open, state } = account
  await open({ state: state(5) })
  const session = newSession({ userAgent: 'Firefox/140.0', ip: '203.0.113.7', country: 'DE' })
  const result = await open({ state: state(5), session })
  if (result.outcome !== 'opened') throw new Error(result.outcome)
  return { ...account, session, accountId: state(5).profile.id, events: result.events }
}

/** An account whose session has a token that was replaced too long ago. */
async function withReplacedToken() {
  const account = await newAccountWithSession()
  await account.object.rotate(account.presented)
  advance(10)
  return account
}

describe('an event of an account', () => {
  it('is written and returned by a login from a new device, and due after 5 s', async () => {
    const { stub, events, session, accountId } = await newDevice()
    expect(events).toEqual([
      {
        format: 1,
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        accountId,
        kind: 'new_device_login',
        at: FROZEN_MS,
        sessionId: session.id,
        data: { ip: '203.0.113.7', userAgent: 'Firefox/140.0', country: 'DE' },
        attempts: 0,
        dueAt: FROZEN_MS + 5_000,
      },
    ])
    expect(await eventsOf(stub)).toEqual(events)
    expect(await alarmOf(stub)).toBe(FROZEN_MS + 5_000)
  })

  it('is written and returned once when a token was replaced too long ago', async () => {
    const { stub, object, id, presented } = await withReplacedToken()
    const events = [{ kind: 'refresh_token_reused', sessionId: id }]
    expect(await object.rotate(presented)).toMatchObject({ outcome: 'reused', events })
    expect(await object.rotate(presented)).toEqual({ outcome: 'unknown' })
    expect(await eventsOf(stub)).toMatchObject(events)
  })

  it('is not written by a known device, a refresh, a logout or an expired session', async () => {
    const account = await newAccountWithSession()
    const { stub, object, session, presented } = account
    const alarm = await alarmOf(stub)
    const second = await openOne(account)
    await object.rotate(presented)
    await object.end({ sessionId: second.id, policy })
    expect(await alarmOf(stub)).toBe(alarm)
    freeze(session.expiresAt)
    await runDurableObjectAlarm(stub)
    expect(await eventsOf(stub)).toEqual([])
    expect(lines).toEqual([])
  })

  it('is lost with its change if their transaction is lost', async () => {
    const { stub, object, presented } = await withReplacedToken()
    await runInDurableObject(stub, async (instance, { storage }) => {
      if (!(instance instanceof AccountObject)) throw new Error('another object')
      let result: unknown
      const lose = () => {
        // Whatever it stored later would remain.
        result = instance.rotate(presented)
        throw new Error('lost')
      }
      expect(() => storage.transactionSync(lose)).toThrow('lost')
      expect(await result).toMatchObject({ outcome: 'reused' })
    })
    expect(await eventsOf(stub)).toEqual([])
    expect(await object.rotate(presented)).toMatchObject({ outcome: 'reused' })
    expect(await eventsOf(stub)).toHaveLength(1)
  })

  it('is removed by its settlement, and not delivered by the alarm', async () => {
    const { stub, object, events } = await newDevice()
    await object.settleEvents(events.map(({ id }) => id))
    await object.settleEvents(events.map(({ id }) => id))
    expect(await eventsOf(stub)).toEqual([])
    advance(5)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(lines).toEqual([])
  })

  it('is dropped when its account is deleted', async () => {
    const { stub, object, state } = await newDevice()
    await object.applyState({ state: state(5), policy })
    expect(await eventsOf(stub)).toHaveLength(1)
    await object.applyState({
      state: { ...state(6, { sessionsNotBefore: 6 }), profile: null },
      policy,
    })
    expect(await eventsOf(stub)).toEqual([])
  })
})

describe('the alarm of an account', () => {
  it('delivers an event that is due, once, also after an eviction', async () => {
    const { stub, events, session, accountId } = await newDevice()
    advance(4)
    await runDurableObjectAlarm(stub)
    expect(lines).toEqual([])
    await evictDurableObject(stub)
    advance(1)
    await runDurableObjectAlarm(stub)
    const { id: event_id } = events[0] ?? {}
    const named = { event_id, account_id: accountId, session_id: session.id }
    const time = new Date().toISOString()
    expect(logged()).toEqual([{ time, level: 'info', event: 'new_device_login', ...named }])
    expect(await eventsOf(stub)).toEqual([])
    advance(60)
    await runDurableObjectAlarm(stub)
    expect(lines).toHaveLength(1)
  })

  it('attempts an event again after 1 min, 5 min, 30 min and every 2 h, and logs that it is overdue', async () => {
    const { stub } = await newDevice()
    const deliver = vi.spyOn(console, 'info').mockImplementation(() => {
      throw new Error('unavailable')
    })
    const pauses: number[] = []
    for (let attempts = 1; attempts <= 6; attempts++) {
      freeze((await alarmOf(stub)) ?? 0)
      await runDurableObjectAlarm(stub)
      const [event] = await eventsOf(stub)
      expect(event).toMatchObject({ attempts })
      pauses.push(((event?.dueAt ?? 0) - Date.now()) / 1000)
      expect(await alarmOf(stub)).toBe(event?.dueAt)
    }
    expect(pauses).toEqual([60, 300, 1_800, 7_200, 7_200, 7_200])
    const outcomes = logged().map(({ event }) => event)
    const failed = Array(4).fill('outbox_delivery_failed')
    expect(outcomes).toEqual([...failed, 'outbox_event_overdue', 'outbox_event_overdue'])
    deliver.mockImplementation(() => undefined)
    freeze((await alarmOf(stub)) ?? 0)
    await runDurableObjectAlarm(stub)
    expect(await eventsOf(stub)).toEqual([])
  })

  it('is not postponed by a login while an event is overdue', async () => {
    const { stub, open, state, session } = await newDevice()
    advance(60)
    await open({ state: state(5), session: { ...session, id: newSession().id } })
    expect(await alarmOf(stub)).toBeLessThanOrEqual(Date.now())
  })
})
