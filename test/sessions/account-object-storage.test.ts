import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { advance, freeze, thaw } from '../support/clock.ts'
import { DAY, newAccount, policy } from './account-under-test.ts'

beforeEach(() => freeze())
afterEach(thaw)

describe('storage and alarms', () => {
  it('keeps sessions and version after an eviction', async () => {
    const { stub, object, open, state } = newAccount()
    const opened = await open({ state: state(5) })
    if (opened.outcome !== 'opened') throw new Error(opened.outcome)
    await evictDurableObject(stub)
    expect(await object.check(opened.activeSession.session.id, 0)).toMatchObject({
      profile: { username: 'v5' },
    })
    await evictDurableObject(stub)
    expect(await open({ state: state(4) })).toEqual({ outcome: 'stale', version: 5 })
  })

  it('keeps the version for a day after the last session, then deletes all storage', async () => {
    const { stub, object, open, state } = newAccount()
    const opened = await open({ state: state(5) })
    if (opened.outcome !== 'opened') throw new Error(opened.outcome)
    await object.end(opened.activeSession.session.id)
    advance(DAY - 1)
    await runDurableObjectAlarm(stub)
    expect(await open({ state: state(4), readFrom: 'primary' })).toMatchObject({ version: 5 })
    advance(1)
    await runDurableObjectAlarm(stub)
    const left = await runInDurableObject(stub, (_instance, { storage }) => [...storage.kv.list()])
    expect(left).toEqual([])
    expect(await open({ state: state(4), readFrom: 'replica' })).toEqual({ outcome: 'stale', version: null })
    expect(await open({ state: state(4), readFrom: 'primary' })).toMatchObject({ outcome: 'opened' })
  })

  it('reschedules an alarm that fires too early', async () => {
    const { stub, object, state } = newAccount()
    await object.applyState(state(5), policy)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
  })

  it('reschedules an alarm that was lost', async () => {
    const { stub, object, state } = newAccount()
    await object.applyState(state(5), policy)
    await runInDurableObject(stub, (_instance, { storage }) => storage.deleteAlarm())
    advance(DAY + 1)
    await object.endAll()
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    const left = await runInDurableObject(stub, (_instance, { storage }) => [...storage.kv.list()])
    expect(left).toEqual([])
  })

  it('keeps the version for another day when account state is published again', async () => {
    const { stub, object, open, state } = newAccount()
    await object.applyState(state(5), policy)
    advance(DAY - 1)
    await object.applyState(state(5), policy)
    advance(DAY - 1)
    await runDurableObjectAlarm(stub)
    expect(await open({ state: state(4) })).toEqual({ outcome: 'stale', version: 5 })
  })

  it('deletes an expired session by alarm while others are alive', async () => {
    const { stub, object, open, state } = newAccount()
    await open({ state: state(5) })
    advance(10 * DAY)
    const second = await open({ state: state(5) })
    if (second.outcome !== 'opened') throw new Error(second.outcome)
    advance(20 * DAY)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    const keys = await runInDurableObject(stub, (_instance, { storage }) =>
      [...storage.kv.list()].map(([key]) => key),
    )
    expect(keys).toEqual(['account', `session:${second.activeSession.session.id}`])
    expect(await object.check(second.activeSession.session.id, 0)).not.toBeNull()
    advance(10 * DAY)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await object.list(0)).toEqual([])
  })
})

describe('a session of an account object', () => {
  const OTHER_HASH = new Uint8Array(32).fill(0xff)
  const UNKNOWN_ID = '03a352eb-ffff-7000-8000-000000000000'

  async function opened() {
    const account = newAccount()
    const result = await account.open({ state: account.state(5) })
    if (result.outcome !== 'opened') throw new Error(result.outcome)
    const { id, secretHash, expiresAt } = result.activeSession.session
    const presented = { sessionId: id, secretHash, generation: 0, policy, sessionsNotBeforeMs: 0 }
    return { ...account, id, secretHash, expiresAt, presented }
  }

  it('expires a session at its end and not a millisecond before', async () => {
    const { object, id, expiresAt } = await opened()
    freeze(expiresAt - 1)
    expect(await object.check(id, 0)).not.toBeNull()
    freeze(expiresAt)
    expect(await object.check(id, 0)).toBeNull()
    expect(await object.end(id)).toBe(false)
    expect(await object.list(0)).toEqual([])
  })

  it.each([
    ['a secret of another session', { secretHash: OTHER_HASH }],
    ['a generation that was not issued yet', { generation: 1 }],
    ['the id of another session', { sessionId: UNKNOWN_ID }],
  ])('refuses to rotate a session for %s, and keeps it', async (_what, changes) => {
    const { object, presented } = await opened()
    expect(await object.rotate({ ...presented, ...changes })).toEqual({ outcome: 'unknown' })
    expect(await object.rotate(presented)).toMatchObject({ outcome: 'rotated' })
  })

  it('ends a session by its own id or secret only', async () => {
    const { object, open, state, id, secretHash } = await opened()
    await object.endBySecret(id, OTHER_HASH)
    await object.endBySecret(UNKNOWN_ID, secretHash)
    expect(await object.end(UNKNOWN_ID)).toBe(false)
    expect(await object.check(id, 0)).not.toBeNull()
    await object.endBySecret(id, secretHash)
    expect(await object.check(id, 0)).toBeNull()
    expect(await object.end(id)).toBe(false)
    const other = await open({ state: state(5) })
    if (other.outcome !== 'opened') throw new Error(other.outcome)
    expect(await object.end(other.activeSession.session.id)).toBe(true)
  })

  it('stores nothing for requests to an account object that has no account', async () => {
    const { stub, object } = newAccount()
    const presented = { secretHash: OTHER_HASH, generation: 0, policy, sessionsNotBeforeMs: 0 }
    expect(await object.rotate({ ...presented, sessionId: UNKNOWN_ID })).toEqual({ outcome: 'unknown' })
    expect(await object.check(UNKNOWN_ID, 0)).toBeNull()
    expect(await object.list(0)).toEqual([])
    expect(await object.end(UNKNOWN_ID)).toBe(false)
    await object.endBySecret(UNKNOWN_ID, OTHER_HASH)
    await object.endAll()
    const left = await runInDurableObject(stub, (_instance, { storage }) => [...storage.kv.list()])
    expect(left).toEqual([])
  })
})
