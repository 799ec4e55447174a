import { runDurableObjectAlarm } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { randomBytes } from '../../src/crypto/bytes.ts'
import type { AccountStub } from '../../src/sessions/account-object.ts'
import { advance, FROZEN_MS, freeze, thaw } from '../support/clock.ts'
import { DAY, newAccount, policy } from './account-under-test.ts'

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
    expect(await object.list(0)).toHaveLength(1)
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
    expect(await object.list(0)).toHaveLength(1)
  })

  it('ends the least recently used session beyond the maximum number', async () => {
    const { open, state, object } = newAccount()
    const ids: string[] = []
    for (let count = 0; count < 4; count++) {
      advance(1)
      const result = await open({ state: state(5) })
      if (result.outcome === 'opened') ids.push(result.activeSession.session.id)
    }
    expect((await object.list(0)).map(({ id }) => id)).toEqual(ids.slice(1).toReversed())
  })
})

describe('published account state', () => {
  it('applies published account state if its version is higher, in any order of arrival', async () => {
    const { object, open, state } = newAccount()
    const opened = await open({ state: state(5) })
    if (opened.outcome !== 'opened') throw new Error(opened.outcome)
    await object.applyState(state(7), policy)
    await object.applyState(state(6, { sessionsNotBefore: 6 }), policy)
    expect(await object.check(opened.activeSession.session.id, 0)).toMatchObject({
      profile: { username: 'v7' },
    })
    await object.applyState(state(8, { sessionsNotBefore: 6 }), policy)
    expect(await object.check(opened.activeSession.session.id, 0)).toBeNull()
  })

  it('renews the surviving session under its new secret once, also if the state is published twice or after a login', async () => {
    const { object, open, state } = newAccount()
    const opened = await open({ state: state(5) })
    if (opened.outcome !== 'opened') throw new Error(opened.outcome)
    const { id, secretHash: before } = opened.activeSession.session
    const survivingSession = { id, secretHash: randomBytes(32) }
    const changed = state(6, { sessionsNotBefore: 6, survivingSession })
    await open({ state: changed })
    const surviving = await object.applyState(changed, policy)
    expect(surviving?.session).toMatchObject({ id, secretHash: survivingSession.secretHash, generation: 0 })
    const presented = { sessionId: id, generation: 0, policy, sessionsNotBeforeMs: 0 }
    expect(await object.rotate({ ...presented, secretHash: before })).toEqual({ outcome: 'unknown' })
    expect(await object.rotate({ ...presented, secretHash: survivingSession.secretHash })).toMatchObject({
      outcome: 'rotated',
    })
    expect((await object.applyState(changed, policy))?.session).toMatchObject({ id, generation: 1 })
  })

  it('returns no surviving session when a later change has ended it', async () => {
    const { object, open, state } = newAccount()
    const opened = await open({ state: state(5) })
    if (opened.outcome !== 'opened') throw new Error(opened.outcome)
    const survivingSession = { id: opened.activeSession.session.id, secretHash: randomBytes(32) }
    await object.applyState(state(7, { sessionsNotBefore: 7 }), policy)
    expect(await object.applyState(state(6, { sessionsNotBefore: 6, survivingSession }), policy)).toBeNull()
  })

  it('returns the surviving session when it survived a later change too', async () => {
    const { object, open, state } = newAccount()
    const opened = await open({ state: state(5) })
    if (opened.outcome !== 'opened') throw new Error(opened.outcome)
    const survivingSession = { id: opened.activeSession.session.id, secretHash: randomBytes(32) }
    await object.applyState(state(7, { sessionsNotBefore: 6, survivingSession }), policy)
    const surviving = await object.applyState(state(6, { sessionsNotBefore: 6, survivingSession }), policy)
    expect(surviving).toMatchObject({ session: { id: survivingSession.id }, profile: { username: 'v7' } })
    const another = { ...survivingSession, secretHash: randomBytes(32) }
    expect(
      await object.applyState(state(6, { sessionsNotBefore: 6, survivingSession: another }), policy),
    ).toBeNull()
  })

  it('ends all sessions when a deletion is published, and rejects older versions afterwards', async () => {
    const { object, open, state } = newAccount()
    await open({ state: state(5) })
    await object.applyState(
      { format: 1, version: 6, sessionsNotBefore: 6, survivingSession: null, profile: null },
      policy,
    )
    expect(await object.list(0)).toEqual([])
    expect(await open({ state: state(5), readFrom: 'replica' })).toEqual({ outcome: 'stale', version: 6 })
  })
})

describe("the end of all accounts' sessions", () => {
  async function opened() {
    const { object, open, state } = newAccount()
    const result = await open({ state: state(5) })
    if (result.outcome !== 'opened') throw new Error(result.outcome)
    const { id, secretHash } = result.activeSession.session
    const presented = { sessionId: id, secretHash, generation: 0, policy }
    return { object, open, state, id, presented }
  }

  it('ends sessions that began before `sessionsNotBefore`', async () => {
    const { object, id, presented } = await opened()
    expect(await object.check(id, FROZEN_MS)).not.toBeNull()
    expect(await object.list(FROZEN_MS)).toHaveLength(1)
    expect(await object.list(FROZEN_MS + 1)).toEqual([])
    expect(await object.rotate({ ...presented, sessionsNotBeforeMs: FROZEN_MS })).toMatchObject({
      outcome: 'rotated',
    })
    const later = { ...presented, generation: 1, sessionsNotBeforeMs: FROZEN_MS + 1 }
    expect(await object.rotate(later)).toEqual({ outcome: 'unknown' })
  })

  it('compares `sessionsNotBefore` with the start of a session, not with its last use', async () => {
    const { object, id, presented } = await opened()
    advance(100)
    expect(await object.rotate({ ...presented, sessionsNotBeforeMs: 0 })).toMatchObject({
      outcome: 'rotated',
    })
    expect(await object.check(id, FROZEN_MS + 50_000)).toBeNull()
  })

  it.each([
    ['check', (object: AccountStub, id: string) => object.check(id, FROZEN_MS + 1)],
    [
      'rotate',
      (object: AccountStub, sessionId: string) =>
        object.rotate({
          sessionId,
          secretHash: randomBytes(32),
          generation: 0,
          policy,
          sessionsNotBeforeMs: FROZEN_MS + 1,
        }),
    ],
  ])(
    'ends a session permanently once %s is called with a later `sessionsNotBefore`',
    async (_method, call) => {
      const { object, id, presented } = await opened()
      await call(object, id)
      expect(await object.check(id, 0)).toBeNull()
      expect(await object.rotate({ ...presented, sessionsNotBeforeMs: 0 })).toEqual({ outcome: 'unknown' })
      expect(await object.end(id)).toBe(false)
    },
  )

  it('keeps sessions of the account that began after `sessionsNotBefore`', async () => {
    const { object, open, state, id } = await opened()
    advance(1)
    const other = await open({ state: state(5) })
    if (other.outcome !== 'opened') throw new Error(other.outcome)
    expect(await object.check(id, FROZEN_MS + 1)).toBeNull()
    expect(await object.check(other.activeSession.session.id, FROZEN_MS + 1)).not.toBeNull()
    expect((await object.list(FROZEN_MS + 1)).map((each) => each.id)).toEqual([
      other.activeSession.session.id,
    ])
  })
})

describe('the end of all sessions of an account', () => {
  it('ends all sessions except a given one, which keeps its alarm', async () => {
    const { stub, object, open, state } = newAccount()
    const ids: string[] = []
    for (let sessions = 1; sessions <= 3; sessions++) {
      const opened = await open({ state: state(5) })
      if (opened.outcome !== 'opened') throw new Error(opened.outcome)
      ids.push(opened.activeSession.session.id)
    }
    const surviving = await object.check(ids[1] ?? '', 0)
    await object.endAll(ids[1])
    expect(await object.list(0)).toEqual([surviving?.session])
    advance(90 * DAY)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await object.list(0)).toEqual([])
  })

  it('ends all sessions when the excepted one does not exist', async () => {
    const { object, open, state } = newAccount()
    await open({ state: state(5) })
    await object.endAll('03a352eb-ffff-7000-8000-000000000000')
    expect(await object.list(0)).toEqual([])
  })
})
