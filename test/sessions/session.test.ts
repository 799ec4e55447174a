import { describe, expect, it } from 'vitest'
import type { AccountProfile } from '../../src/accounts/account.ts'
import { utf8 } from '../../src/crypto/bytes.ts'
import {
  beginSession,
  type LiveState,
  makeRoom,
  type Session,
  sessionUnderState,
  withFamily,
  withNewFamily,
} from '../../src/sessions/session.ts'
import { beginFamily, type NewFamily } from '../../src/sessions/token-family.ts'
import { newFamily, newSession } from './account-under-test.ts'

const NOW = 4_000_000_000_000
const policy = { idleSeconds: 1_000, maxSeconds: 3_000, graceSeconds: 10, maxSessions: 3, activityDays: 90 }
const app = newFamily({ id: 'app', scope: ['read'] })
const pages = newFamily({ id: 'pages', kind: 'pages', clientId: 'gatehouse-pages' })

function begin(changes: Partial<Session> = {}, families: readonly NewFamily[] = [app, pages]) {
  const row = beginSession(newSession({ id: 'session' }), families, 7, policy, NOW)
  return { ...row, session: { ...row.session, ...changes } }
}

describe('a session', () => {
  it('ends after the idle time without use, at the latest after the absolute lifetime', () => {
    expect(begin().session).toMatchObject({ expiresAt: NOW + 1_000_000, endsAt: NOW + 3_000_000 })
    const short = beginSession(newSession(), [app], 7, { ...policy, maxSeconds: 500 }, NOW)
    expect(short.session.expiresAt).toBe(NOW + 500_000)
  })

  it('extends its idle end with each use of a family, never beyond the absolute end', () => {
    let row = begin()
    for (const [id, seconds] of [
      ['app', 900],
      ['pages', 1_800],
      ['app', 2_700],
    ] as const) {
      const used = row.families.find((family) => family.id === id) ?? beginFamily(app, NOW)
      row = withFamily(row, { ...used, lastUsedAt: NOW + seconds * 1000 }, policy)
    }
    expect(row.session).toMatchObject({ lastUsedAt: NOW + 2_700_000, expiresAt: NOW + 3_000_000 })
    expect(row.families.map(({ id }) => id)).toEqual(['app', 'pages'])
  })

  it('keeps its idle end when a family changes without a use', () => {
    const row = begin()
    const changed = { ...beginFamily(pages, NOW), endedAt: [NOW] }
    expect(withFamily(row, changed, policy).session).toBe(row.session)
  })

  it('opens a further family in place of a named one, as a use', () => {
    const row = withNewFamily(begin(), newFamily({ id: 'next' }), 'app', policy, NOW + 5_000)
    expect(row.families.map(({ id }) => id)).toEqual(['pages', 'next'])
    expect(row.session).toMatchObject({ lastUsedAt: NOW + 5_000, expiresAt: NOW + 1_005_000 })
  })

  it('has at most 20 families and ends the least recently used one for one more', () => {
    let row = begin()
    for (let count = 1; count <= 18; count++) {
      row = withNewFamily(row, newFamily({ id: `${count}` }), undefined, policy, NOW + count)
    }
    row = withFamily(row, { ...beginFamily(app, NOW), lastUsedAt: NOW + 100 }, policy)
    expect(row.families).toHaveLength(20)
    const full = withNewFamily(row, newFamily({ id: 'next' }), undefined, policy, NOW + 200)
    expect(full.families).toHaveLength(20)
    expect(full.families.map(({ id }) => id)).not.toContain('pages')
    expect(full.families.map(({ id }) => id)).toContain('app')
  })
})

describe("a session under the account's state", () => {
  const profile = { id: 'account', disabled: false } as AccountProfile
  const state = (changes: Partial<LiveState> = {}): LiveState => ({
    format: 1,
    version: 9,
    sessionsNotBefore: 5,
    survivingSession: null,
    profile,
    ...changes,
  })
  const survivingSession = { id: 'session', familyId: 'new', secretHash: utf8('new') }
  const under = (row: ReturnType<typeof begin>, current: Parameters<typeof sessionUnderState>[1]) =>
    sessionUnderState(row, current, policy, NOW + 60_000)

  it('keeps a session that was opened under `sessionsNotBefore` or a later version', () => {
    const row = begin({ openedUnderVersion: 5 })
    expect(under(row, state())).toBe(row)
  })

  it.each([
    ['it was opened before the change that ended sessions', begin({ openedUnderVersion: 4 }), state()],
    ['the account is disabled', begin(), state({ profile: { ...profile, disabled: true } })],
    ['the account is deleted', begin(), { ...state(), profile: null }],
    [
      'another session is the surviving one',
      begin({ openedUnderVersion: 4 }),
      state({ survivingSession: { ...survivingSession, id: 'other' } }),
    ],
  ])('ends a session when %s', (_when, row, current) => {
    expect(under(row, current)).toBeNull()
  })

  it('renews the surviving session as after a login, with one family in place of all', () => {
    const used = begin({ openedUnderVersion: 4 })
    expect(under(used, state({ survivingSession }))).toEqual({
      format: 1,
      session: {
        ...used.session,
        openedUnderVersion: 5,
        authTime: NOW + 60_000,
        lastUsedAt: NOW + 60_000,
        expiresAt: NOW + 60_000 + 1_000_000,
      },
      families: [beginFamily({ ...app, id: 'new', secretHash: utf8('new') }, NOW + 60_000)],
    })
  })

  it('renews the surviving session once when the same state is published again', () => {
    const renewed = under(begin({ openedUnderVersion: 4 }), state({ survivingSession }))
    expect(renewed && under(renewed, state({ survivingSession }))).toBe(renewed)
  })
})

describe('the maximum number of sessions', () => {
  const usedAt = (id: string, lastUsedAt: number) => begin({ id, lastUsedAt })
  const remaining = (maxSessions: number) => {
    const rows = [usedAt('b', 2), usedAt('a', 1), usedAt('c', 3)]
    return makeRoom(rows, { ...policy, maxSessions }).map(({ session }) => session.id)
  }

  it('ends the least recently used sessions so that one more fits', () => {
    expect(remaining(3)).toEqual(['b', 'c'])
    expect(remaining(1)).toEqual([])
    expect(remaining(4)).toEqual(['b', 'a', 'c'])
  })
})
