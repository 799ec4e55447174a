import { describe, expect, it } from 'vitest'
import type { AccountProfile } from '../../src/accounts/account.ts'
import type { LiveState } from '../../src/sessions/session.ts'
import { MemoryAccount } from '../support/memory-account.ts'
import { newFamily, newPagesFamily, newSession, policy, present } from './account-under-test.ts'

const HOUR = 3_600_000
const state: LiveState = {
  format: 1,
  version: 5,
  sessionsNotBefore: 1,
  survivingSession: null,
  profile: { id: 'account', disabled: false } as AccountProfile,
}

/** An account in memory with a session of the pages, and how many rows a step writes. */
async function onPages() {
  let nowMs = 4_000_000_000_000
  const account = new MemoryAccount(() => nowMs)
  const [app, pages] = [newFamily(), newPagesFamily()]
  const open = () => {
    const session = newSession()
    const request = { session, families: [app, pages], activity: 'login' as const, state, policy }
    return account.open({ ...request, readFrom: 'primary' })
  }
  const opened = await open()
  if (opened.outcome !== 'opened') throw new Error(opened.outcome)
  const { id } = opened.activeSession.session
  const writesOf = async (step: () => Promise<unknown>) => {
    const before = account.writes
    await step()
    return account.writes - before
  }
  const view = (generation: number) => writesOf(() => account.rotate(present(id, pages, generation)))
  const pass = (ms: number) => {
    nowMs += ms
  }
  return { account, id, app, open, view, writesOf, pass }
}

describe('the rows that an account object writes', () => {
  it('are three for the first login and two for each further one', async () => {
    const { account, open, writesOf } = await onPages()
    expect(account.writes).toBe(3)
    expect(await writesOf(open)).toBe(2)
  })

  it('are zero for page views before a rotation, and one for a rotation and for the first view after it', async () => {
    const { view, pass } = await onPages()
    expect(await view(0)).toBe(0)
    pass(HOUR)
    expect(await view(0)).toBe(1)
    expect(await view(0)).toBe(0)
    expect(await view(1)).toBe(1)
    expect(await view(1)).toBe(0)
  })

  it('are zero for queries, and one for a refresh', async () => {
    const { account, id, app, writesOf } = await onPages()
    const query = { sessionId: id, sessionsNotBeforeMs: 0 }
    expect(await writesOf(() => account.check(query))).toBe(0)
    expect(await writesOf(() => account.list(query))).toBe(0)
    expect(await writesOf(() => account.rotate(present(id, app)))).toBe(1)
    expect(await writesOf(() => account.rotate(present(id, app)))).toBe(0)
  })

  it('are the session and the activity at the end of a session', async () => {
    const { account, id, writesOf } = await onPages()
    expect(await writesOf(() => account.end({ sessionId: id, policy }))).toBe(2)
    expect(await writesOf(() => account.end({ sessionId: id, policy }))).toBe(0)
  })
})
