import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ActivityPage, ActivityRow } from '../../src/sessions/activity.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { DAY, newAccount, newAccountWithSession, newSession, openOne, policy } from './account-under-test.ts'

beforeEach(() => freeze())
afterEach(thaw)

type Stub = ReturnType<typeof newAccount>['stub']

const check = (sessionId: string) => ({ sessionId, sessionsNotBeforeMs: 0 })
const rowsOf = (stub: Stub) =>
  runInDurableObject(stub, (_instance, { storage }) => [...storage.kv.list<unknown>()])
const keysOf = async (stub: Stub) => (await rowsOf(stub)).map(([key]) => key)
const activityOf = (stub: Stub) =>
  runInDurableObject(stub, (_instance, { storage }) => storage.kv.get<ActivityRow>('activity'))
const activitiesOf = (stub: Stub) =>
  runInDurableObject(stub, (_instance, { storage }) => {
    const pages = [...storage.kv.list<ActivityPage>({ prefix: 'activity:' })].map(([, page]) => page)
    const recent = storage.kv.get<ActivityRow>('activity')?.recent ?? []
    return [...pages.flatMap(({ activities }) => activities), ...recent]
  })

describe('storage and alarms', () => {
  it('keeps sessions and version after an eviction', async () => {
    const { stub, object, open, state, id } = await newAccountWithSession()
    await evictDurableObject(stub)
    expect(await object.check(check(id))).toMatchObject({ profile: { username: 'v5' } })
    await evictDurableObject(stub)
    expect(await open({ state: state(4) })).toEqual({ outcome: 'stale', version: 5 })
  })

  it('deletes all storage ACTIVITY_DAYS after the last event', async () => {
    const { stub, object, open, state, id } = await newAccountWithSession()
    advance(DAY)
    await object.end({ sessionId: id, policy })
    advance(90 * DAY - 1)
    await runDurableObjectAlarm(stub)
    expect(await open({ state: state(4), readFrom: 'primary' })).toMatchObject({ version: 5 })
    advance(1)
    await runDurableObjectAlarm(stub)
    expect(await keysOf(stub)).toEqual([])
    expect(await open({ state: state(4), readFrom: 'replica' })).toEqual({ outcome: 'stale', version: null })
    expect(await open({ state: state(4), readFrom: 'primary' })).toMatchObject({ outcome: 'opened' })
  })

  it('keeps a session beyond ACTIVITY_DAYS, without the activity', async () => {
    const rules = { ...policy, activityDays: 7 }
    const { stub, object, open, state } = newAccount()
    const opened = await open({ state: state(5), policy: rules })
    if (opened.outcome !== 'opened') throw new Error(opened.outcome)
    const { id, expiresAt } = opened.activeSession.session
    advance(7 * DAY)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await keysOf(stub)).toEqual(['account', `session:${id}`])
    expect(await object.check(check(id))).not.toBeNull()
    freeze(expiresAt)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await keysOf(stub)).toEqual([])
  })

  it('forgets the activity of a deleted account at once and its version after one day', async () => {
    const { stub, object, open, state } = await newAccountWithSession()
    const deleted = { ...state(6, { sessionsNotBefore: 6 }), profile: null }
    await object.applyState({ state: deleted, policy })
    expect(await activityOf(stub)).toMatchObject({ pages: 0, devices: [] })
    expect(await activitiesOf(stub)).toEqual([])
    advance(DAY - 1)
    await runDurableObjectAlarm(stub)
    expect(await open({ state: state(5), readFrom: 'primary' })).toEqual({ outcome: 'stale', version: 6 })
    advance(1)
    await runDurableObjectAlarm(stub)
    expect(await keysOf(stub)).toEqual([])
  })

  it('reschedules an alarm that fires too early', async () => {
    const { stub, object, state } = newAccount()
    await object.applyState({ state: state(5), policy })
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
  })

  it('reschedules an alarm that was lost', async () => {
    const { stub, object, state } = newAccount()
    await object.applyState({ state: state(5), policy })
    await runInDurableObject(stub, (_instance, { storage }) => storage.deleteAlarm())
    advance(90 * DAY + 1)
    await object.applyState({ state: state(5), policy })
    advance(90 * DAY)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await keysOf(stub)).toEqual([])
  })

  it('keeps the version for longer when account state is published again', async () => {
    const { stub, object, open, state } = newAccount()
    await object.applyState({ state: state(5), policy })
    advance(90 * DAY - 1)
    await object.applyState({ state: state(5), policy })
    advance(90 * DAY - 1)
    await runDurableObjectAlarm(stub)
    expect(await open({ state: state(4) })).toEqual({ outcome: 'stale', version: 5 })
  })

  it('deletes an expired session by alarm while others are alive', async () => {
    const account = newAccount()
    const { stub, object } = account
    await openOne(account)
    advance(10 * DAY)
    const second = await openOne(account)
    advance(20 * DAY)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await keysOf(stub)).toEqual(['account', 'activity', `session:${second.id}`])
    expect(await object.check(check(second.id))).not.toBeNull()
    advance(10 * DAY)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await keysOf(stub)).toEqual(['account', 'activity'])
  })

  it('writes nothing for queries, also about sessions that have ended', async () => {
    const { stub, object, id, session } = await newAccountWithSession()
    freeze(session.expiresAt)
    const before = await rowsOf(stub)
    expect(await object.check(check(id))).toBeNull()
    expect(await object.list({ sessionsNotBeforeMs: 0 })).toEqual([])
    expect(await object.check({ sessionId: id, sessionsNotBeforeMs: session.expiresAt })).toBeNull()
    expect(await rowsOf(stub)).toEqual(before)
  })

  it('changes one row with a refresh: that of the session', async () => {
    const { stub, object, id, presented } = await newAccountWithSession()
    const before = new Map(await rowsOf(stub))
    advance(60)
    await object.rotate(presented)
    const after = new Map(await rowsOf(stub))
    expect([...after.keys()]).toEqual([...before.keys()])
    const changed = [...after].filter(([key, row]) => JSON.stringify(row) !== JSON.stringify(before.get(key)))
    expect(changed.map(([key]) => key)).toEqual([`session:${id}`])
  })
})

describe('the activity of an account', () => {
  it('records logins, changes of the password, the end of sessions and reused tokens', async () => {
    const account = newAccount()
    const { stub, object, open, state } = account
    await open({ state: state(5), activity: 'registration' })
    const [second, third] = [await openOne(account), await openOne(account)]
    await object.end({ sessionId: second.id, policy })
    await object.rotate(third.presented)
    advance(10)
    await object.rotate(third.presented)
    const last = await openOne(account)
    const survivingSession = { id: last.id, familyId: last.family.id, secretHash: last.family.secretHash }
    await object.applyState({ state: state(6, { sessionsNotBefore: 6, survivingSession }), policy })
    await object.endAll({ policy })
    const activities = await activitiesOf(stub)
    expect(activities.map(({ type }) => type)).toEqual([
      'registration',
      'login',
      'login',
      'session_ended',
      'refresh_token_reused',
      'login',
      'password_changed',
      'sessions_ended',
    ])
    expect(activities.map(({ sessionId }) => sessionId).slice(3)).toEqual([
      second.id,
      third.id,
      last.id,
      last.id,
      null,
    ])
  })

  it('is kept in pages of ten, so that a login does not write the earlier ones again', async () => {
    const { stub, open, state } = newAccount()
    const logIn = async (times: number) => {
      for (let count = 1; count <= times; count++) await open({ state: state(5) })
    }
    await logIn(10)
    expect(await keysOf(stub)).not.toContain('activity:0')
    await logIn(1)
    expect(await activityOf(stub)).toMatchObject({ recent: [{ type: 'login' }], pages: 1 })
    await logIn(50)
    advance(1)
    await logIn(9)
    const pages = (await keysOf(stub)).filter((key) => key.startsWith('activity:'))
    expect(pages).toEqual(['activity:0', 'activity:1', 'activity:2', 'activity:3', 'activity:4'])
    expect((await activitiesOf(stub)).filter(({ at }) => at === Date.now())).toHaveLength(9)
    expect(await activitiesOf(stub)).toHaveLength(60)
  })

  it('is deleted with all pages when the account is deleted', async () => {
    const { stub, object, open, state } = newAccount()
    for (let count = 1; count <= 11; count++) await open({ state: state(5) })
    await object.applyState({ state: { ...state(6, { sessionsNotBefore: 6 }), profile: null }, policy })
    expect(await activitiesOf(stub)).toEqual([])
    expect(await keysOf(stub)).toEqual(['account', 'activity'])
  })

  it('is deleted by an alarm ACTIVITY_DAYS after the last activity of a page', async () => {
    const rules = { ...policy, activityDays: 7 }
    const { stub, open, state } = newAccount()
    const logIn = () => open({ state: state(5), policy: rules })
    for (let count = 1; count <= 10; count++) await logIn()
    advance(6 * DAY)
    await logIn()
    expect(await activitiesOf(stub)).toHaveLength(11)
    advance(DAY - 1)
    await runDurableObjectAlarm(stub)
    expect(await activitiesOf(stub)).toHaveLength(11)
    advance(1)
    await runDurableObjectAlarm(stub)
    expect(await activitiesOf(stub)).toMatchObject([{ at: Date.now() - DAY * 1000 }])
  })

  it('knows the devices of earlier logins by browser family and country', async () => {
    const { open, state } = newAccount()
    const logIn = (userAgent: string) =>
      open({ state: state(5), session: newSession({ userAgent, country: 'DE' }) })
    expect(await logIn('Firefox/140.0')).toMatchObject({ events: [] })
    expect(await logIn('Firefox/141.0')).toMatchObject({ events: [] })
    expect(await logIn('Chrome/140.0')).toMatchObject({ events: [{ kind: 'new_device_login' }] })
    expect(await logIn('Chrome/141.0')).toMatchObject({ events: [] })
  })
})
