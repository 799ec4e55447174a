import { runDurableObjectAlarm } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { NewFamily } from '../../src/sessions/token-family.ts'
import { advance, FROZEN_MS, freeze, thaw } from '../support/clock.ts'
import {
  DAY,
  newAccount,
  newAccountWithSession,
  newFamily,
  newPagesFamily,
  openOne,
  policy,
  present,
  UNKNOWN_ID,
} from './account-under-test.ts'

const SINCE_EVER = { sessionsNotBeforeMs: 0 }
const check = (sessionId: string, sessionsNotBeforeMs = 0) => ({ sessionId, sessionsNotBeforeMs })

beforeEach(() => freeze())
afterEach(thaw)

describe('the opening of a session', () => {
  it('requires a read of the primary to open a session in an empty object', async () => {
    const { open, state } = newAccount()
    expect(await open({ state: state(5), readFrom: 'replica' })).toEqual({ outcome: 'stale', version: null })
    expect(await open({ state: state(5), readFrom: 'primary' })).toMatchObject({ outcome: 'opened' })
  })

  it('opens a session under the same or a higher account version, wherever it was read', async () => {
    const { open, state } = newAccount()
    await open({ state: state(5) })
    for (const version of [5, 6]) {
      const result = await open({ state: state(version), readFrom: 'replica' })
      expect(result).toMatchObject({
        outcome: 'opened',
        activeSession: { profile: { username: `v${version}` } },
      })
    }
  })

  it('rejects a lower account version and returns the stored one', async () => {
    const { open, state, object } = newAccount()
    await open({ state: state(5) })
    for (const readFrom of ['replica', 'primary'] as const) {
      expect(await open({ state: state(4), readFrom })).toEqual({ outcome: 'stale', version: 5 })
    }
    expect(await object.list(SINCE_EVER)).toHaveLength(1)
  })

  it('lowers the account version only to a read of the primary that began after its result', async () => {
    const { open, state } = newAccount()
    await open({ state: state(5) })
    expect(await open({ state: state(3), readFrom: 'replica', replacesVersion: 5 })).toMatchObject({
      outcome: 'stale',
    })
    expect(await open({ state: state(3), readFrom: 'primary', replacesVersion: 4 })).toMatchObject({
      outcome: 'stale',
    })
    expect(await open({ state: state(3), readFrom: 'primary', replacesVersion: 5 })).toMatchObject({
      outcome: 'opened',
    })
    expect(await open({ state: state(3), readFrom: 'replica' })).toMatchObject({ outcome: 'opened' })
  })

  it('ends older sessions when a session opens under a version that ends them', async () => {
    const { open, state, object } = newAccount()
    await open({ state: state(5) })
    await open({ state: state(6, { sessionsNotBefore: 6 }) })
    expect(await object.list(SINCE_EVER)).toHaveLength(1)
  })

  it('ends the least recently used session beyond the maximum number', async () => {
    const { open, state, object } = newAccount()
    const ids: string[] = []
    for (let count = 0; count < 4; count++) {
      advance(1)
      const result = await open({ state: state(5) })
      if (result.outcome === 'opened') ids.push(result.activeSession.session.id)
    }
    expect((await object.list(SINCE_EVER)).map(({ id }) => id)).toEqual(ids.slice(1).toReversed())
  })
})

describe('published account state', () => {
  it('applies published account state if its version is higher, in any order of arrival', async () => {
    const { object, state, id } = await newAccountWithSession()
    await object.applyState({ state: state(7), policy })
    await object.applyState({ state: state(6, { sessionsNotBefore: 6 }), policy })
    expect(await object.check(check(id))).toMatchObject({ profile: { username: 'v7' } })
    await object.applyState({ state: state(8, { sessionsNotBefore: 6 }), policy })
    expect(await object.check(check(id))).toBeNull()
  })

  it('renews the surviving session with its new family once, also if the state is published twice or after a login', async () => {
    const { object, open, state, id, presented } = await newAccountWithSession()
    const next = newFamily()
    const changed = state(6, { sessionsNotBefore: 6, survivingSession: surviving(id, next) })
    await open({ state: changed })
    const applied = await object.applyState({ state: changed, policy })
    expect(applied).toMatchObject({ session: { id }, family: { id: next.id, generation: 0 } })
    expect(await object.rotate(presented)).toEqual({ outcome: 'unknown' })
    expect(await object.rotate(present(id, next))).toMatchObject({ outcome: 'rotated' })
    const again = await object.applyState({ state: changed, policy })
    expect(again).toMatchObject({ session: { id }, family: { id: next.id, generation: 1 } })
  })

  it('ends all families of the surviving session except the new one', async () => {
    const [app, pages] = [newFamily({ scope: ['read'] }), newPagesFamily()]
    const { object, state, id } = await newAccountWithSession(app, pages)
    const next = newFamily()
    const changed = state(6, { sessionsNotBefore: 6, survivingSession: surviving(id, next) })
    const applied = await object.applyState({ state: changed, policy })
    expect(applied?.family).toMatchObject({ kind: 'app', clientId: 'gatehouse', scope: ['read'] })
    for (const family of [app, pages]) {
      expect(await object.rotate(present(id, family))).toEqual({ outcome: 'unknown' })
    }
  })

  it('returns no surviving session when a later change has ended it', async () => {
    const { object, state, id } = await newAccountWithSession()
    const survivingSession = surviving(id, newFamily())
    await object.applyState({ state: state(7, { sessionsNotBefore: 7 }), policy })
    const earlier = state(6, { sessionsNotBefore: 6, survivingSession })
    expect(await object.applyState({ state: earlier, policy })).toBeNull()
  })

  it('returns the surviving session when it survived a later change too', async () => {
    const { object, state, id } = await newAccountWithSession()
    const survivingSession = surviving(id, newFamily())
    const changes = { sessionsNotBefore: 6, survivingSession }
    await object.applyState({ state: state(7, changes), policy })
    const applied = await object.applyState({ state: state(6, changes), policy })
    expect(applied).toMatchObject({ session: { id }, profile: { username: 'v7' } })
    const another = { sessionsNotBefore: 6, survivingSession: surviving(id, newFamily()) }
    expect(await object.applyState({ state: state(6, another), policy })).toBeNull()
  })

  it('ends all sessions when a deletion is published, and rejects older versions afterwards', async () => {
    const { object, open, state } = await newAccountWithSession()
    const deleted = {
      format: 1,
      version: 6,
      sessionsNotBefore: 6,
      survivingSession: null,
      profile: null,
    } as const
    await object.applyState({ state: deleted, policy })
    expect(await object.list(SINCE_EVER)).toEqual([])
    expect(await open({ state: state(5), readFrom: 'replica' })).toEqual({ outcome: 'stale', version: 6 })
  })

  const surviving = (id: string, family: NewFamily) => ({
    id,
    familyId: family.id,
    secretHash: family.secretHash,
  })
})

describe("the end of all accounts' sessions", () => {
  it('ends sessions that began before `sessionsNotBefore`', async () => {
    const { object, id, presented } = await newAccountWithSession()
    expect(await object.check(check(id, FROZEN_MS))).not.toBeNull()
    expect(await object.list({ sessionsNotBeforeMs: FROZEN_MS })).toHaveLength(1)
    expect(await object.list({ sessionsNotBeforeMs: FROZEN_MS + 1 })).toEqual([])
    const current = { ...presented, sessionsNotBeforeMs: FROZEN_MS }
    expect(await object.rotate(current)).toMatchObject({ outcome: 'rotated' })
    const later = { ...presented, generation: 1, sessionsNotBeforeMs: FROZEN_MS + 1 }
    expect(await object.rotate(later)).toEqual({ outcome: 'unknown' })
  })

  it('compares `sessionsNotBefore` with the start of a session, not with its last use', async () => {
    const { object, id, presented } = await newAccountWithSession()
    advance(100)
    expect(await object.rotate(presented)).toMatchObject({ outcome: 'rotated' })
    expect(await object.check(check(id, FROZEN_MS + 50_000))).toBeNull()
  })

  it('refuses every RPC about a session that began before `sessionsNotBefore`', async () => {
    const { object, id, presented } = await newAccountWithSession()
    const ended = { sessionId: id, sessionsNotBeforeMs: FROZEN_MS + 1, policy }
    expect(await object.check(ended)).toBeNull()
    expect(await object.rotate({ ...presented, ...ended })).toEqual({ outcome: 'unknown' })
    expect(await object.openFamily({ ...ended, family: newFamily() })).toBeNull()
    expect(await object.end(ended)).toBe(false)
  })

  it('ends a session for good once rotate is called with a later `sessionsNotBefore`', async () => {
    const { object, id, presented } = await newAccountWithSession()
    await object.rotate({ ...presented, sessionsNotBeforeMs: FROZEN_MS + 1 })
    expect(await object.check(check(id))).toBeNull()
    expect(await object.rotate(presented)).toEqual({ outcome: 'unknown' })
  })

  it('keeps sessions of the account that began after `sessionsNotBefore`', async () => {
    const account = await newAccountWithSession()
    advance(1)
    const other = await openOne(account)
    const { object } = account
    expect(await object.check(check(account.id, FROZEN_MS + 1))).toBeNull()
    expect(await object.check(check(other.id, FROZEN_MS + 1))).not.toBeNull()
    const listed = await object.list({ sessionsNotBeforeMs: FROZEN_MS + 1 })
    expect(listed.map((session) => session.id)).toEqual([other.id])
  })
})

describe('the end of all sessions of an account', () => {
  it('ends all sessions except a given one, which keeps its alarm', async () => {
    const account = newAccount()
    const { stub, object } = account
    const ids = [await openOne(account), await openOne(account), await openOne(account)].map(({ id }) => id)
    const exceptId = ids[1] ?? ''
    const surviving = await object.check(check(exceptId))
    await object.endAll({ exceptId, policy })
    expect(await object.list(SINCE_EVER)).toEqual([surviving?.session])
    advance(90 * DAY)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await object.list(SINCE_EVER)).toEqual([])
  })

  it('ends all sessions when the excepted one does not exist', async () => {
    const { object } = await newAccountWithSession()
    await object.endAll({ exceptId: UNKNOWN_ID, policy })
    expect(await object.list(SINCE_EVER)).toEqual([])
  })

  it('ends nothing if the session that requests it has ended', async () => {
    const { object, id } = await newAccountWithSession()
    expect(await object.endAll({ requestedBy: UNKNOWN_ID, policy })).toBe(false)
    expect(await object.end({ sessionId: id, requestedBy: UNKNOWN_ID, policy })).toBe(false)
    expect(await object.check(check(id))).not.toBeNull()
  })
})
