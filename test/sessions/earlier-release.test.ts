/** Two releases at once: records and arguments of the release before, and what goes back to it in a rollback. */
import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AccountSessions } from '../../src/sessions/account-object.ts'
import {
  call,
  changePassword,
  logIn,
  NEW_PASSWORD,
  newPerson,
  ok,
  PASSWORD,
  refresh,
  refused,
  type Tokens,
  workerWith,
} from '../support/client.ts'
import { advance, FROZEN_MS, freeze, thaw } from '../support/clock.ts'
import { restorePoint } from '../support/database.ts'
import { kindsOf, membersOf, recordCalls } from '../support/recording.ts'
import * as earlier from './earlier-records.ts'

beforeEach(() => freeze())
afterEach(thaw)

const { PHONE, LAPTOP, KEPT_PHONE, LIVE, KEPT, RESTING, DELETED, OPENED } = earlier
const DAY = 86_400
const OTHER_HASH = new Uint8Array(32).fill(0xff)
const UNKNOWN_ID = '03a352eb-ffff-7000-8000-000000000000'

type Sessions = readonly { readonly id: string }[]
type Account = typeof LIVE | typeof KEPT | typeof RESTING | typeof DELETED

const recordsOf = (account: object, sessions: Sessions): Record<string, unknown> =>
  Object.fromEntries([
    ['account', account],
    ...sessions.map((session) => [`session:${session.id}`, session] as const),
  ])

/** An object with these records in its storage. */
async function holding(account: Account, sessions: Sessions) {
  const { stub, ...rest } = empty()
  await runInDurableObject(stub, (_object, { storage }) => {
    for (const [key, record] of Object.entries(recordsOf(account, sessions))) storage.kv.put(key, record)
    return storage.setAlarm(account.wakeAt)
  })
  return { stub, ...rest }
}

function empty() {
  const stub = env.ACCOUNT.getByName(crypto.randomUUID())
  const object = stub as unknown as AccountSessions
  const stored = () =>
    runInDurableObject(stub, (_object, { storage }) => Object.fromEntries(storage.kv.list<unknown>()))
  return { stub, object, stored }
}

const liveAccount = () => holding(LIVE, [PHONE, LAPTOP])
const keptAccount = () => holding(KEPT, [KEPT_PHONE])
const deletedAccount = () => holding(DELETED, [])

const grantOf = (session: object) => ({ session, profile: LIVE.state.profile })
const opening = (version: number, changes: object = {}) => ({
  ...earlier.OPEN_NEAREST,
  state: { ...earlier.OPEN_NEAREST.state, version, ...changes },
})

describe('records of the release before: check', () => {
  it('answers with the session and the profile as they stand', async () => {
    const { object, stored } = await liveAccount()
    expect(await object.check(PHONE.id)).toStrictEqual(grantOf(PHONE))
    expect(await object.check(LAPTOP.id)).toStrictEqual(grantOf(LAPTOP))
    expect(await stored()).toStrictEqual(recordsOf(LIVE, [PHONE, LAPTOP]))
  })

  it('answers with the session that a change kept', async () => {
    const { object } = await keptAccount()
    expect(await object.check(PHONE.id)).toStrictEqual(grantOf(KEPT_PHONE))
  })

  it('knows no session that is not there', async () => {
    for (const { object } of [await liveAccount(), await deletedAccount(), await holding(RESTING, [])]) {
      expect(await object.check(UNKNOWN_ID)).toBeNull()
    }
  })

  it('refuses a session once it has expired, and not a moment before', async () => {
    const { object } = await liveAccount()
    freeze(PHONE.expiresAt - 1)
    expect(await object.check(PHONE.id)).not.toBeNull()
    freeze(PHONE.expiresAt)
    expect(await object.check(PHONE.id)).toBeNull()
  })

  it("refuses and ends a session that began before everybody's were ended", async () => {
    const { object, stored } = await liveAccount()
    expect(await object.check(PHONE.id, PHONE.createdAt)).not.toBeNull()
    expect(await object.check(PHONE.id, PHONE.createdAt + 1)).toBeNull()
    expect(await stored()).toStrictEqual(recordsOf(LIVE, [LAPTOP]))
  })
})

describe('records of the release before: rotate', () => {
  const phone = (changes: object = {}) => ({ ...earlier.ROTATE, ...changes })

  it('takes the current generation', async () => {
    const { object, stored } = await liveAccount()
    const session = {
      ...PHONE,
      generation: 3,
      // Of the two before, one is within the grace.
      rotatedAt: [...PHONE.rotatedAt.slice(-1), FROZEN_MS],
      lastUsedAt: FROZEN_MS,
      expiresAt: 4_002_592_000_000,
    }
    expect(await object.rotate(phone())).toStrictEqual({ outcome: 'rotated', grant: grantOf(session) })
    expect(await stored()).toStrictEqual(recordsOf(LIVE, [session, LAPTOP]))
  })

  it('takes the first token of a session that was never rotated, and of one that a change kept', async () => {
    const { object } = await liveAccount()
    const first = { sessionId: LAPTOP.id, secretHash: LAPTOP.secretHash, generation: 0 }
    expect(await object.rotate(phone(first))).toMatchObject({ outcome: 'rotated' })
    const { object: kept } = await keptAccount()
    const keptFirst = { secretHash: KEPT_PHONE.secretHash, generation: 0 }
    expect(await kept.rotate(phone(keptFirst))).toMatchObject({ outcome: 'rotated' })
  })

  it('repeats the current generation for one that was rotated out within the grace', async () => {
    const { object, stored } = await liveAccount()
    const answer = await object.rotate(phone({ generation: 1 }))
    expect(answer).toStrictEqual({ outcome: 'repeated', grant: grantOf(PHONE) })
    expect(await stored()).toStrictEqual(recordsOf(LIVE, [PHONE, LAPTOP]))
  })

  it('ends a session of which a generation comes after its grace', async () => {
    const { object, stored } = await liveAccount()
    expect(await object.rotate(phone({ generation: 0 }))).toStrictEqual({ outcome: 'reused' })
    expect(await object.rotate(phone())).toStrictEqual({ outcome: 'unknown' })
    expect(await stored()).toStrictEqual(recordsOf(LIVE, [LAPTOP]))
  })

  it.each([
    ['another secret', { secretHash: OTHER_HASH }],
    ['a generation to come', { generation: 3 }],
    ['another session', { sessionId: LAPTOP.id }],
    ['a session that is not there', { sessionId: UNKNOWN_ID }],
    ["a session that began before everybody's were ended", { sessionsNotBeforeMs: PHONE.createdAt + 1 }],
  ])('refuses %s', async (_what, changes) => {
    const { object } = await liveAccount()
    expect(await object.rotate(phone(changes))).toStrictEqual({ outcome: 'unknown' })
    expect(await object.check(LAPTOP.id)).not.toBeNull()
  })

  it('refuses the secret that a session had before a change kept it', async () => {
    const { object } = await keptAccount()
    expect(await object.rotate(phone({ generation: 0 }))).toStrictEqual({ outcome: 'unknown' })
  })

  it('refuses an expired session, and any of a deleted account', async () => {
    const { object: deleted } = await deletedAccount()
    expect(await deleted.rotate(phone())).toStrictEqual({ outcome: 'unknown' })
    const { object } = await liveAccount()
    freeze(PHONE.expiresAt)
    expect(await object.rotate(phone())).toStrictEqual({ outcome: 'unknown' })
  })
})

describe('records of the release before: list', () => {
  it('has the live sessions as they stand, newest use first', async () => {
    const { object } = await liveAccount()
    expect(await object.list()).toStrictEqual([PHONE, LAPTOP])
  })

  it('leaves out those that have expired, and drops them', async () => {
    const { object, stored } = await liveAccount()
    freeze(LAPTOP.expiresAt)
    expect(await object.list()).toStrictEqual([PHONE])
    expect(await stored()).toStrictEqual(recordsOf(LIVE, [PHONE]))
  })

  it("leaves out those that began before everybody's were ended", async () => {
    const { object } = await liveAccount()
    expect(await object.list(PHONE.createdAt + 1)).toStrictEqual([LAPTOP])
  })

  it('is empty without sessions', async () => {
    for (const { object } of [await deletedAccount(), await holding(RESTING, [])]) {
      expect(await object.list()).toEqual([])
    }
  })
})

describe('records of the release before: end, endBySecret and endAll', () => {
  /** After the last session: kept for a day more. */
  const atRest = {
    ...LIVE,
    keepUntil: FROZEN_MS + DAY * 1000,
    wakeAt: FROZEN_MS + DAY * 1000,
  }

  it('end one session and leave the other', async () => {
    const first = await liveAccount()
    expect(await first.object.end(PHONE.id)).toBe(true)
    expect(await first.stored()).toStrictEqual(recordsOf(LIVE, [LAPTOP]))
    const second = await liveAccount()
    await second.object.endBySecret(PHONE.id, PHONE.secretHash)
    expect(await second.stored()).toStrictEqual(recordsOf(LIVE, [LAPTOP]))
  })

  it('end all sessions, and keep the version for a day more', async () => {
    const { object, stored } = await liveAccount()
    await object.endAll()
    expect(await stored()).toStrictEqual(recordsOf(atRest, []))
  })

  it('end nothing that is not there, or has ended or expired', async () => {
    const { object } = await liveAccount()
    expect(await object.end(UNKNOWN_ID)).toBe(false)
    expect(await object.end(PHONE.id)).toBe(true)
    expect(await object.end(PHONE.id)).toBe(false)
    freeze(LAPTOP.expiresAt)
    expect(await object.end(LAPTOP.id)).toBe(false)
  })

  it("call no session alive that began before everybody's were ended", async () => {
    const { object } = await liveAccount()
    expect(await object.end(PHONE.id, PHONE.createdAt + 1)).toBe(false)
    expect(await object.list()).toStrictEqual([LAPTOP])
  })

  it('end nothing by another secret, or by that of before a change', async () => {
    const live = await liveAccount()
    await live.object.endBySecret(PHONE.id, OTHER_HASH)
    await live.object.endBySecret(UNKNOWN_ID, PHONE.secretHash)
    expect(await live.stored()).toStrictEqual(recordsOf(LIVE, [PHONE, LAPTOP]))
    const kept = await keptAccount()
    await kept.object.endBySecret(PHONE.id, PHONE.secretHash)
    expect(await kept.stored()).toStrictEqual(recordsOf(KEPT, [KEPT_PHONE]))
  })

  it('change nothing of a deleted account', async () => {
    const { object, stored } = await deletedAccount()
    expect(await object.end(PHONE.id)).toBe(false)
    await object.endBySecret(PHONE.id, PHONE.secretHash)
    await object.endAll()
    expect(await stored()).toStrictEqual(recordsOf(DELETED, []))
  })
})

describe('records of the release before: tell', () => {
  const [edited, policy] = earlier.TELL_EDIT
  const [changed] = earlier.TELL_KEPT
  const [gone] = earlier.TELL_DELETED

  it('takes a higher version, and leaves the sessions that it does not end', async () => {
    const { object, stored } = await liveAccount()
    expect(await object.tell(edited, policy)).toBeNull()
    expect(await stored()).toStrictEqual(recordsOf({ ...LIVE, state: edited }, [PHONE, LAPTOP]))
  })

  it('keeps one session under its new secret and ends the others', async () => {
    const { object, stored } = await liveAccount()
    const session = {
      ...KEPT_PHONE,
      lastUsedAt: FROZEN_MS,
      authTime: FROZEN_MS,
      expiresAt: 4_002_592_000_000,
    }
    expect(await object.tell(changed, policy)).toStrictEqual({ session, profile: changed.profile })
    expect(await stored()).toStrictEqual(recordsOf({ ...LIVE, state: changed }, [session]))
  })

  it('of a deletion ends everything', async () => {
    const { object, stored } = await liveAccount()
    expect(await object.tell(gone, policy)).toBeNull()
    const until = FROZEN_MS + DAY * 1000
    expect(await stored()).toStrictEqual(recordsOf({ state: gone, keepUntil: until, wakeAt: until }, []))
  })

  it('told again answers with the kept session, and changes nothing', async () => {
    const { object, stored } = await keptAccount()
    expect(await object.tell(KEPT.state, policy)).toStrictEqual(grantOf(KEPT_PHONE))
    expect(await stored()).toStrictEqual(recordsOf(KEPT, [KEPT_PHONE]))
  })

  it('told a lower version changes nothing', async () => {
    const { object, stored } = await keptAccount()
    const lower = { ...LIVE.state, sessionsNotBefore: 9 }
    expect(await object.tell(lower, policy)).toBeNull()
    expect(await stored()).toStrictEqual(recordsOf(KEPT, [KEPT_PHONE]))
  })

  it('brings no deleted account back by a lower version', async () => {
    const { object } = await deletedAccount()
    expect(await object.tell(LIVE.state, policy)).toBeNull()
    expect(await object.open(earlier.OPEN_NEAREST)).toEqual({ outcome: 'stale', version: 5 })
  })
})

describe('records of the release before: open', () => {
  it('takes the version that is held, and a higher one', async () => {
    const { object } = await liveAccount()
    for (const version of [4, 5]) {
      expect(await object.open(opening(version))).toMatchObject({
        outcome: 'opened',
        activeSession: { session: { id: OPENED.id, openedUnder: version } },
      })
    }
    expect(await object.list()).toHaveLength(3)
  })

  it('ends what a higher version ends', async () => {
    const { object } = await liveAccount()
    await object.open(opening(5, { sessionsNotBefore: 4 }))
    expect((await object.list()).map(({ id }) => id)).toEqual([OPENED.id, LAPTOP.id])
  })

  it('ends the least recently used past the cap', async () => {
    const { object } = await liveAccount()
    await object.open({ ...opening(4), policy: { ...earlier.OPEN.policy, maxSessions: 2 } })
    expect((await object.list()).map(({ id }) => id)).toEqual([OPENED.id, PHONE.id])
  })

  it.each([
    ['kept a session', keptAccount],
    ['was deleted', deletedAccount],
  ])('refuses a lower version than that of an account which %s', async (_how, account) => {
    const { object, stored } = await account()
    const before = await stored()
    for (const request of [earlier.OPEN, earlier.OPEN_NEAREST, { ...earlier.OPEN, replaces: 4 }]) {
      expect(await object.open(request)).toStrictEqual({ outcome: 'stale', version: 5 })
    }
    expect(await stored()).toStrictEqual(before)
  })

  it('lowers the version to a primary read that began after its answer', async () => {
    const { object } = await deletedAccount()
    expect(await object.open(earlier.OPEN_REPLACING)).toMatchObject({ outcome: 'opened' })
  })
})

describe('records of the release before: the alarm', () => {
  it('clears what has expired and leaves the rest', async () => {
    const { stub, stored } = await liveAccount()
    freeze(LAPTOP.expiresAt)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await stored()).toStrictEqual(recordsOf({ ...LIVE, wakeAt: PHONE.expiresAt }, [PHONE]))
  })

  it('that goes off too early clears nothing, and comes again', async () => {
    const { stub, stored } = await liveAccount()
    await runDurableObjectAlarm(stub)
    expect(await stored()).toStrictEqual(recordsOf({ ...LIVE, wakeAt: LAPTOP.expiresAt }, [PHONE, LAPTOP]))
    expect(await runDurableObjectAlarm(stub)).toBe(true)
  })

  it.each([
    ['rests', RESTING],
    ['was deleted', DELETED],
  ] as const)('forgets an account that %s when its day is over, and not before', async (_how, record) => {
    const { stub, stored } = await holding(record, [])
    freeze(record.keepUntil - 1)
    await runDurableObjectAlarm(stub)
    expect(await stored()).toStrictEqual(recordsOf(record, []))
    freeze(record.keepUntil)
    expect(await runDurableObjectAlarm(stub)).toBe(true)
    expect(await stored()).toEqual({})
  })
})

describe('arguments of the release before', () => {
  it('open a session, which the release before could read', async () => {
    const { object, stored } = empty()
    const profile = earlier.OPEN.state.profile
    expect(await object.open(earlier.OPEN)).toStrictEqual({
      outcome: 'opened',
      activeSession: { session: OPENED, profile },
    })
    const account = { state: earlier.OPEN.state, keepUntil: null, wakeAt: OPENED.expiresAt }
    expect(await stored()).toStrictEqual(recordsOf(account, [OPENED]))
  })

  it('open nothing by a read of a replica where nothing is held', async () => {
    const { object, stored } = empty()
    expect(await object.open(earlier.OPEN_NEAREST)).toStrictEqual({ outcome: 'stale', version: null })
    expect(await stored()).toEqual({})
  })

  it('replace a higher version after a restore, and only the one that they name', async () => {
    const { object } = await keptAccount()
    const other = { ...earlier.OPEN_REPLACING, replaces: 6 }
    expect(await object.open(other)).toEqual({ outcome: 'stale', version: 5 })
    expect(await object.open(earlier.OPEN_REPLACING)).toMatchObject({ outcome: 'opened' })
  })

  it("rotate, check, list and end without a word of the end of everybody's sessions", async () => {
    const { object } = await liveAccount()
    expect(await object.rotate(earlier.ROTATE)).toMatchObject({ outcome: 'rotated' })
    expect(await object.check(...earlier.NAMED)).toMatchObject({ session: { id: PHONE.id, generation: 3 } })
    expect(await object.list(...earlier.NOTHING)).toHaveLength(2)
    expect(await object.end(...earlier.NAMED)).toBe(true)
    expect(await object.check(...earlier.NAMED)).toBeNull()
  })

  it('end a session by its secret, and all of them', async () => {
    const { object } = await liveAccount()
    await object.endBySecret(...earlier.BY_SECRET)
    expect(await object.list()).toStrictEqual([LAPTOP])
    await object.endAll(...earlier.NOTHING)
    expect(await object.list()).toEqual([])
  })

  it('tell an edit, a change that keeps a session, and a deletion', async () => {
    for (const [state, policy] of [earlier.TELL_EDIT, earlier.TELL_KEPT, earlier.TELL_DELETED]) {
      const { object, stored } = await liveAccount()
      await object.tell(state, policy)
      expect(await stored()).toMatchObject({ account: { state } })
    }
  })

  it('are refused where an object is empty, and leave nothing there', async () => {
    const { object, stored } = empty()
    expect(await object.rotate(earlier.ROTATE)).toEqual({ outcome: 'unknown' })
    expect(await object.check(...earlier.NAMED)).toBeNull()
    expect(await object.list(...earlier.NOTHING)).toEqual([])
    expect(await object.end(...earlier.NAMED)).toBe(false)
    await object.endBySecret(...earlier.BY_SECRET)
    await object.endAll(...earlier.NOTHING)
    expect(await stored()).toEqual({})
  })
})

describe('what is stored now has the members that the release before knows, no more and no fewer:', () => {
  const accountMembers = membersOf({ ...LIVE, state: { ...LIVE.state, profile: earlier.OPEN.state.profile } })
  const [edited, policy] = earlier.TELL_EDIT

  const expectKnown = async (stored: () => Promise<Record<string, unknown>>) => {
    const { account, ...sessions } = await stored()
    expect(membersOf(account)).toEqual(accountMembers)
    expect(Object.keys(sessions)).not.toEqual([])
    for (const session of Object.values(sessions)) expect(membersOf(session)).toEqual(membersOf(PHONE))
  }

  it('of a session that is opened, checked and rotated', async () => {
    const { object, stored } = empty()
    await object.open(earlier.OPEN)
    await object.check(OPENED.id, FROZEN_MS)
    const { id: sessionId, secretHash } = OPENED
    await object.rotate({ ...earlier.ROTATE, sessionId, secretHash, generation: 0, sessionsNotBeforeMs: 0 })
    await expectKnown(stored)
  })

  it('of one that a change kept, once a later edit has been told', async () => {
    const { object, stored } = await liveAccount()
    await object.tell(...earlier.TELL_KEPT)
    await object.tell({ ...edited, version: 6, sessionsNotBefore: 5 }, policy)
    await expectKnown(stored)
  })

  it('of those that are left when one is ended, and when the alarm has gone off', async () => {
    const { stub, object, stored } = await liveAccount()
    await object.tell(...earlier.TELL_EDIT)
    await object.end(PHONE.id, 0)
    advance(DAY)
    await runDurableObjectAlarm(stub)
    await expectKnown(stored)
  })
})

describe('a Worker passes what an object of the release before knows, and beside that only what it may ignore:', () => {
  /** All else is what the release before passes, too. */
  const IGNORED: Readonly<Record<string, readonly string[]>> = {
    open: ['0.session.transport', '0.session.country', '0.session.city'],
    rotate: ['0.sessionsNotBeforeMs'],
    check: ['1'],
    list: ['0'],
    // Without the id of the session that asks they end what they are told to, even if that has ended meanwhile.
    end: ['1', '2'],
    // It ends the session that asks as well: more than was asked for, never less.
    endAll: ['0', '1'],
  }

  /** Every way in which an account's object is called; the database is restored on the way. */
  async function story() {
    const { bindings, passed } = recordCalls()
    const fetch = workerWith(bindings)
    const { name, access_token: bearer } = await newPerson(fetch)
    const restore = await restorePoint()
    const kept = await ok<Tokens>(changePassword(bearer, {}, fetch))
    const other = await ok<Tokens>(logIn(name, NEW_PASSWORD, fetch))
    const { refresh_token } = await ok<Tokens>(refresh(other.refresh_token, fetch))
    const mine = { bearer: kept.access_token }
    await ok(call('GET', '/auth/sessions', mine, fetch))
    await refused(call('DELETE', `/auth/sessions/${UNKNOWN_ID}`, mine, fetch))
    await ok(call('POST', '/auth/logout', { body: { refresh_token } }, fetch), 204)
    await ok(call('DELETE', '/auth/sessions?except=current', mine, fetch), 204)
    await ok(call('DELETE', '/auth/sessions', mine, fetch), 204)
    await restore()
    const again = await ok<Tokens>(logIn(name, PASSWORD, fetch))
    const body = { current_password: PASSWORD }
    await ok(call('DELETE', '/auth/me', { bearer: again.access_token, body }, fetch), 204)
    return passed
  }

  it('whatever it asks of an account', async () => {
    const passed = await story()
    const openKept = { ...earlier.OPEN, state: earlier.TELL_KEPT[0] }
    const expected = {
      open: [[earlier.OPEN], [openKept], [earlier.OPEN_REPLACING]],
      rotate: [[earlier.ROTATE]],
      check: [earlier.NAMED],
      list: [earlier.NOTHING],
      end: [earlier.NAMED],
      endBySecret: [earlier.BY_SECRET],
      endAll: [earlier.NOTHING],
      tell: [earlier.TELL_KEPT, earlier.TELL_DELETED],
    }
    for (const [method, values] of Object.entries(expected)) {
      const kinds = values.map((each) => membersOf(each).join(' '))
      expect(kindsOf(passed, method, IGNORED[method]), method).toEqual(new Set(kinds))
    }
  })
})
