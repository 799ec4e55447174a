import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { newId } from '../../src/ids.ts'
import { advance, FROZEN_MS, freeze, thaw } from '../support/clock.ts'

/** Copies of what release 0.1.0 stores and sends: while two releases serve at once, each meets the other's. */
const ACCOUNT = '019d0000-0000-7000-8000-000000000001'
const SESSION = '019d0000-0000-7000-8000-000000000002'
const OTHER = '019d0000-0000-7000-8000-000000000003'
const SECRET_HASH = new Uint8Array(32).fill(1)
const NEXT_SECRET_HASH = new Uint8Array(32).fill(2)
const POLICY = { idleSeconds: 2_592_000, maxSeconds: 7_776_000, graceSeconds: 10, maxSessions: 100 }
const FACTS = {
  id: ACCOUNT,
  username: 'ada',
  email: 'ada@example.com',
  emailVerified: false,
  phone: null,
  phoneVerified: false,
  roles: ['editor'],
  scopes: ['read'],
  claims: { plan: 'pro' },
  disabled: false,
  createdAt: 3_999_999_000,
  updatedAt: 3_999_999_000,
}
const LIVE = { format: 1, version: 5, sessionsFrom: 1, keptSession: null, facts: FACTS }
const DELETED = { format: 1, version: 6, sessionsFrom: 6, keptSession: null, facts: null }
const HELD = { state: LIVE, keepUntil: null, wakeAt: FROZEN_MS + 2_592_000_000 }
const STORED_SESSION = {
  format: 1,
  id: SESSION,
  secretHash: SECRET_HASH,
  scope: null,
  amr: ['pwd'],
  clientId: 'gatehouse',
  ip: '192.0.2.1',
  userAgent: 'a browser',
  generation: 3,
  rotatedAt: [FROZEN_MS - 5_000],
  createdAt: FROZEN_MS - 60_000,
  endsAt: FROZEN_MS + 7_000_000_000,
  lastUsedAt: FROZEN_MS - 5_000,
  expiresAt: FROZEN_MS + 2_592_000_000,
  authTime: FROZEN_MS - 60_000,
  openedUnder: 5,
}
const NEW_SESSION = {
  id: OTHER,
  secretHash: NEXT_SECRET_HASH,
  scope: ['read'],
  amr: ['pwd'],
  clientId: 'gatehouse',
  ip: null,
  userAgent: null,
}
const ROTATE = { sessionId: SESSION, secretHash: SECRET_HASH, generation: 3, policy: POLICY }
const OPEN = { session: NEW_SESSION, state: LIVE, policy: POLICY, basis: 'nearest' }

type Calls = Readonly<Record<string, (...values: readonly unknown[]) => Promise<unknown>>>

/** An object that the earlier release has left, and its methods. */
async function leftObject(records: Readonly<Record<string, unknown>> = {}) {
  const stub = env.ACCOUNT.getByName(newId(Date.now()))
  const all = { account: HELD, [`session:${SESSION}`]: STORED_SESSION, ...records }
  await runInDurableObject(stub, (_object, { storage }) => {
    for (const [key, record] of Object.entries(all)) storage.kv.put(key, record)
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
  it('are a session that is alive, with the facts of its account', async () => {
    const { ask } = await leftObject()
    expect(await ask('check', SESSION)).toEqual({ session: STORED_SESSION, facts: FACTS })
    expect(await ask('list')).toEqual([STORED_SESSION])
  })

  it('are a session that rotates, has its grace, and ends by reuse', async () => {
    const { ask } = await leftObject()
    expect(await ask('rotate', ROTATE)).toMatchObject({ outcome: 'rotated', grant: { facts: FACTS } })
    expect(await ask('rotate', ROTATE)).toMatchObject({ outcome: 'repeated' })
    expect(await ask('rotate', { ...ROTATE, generation: 2 })).toMatchObject({ outcome: 'repeated' })
    expect(await ask('rotate', { ...ROTATE, generation: 1 })).toEqual({ outcome: 'reused' })
    expect(await ask('check', SESSION)).toBeNull()
  })

  it('refuse a session by another secret, a later generation or another id', async () => {
    const { ask } = await leftObject()
    for (const wrong of [{ secretHash: NEXT_SECRET_HASH }, { generation: 4 }, { sessionId: OTHER }]) {
      expect(await ask('rotate', { ...ROTATE, ...wrong })).toEqual({ outcome: 'unknown' })
    }
  })

  it('are a session that ends, by its id, by its secret, or with all', async () => {
    const ends: readonly (readonly [string, ...unknown[]])[] = [
      ['end', SESSION],
      ['endBySecret', SESSION, SECRET_HASH],
      ['endAll'],
    ]
    for (const end of ends) {
      const { ask } = await leftObject()
      await ask(...end)
      expect(await ask('check', SESSION)).toBeNull()
    }
  })

  it('are a session that began before everybody was logged out, and ends with that', async () => {
    const { ask } = await leftObject()
    expect(await ask('rotate', { ...ROTATE, sessionsFromMs: STORED_SESSION.createdAt + 1 })).toEqual({
      outcome: 'unknown',
    })
    expect(await ask('check', SESSION)).toBeNull()
  })

  it('are a version: a lower one opens nothing, a higher one ends or keeps what it says', async () => {
    const { ask } = await leftObject()
    expect(await ask('open', { ...OPEN, state: { ...LIVE, version: 4 } })).toEqual({
      outcome: 'stale',
      version: 5,
    })
    const keptSession = { id: SESSION, secretHash: NEXT_SECRET_HASH }
    const changed = { ...LIVE, version: 7, sessionsFrom: 7, keptSession }
    expect(await ask('tell', changed, POLICY)).toMatchObject({ session: { id: SESSION, generation: 0 } })
    expect(await ask('rotate', ROTATE)).toEqual({ outcome: 'unknown' })
  })

  it('are an account that was deleted: nothing opens below its version, and nothing lives', async () => {
    const { ask } = await leftObject({ account: { ...HELD, state: DELETED } })
    expect(await ask('open', OPEN)).toEqual({ outcome: 'stale', version: 6 })
    expect(await ask('check', SESSION)).toBeNull()
  })

  it('are forgotten in their time', async () => {
    const { stub, ask, stored } = await leftObject()
    await ask('end', SESSION)
    advance(86_400)
    await runDurableObjectAlarm(stub)
    expect(await stored()).toEqual({})
  })
})

describe('requests of the earlier release', () => {
  it('open a session beside the one that is there', async () => {
    const { ask } = await leftObject()
    expect(await ask('open', OPEN)).toMatchObject({ outcome: 'opened', grant: { facts: FACTS } })
    expect(await ask('list')).toHaveLength(2)
  })

  it('tell a state', async () => {
    const { ask } = await leftObject()
    const disabled = { ...LIVE, version: 8, sessionsFrom: 8, facts: { ...FACTS, disabled: true } }
    expect(await ask('tell', disabled, POLICY)).toBeNull()
    expect(await ask('check', SESSION)).toBeNull()
  })
})

/** What is added to a record here is unknown to the release that a rollback brings back. */
describe('records of this release', () => {
  it('have the members of the earlier one, and no others', async () => {
    const { ask, stored } = await leftObject()
    await ask('open', OPEN)
    await ask('rotate', ROTATE)
    await ask('tell', { ...LIVE, version: 9 }, POLICY)
    const records: Record<string, object> = await stored()
    expect(Object.keys(records).toSorted()).toEqual(['account', `session:${SESSION}`, `session:${OTHER}`])
    expect(members(records.account)).toEqual(members(HELD))
    expect(members(records[`session:${SESSION}`])).toEqual(members(STORED_SESSION))
    expect(members(records[`session:${OTHER}`])).toEqual(members(STORED_SESSION))
  })
})
