import { runInDurableObject } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { MAX_FAMILIES } from '../../src/sessions/token-family.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import {
  newAccount,
  newAccountWithSession,
  newFamily,
  newPagesFamily,
  openOne,
  policy,
  present,
  UNKNOWN_ID,
} from './account-under-test.ts'

beforeEach(() => freeze())
afterEach(thaw)

const OTHER_HASH = new Uint8Array(32).fill(0xff)
const check = (sessionId: string) => ({ sessionId, sessionsNotBeforeMs: 0 })

/** A session with the families of an app and of the pages. */
async function onPages() {
  const [app, pages] = [newFamily(), newPagesFamily()]
  const account = await newAccountWithSession(app, pages)
  const { object, id } = account
  const presentApp = (generation: number) => object.rotate(present(id, app, generation))
  const presentPages = (generation: number, withForm = false) =>
    object.rotate({ ...present(id, pages, generation), withForm })
  return { ...account, app, pages, presentApp, presentPages }
}

describe('a session of an account object', () => {
  it('expires at its end and not a millisecond before', async () => {
    const { object, id, session } = await newAccountWithSession()
    freeze(session.expiresAt - 1)
    expect(await object.check(check(id))).not.toBeNull()
    freeze(session.expiresAt)
    expect(await object.check(check(id))).toBeNull()
    expect(await object.end({ sessionId: id, policy })).toBe(false)
    expect(await object.openFamily({ ...check(id), family: newFamily(), policy })).toBeNull()
    expect(await object.list({ sessionsNotBeforeMs: 0 })).toEqual([])
  })

  it.each([
    ['a secret of another family', { secretHash: OTHER_HASH }],
    ['a generation that was not issued yet', { generation: 1 }],
    ['the id of another session', { sessionId: UNKNOWN_ID }],
    ['the id of another family', { familyId: UNKNOWN_ID }],
  ])('refuses to rotate a family for %s, and keeps it', async (_what, changes) => {
    const { object, presented } = await newAccountWithSession()
    expect(await object.rotate({ ...presented, ...changes })).toEqual({ outcome: 'unknown' })
    expect(await object.rotate(presented)).toMatchObject({ outcome: 'rotated' })
  })

  it('ends by its id, or by the secret of one of its families', async () => {
    const account = await onPages()
    const { object, id, app, pages } = account
    const familyOf = ({ id: familyId, secretHash }: typeof app) => ({ familyId, secretHash })
    const end = (sessionId: string, ...presented: readonly ReturnType<typeof familyOf>[]) =>
      object.endBySecret({ sessionId, presented, policy })
    const wrong = { familyId: app.id, secretHash: OTHER_HASH }
    expect(await end(id, wrong)).toBe('unknown')
    expect(await end(UNKNOWN_ID, familyOf(app))).toBe('unknown')
    expect(await object.end({ sessionId: UNKNOWN_ID, policy })).toBe(false)
    expect(await object.check(check(id))).not.toBeNull()
    expect(await end(id, wrong, familyOf(pages))).toBe('ended')
    expect(await object.check(check(id))).toBeNull()
    expect(await end(id, familyOf(app))).toBe('unknown')
    const other = await openOne(account)
    expect(await object.end({ sessionId: other.id, policy })).toBe(true)
  })

  it('ends by the secret of a family only for the client of the family', async () => {
    const { object, id, family } = await newAccountWithSession()
    const presented = [{ familyId: family.id, secretHash: family.secretHash }]
    const end = (clientId: string) => object.endBySecret({ sessionId: id, presented, clientId, policy })
    expect(await end('another')).toBe('other_client')
    expect(await object.check(check(id))).not.toBeNull()
    expect(await end('gatehouse')).toBe('ended')
  })

  it('stores nothing for requests to an account object that has no account', async () => {
    const { stub, object } = newAccount()
    const family = newFamily()
    const presented = [{ familyId: family.id, secretHash: family.secretHash }]
    expect(await object.rotate(present(UNKNOWN_ID, family))).toEqual({ outcome: 'unknown' })
    expect(await object.check(check(UNKNOWN_ID))).toBeNull()
    expect(await object.list({ sessionsNotBeforeMs: 0 })).toEqual([])
    expect(await object.openFamily({ ...check(UNKNOWN_ID), family, policy })).toBeNull()
    expect(await object.end({ sessionId: UNKNOWN_ID, policy })).toBe(false)
    expect(await object.endBySecret({ sessionId: UNKNOWN_ID, presented, policy })).toBe('unknown')
    expect(await object.endAll({ policy })).toBe(true)
    const left = await runInDurableObject(stub, (_instance, { storage }) => [...storage.kv.list()])
    expect(left).toEqual([])
  })
})

describe('the families of a session', () => {
  it('rotate independently of each other', async () => {
    const { presentApp, presentPages } = await onPages()
    expect(await presentApp(0)).toMatchObject({ outcome: 'rotated', active: { family: { generation: 1 } } })
    expect(await presentPages(0)).toMatchObject({
      outcome: 'repeated',
      active: { family: { generation: 0 } },
    })
    expect(await presentPages(0, true)).toMatchObject({ outcome: 'rotated' })
    expect(await presentApp(1)).toMatchObject({ outcome: 'rotated', active: { family: { generation: 2 } } })
  })

  it('end together when a token of one of them is reused', async () => {
    const { object, id, presentApp, presentPages } = await onPages()
    await presentPages(0, true)
    await presentPages(1)
    advance(10)
    expect(await presentPages(0)).toMatchObject({ outcome: 'reused' })
    expect(await presentApp(0)).toEqual({ outcome: 'unknown' })
    expect(await presentPages(1)).toEqual({ outcome: 'unknown' })
    expect(await object.check(check(id))).toBeNull()
  })

  it('extend the idle end of the session when the cookie of the pages rotates', async () => {
    const { presentPages, session } = await onPages()
    advance(3_599)
    expect(await presentPages(0)).toMatchObject({ active: { session: { expiresAt: session.expiresAt } } })
    advance(1)
    expect(await presentPages(0)).toMatchObject({
      outcome: 'rotated',
      active: { session: { expiresAt: session.expiresAt + 3_600_000 } },
    })
  })

  it('gain a family, and lose the one that it replaces', async () => {
    const { object, id, app, presentApp, presentPages } = await onPages()
    const next = newFamily()
    const opening = { ...check(id), family: next, policy }
    expect(await object.openFamily({ ...opening, replacedId: app.id })).toMatchObject({ session: { id } })
    expect(await presentApp(0)).toEqual({ outcome: 'unknown' })
    expect(await presentPages(0)).toMatchObject({ outcome: 'repeated' })
    expect(await object.rotate(present(id, next))).toMatchObject({ outcome: 'rotated' })
  })

  it('keep every one that is opened at the same time, up to the maximum', async () => {
    const { object, id, presented } = await newAccountWithSession()
    advance(1)
    const added = Array.from({ length: MAX_FAMILIES }, () => newFamily())
    await Promise.all(added.map((family) => object.openFamily({ ...check(id), family, policy })))
    const rotated = await Promise.all(added.map((family) => object.rotate(present(id, family))))
    expect(rotated.map(({ outcome }) => outcome)).toEqual(added.map(() => 'rotated'))
    expect(await object.rotate(presented)).toEqual({ outcome: 'unknown' })
  })

  it('issue one successor when a token is presented many times at once', async () => {
    const { object, presented } = await newAccountWithSession()
    const results = await Promise.all(Array.from({ length: 20 }, () => object.rotate(presented)))
    const generations = results.map((result) => 'active' in result && result.active.family.generation)
    expect(new Set(generations)).toEqual(new Set([1]))
    expect(results.filter(({ outcome }) => outcome === 'rotated')).toHaveLength(1)
  })

  it('issue one successor when the cookie of the pages is sent with many forms at once', async () => {
    const { presentPages } = await onPages()
    const results = await Promise.all(Array.from({ length: 20 }, () => presentPages(0, true)))
    const generations = results.map((result) => 'active' in result && result.active.family.generation)
    expect(new Set(generations)).toEqual(new Set([1]))
  })

  it('are refused for good when the session ends during many refreshes', async () => {
    const { object, id, presented } = await newAccountWithSession()
    const refreshing = Array.from({ length: 10 }, () => object.rotate(presented))
    const ending = object.end({ sessionId: id, policy })
    const late = Array.from({ length: 10 }, () => object.rotate(presented))
    await Promise.all([...refreshing, ending, ...late])
    expect(await object.rotate({ ...presented, generation: 1 })).toEqual({ outcome: 'unknown' })
    expect(await object.check(check(id))).toBeNull()
  })
})
