import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AccountProfile } from '../../src/accounts/account.ts'
import { randomBytes } from '../../src/crypto/bytes.ts'
import { newId } from '../../src/crypto/ids.ts'
import type { AccountSessions } from '../../src/sessions/account-object.ts'
import type { OpenRequest } from '../../src/sessions/account-rpc.ts'
import type { LiveState, SessionPolicy } from '../../src/sessions/session.ts'
import { advance, FROZEN_MS, freeze, thaw } from '../support/clock.ts'

beforeEach(() => freeze())
afterEach(thaw)

const DAY = 86_400
const policy: SessionPolicy = {
  idleSeconds: 30 * DAY,
  maxSeconds: 90 * DAY,
  graceSeconds: 10,
  maxSessions: 3,
}

/** An account whose object stores nothing yet. */
function newAccount() {
  const id = newId(FROZEN_MS)
  const stub = env.ACCOUNT.getByName(id)
  const object = stub as unknown as AccountSessions
  const state = (version: number, changes: Partial<LiveState> = {}): LiveState => ({
    format: 1,
    version,
    sessionsNotBefore: 1,
    survivingSession: null,
    profile: { id, disabled: false, username: `v${version}` } as AccountProfile,
    ...changes,
  })
  const open = (opening: Pick<OpenRequest, 'state'> & Partial<OpenRequest>) =>
    object.open({ session: newSession(), policy, readFrom: 'primary', ...opening })
  return { stub, object, state, open }
}

const newSession = () => ({
  id: newId(Date.now()),
  secretHash: randomBytes(32),
  scope: null,
  amr: ['pwd'],
  clientId: 'gatehouse',
  ip: null,
  userAgent: null,
  country: null,
  city: null,
  transport: 'body' as const,
})

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
    expect(await open({ state: state(3), readFrom: 'replica', replaces: 5 })).toMatchObject({
      outcome: 'stale',
    })
    expect(await open({ state: state(3), readFrom: 'primary', replaces: 4 })).toMatchObject({
      outcome: 'stale',
    })
    expect(await open({ state: state(3), readFrom: 'primary', replaces: 5 })).toMatchObject({
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
    await object.tell(state(7), policy)
    await object.tell(state(6, { sessionsNotBefore: 6 }), policy)
    expect(await object.check(opened.activeSession.session.id, 0)).toMatchObject({
      profile: { username: 'v7' },
    })
    await object.tell(state(8, { sessionsNotBefore: 6 }), policy)
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
    const surviving = await object.tell(changed, policy)
    expect(surviving?.session).toMatchObject({ id, secretHash: survivingSession.secretHash, generation: 0 })
    const presented = { sessionId: id, generation: 0, policy, sessionsNotBeforeMs: 0 }
    expect(await object.rotate({ ...presented, secretHash: before })).toEqual({ outcome: 'unknown' })
    expect(await object.rotate({ ...presented, secretHash: survivingSession.secretHash })).toMatchObject({
      outcome: 'rotated',
    })
    expect((await object.tell(changed, policy))?.session).toMatchObject({ id, generation: 1 })
  })

  it('returns no surviving session when a later change has ended it', async () => {
    const { object, open, state } = newAccount()
    const opened = await open({ state: state(5) })
    if (opened.outcome !== 'opened') throw new Error(opened.outcome)
    const survivingSession = { id: opened.activeSession.session.id, secretHash: randomBytes(32) }
    await object.tell(state(7, { sessionsNotBefore: 7 }), policy)
    expect(await object.tell(state(6, { sessionsNotBefore: 6, survivingSession }), policy)).toBeNull()
  })

  it('returns the surviving session when it survived a later change too', async () => {
    const { object, open, state } = newAccount()
    const opened = await open({ state: state(5) })
    if (opened.outcome !== 'opened') throw new Error(opened.outcome)
    const survivingSession = { id: opened.activeSession.session.id, secretHash: randomBytes(32) }
    await object.tell(state(7, { sessionsNotBefore: 6, survivingSession }), policy)
    const surviving = await object.tell(state(6, { sessionsNotBefore: 6, survivingSession }), policy)
    expect(surviving).toMatchObject({ session: { id: survivingSession.id }, profile: { username: 'v7' } })
    const another = { ...survivingSession, secretHash: randomBytes(32) }
    expect(
      await object.tell(state(6, { sessionsNotBefore: 6, survivingSession: another }), policy),
    ).toBeNull()
  })

  it('ends all sessions when a deletion is published, and rejects older versions afterwards', async () => {
    const { object, open, state } = newAccount()
    await open({ state: state(5) })
    await object.tell(
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
    ['check', (object: AccountSessions, id: string) => object.check(id, FROZEN_MS + 1)],
    [
      'rotate',
      (object: AccountSessions, sessionId: string) =>
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
    await object.tell(state(5), policy)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
  })

  it('reschedules an alarm that was lost', async () => {
    const { stub, object, state } = newAccount()
    await object.tell(state(5), policy)
    await runInDurableObject(stub, (_instance, { storage }) => storage.deleteAlarm())
    advance(DAY + 1)
    await object.endAll()
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    const left = await runInDurableObject(stub, (_instance, { storage }) => [...storage.kv.list()])
    expect(left).toEqual([])
  })

  it('keeps the version for another day when account state is published again', async () => {
    const { stub, object, open, state } = newAccount()
    await object.tell(state(5), policy)
    advance(DAY - 1)
    await object.tell(state(5), policy)
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
