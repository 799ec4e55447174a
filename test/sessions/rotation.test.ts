import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AccountProfile } from '../../src/accounts/account.ts'
import { utf8 } from '../../src/crypto/bytes.ts'
import { beginSession, excessSessions, rotate, sessionUnderState } from '../../src/sessions/rotation.ts'
import type { LiveState, NewSession, Session, SessionPolicy } from '../../src/sessions/session.ts'

const NOW = 4_000_000_000_000
const policy: SessionPolicy = { idleSeconds: 1_000, maxSeconds: 3_000, graceSeconds: 10, maxSessions: 3 }
const request: NewSession = {
  id: 'session',
  secretHash: utf8('hash'),
  scope: null,
  amr: ['pwd'],
  clientId: 'gatehouse',
  ip: null,
  userAgent: null,
  country: null,
  city: null,
  transport: 'body',
}
const begin = (changes: Partial<Session> = {}): Session => ({
  ...beginSession(request, 7, policy, NOW),
  ...changes,
})

const profile = { id: 'account', disabled: false } as AccountProfile
const state = (changes: Partial<LiveState> = {}): LiveState => ({
  format: 1,
  version: 9,
  sessionsNotBefore: 5,
  survivingSession: null,
  profile,
  ...changes,
})

describe('a session', () => {
  it('ends a session after the idle time without use, at the latest after the absolute lifetime', () => {
    expect(begin()).toMatchObject({ expiresAt: NOW + 1_000_000, endsAt: NOW + 3_000_000, generation: 0 })
    const short = beginSession(request, 7, { ...policy, maxSeconds: 500 }, NOW)
    expect(short.expiresAt).toBe(NOW + 500_000)
  })

  it('extends a session with each rotation, never beyond its absolute end', () => {
    let session = begin()
    for (const seconds of [900, 1_800, 2_700]) {
      const rotation = rotate(session, session.generation, policy, NOW + seconds * 1000)
      if (rotation.outcome !== 'rotated') throw new Error(rotation.outcome)
      session = rotation.session
    }
    expect(session).toMatchObject({ generation: 3, expiresAt: NOW + 3_000_000 })
  })

  it.each([
    ['the moment it expires', 0, 1_000_000],
    ['a generation that was never issued', 1, 0],
  ])('reports a session as unknown at %s', (_what, generation, afterMs) => {
    expect(rotate(begin(), generation, policy, NOW + afterMs)).toEqual({ outcome: 'unknown' })
  })
})

describe('rotation compared with a naive model', () => {
  /** The model remembers when each generation was rotated out. */
  function model(
    rotatedOutAt: readonly number[],
    generation: number,
    graceMs: number,
    nowMs: number,
  ): string {
    if (generation > rotatedOutAt.length) return 'unknown'
    const rotatedAt = rotatedOutAt[generation]
    if (rotatedAt === undefined) return 'rotated'
    return nowMs - rotatedAt < graceMs ? 'repeated' : 'reused'
  }

  it('rotates as a naive model does, for any sequence of presented generations and pauses', () => {
    const step = fc.record({
      back: fc.integer({ min: -1, max: 6 }),
      pauseMs: fc.integer({ min: 0, max: 8_000 }),
    })
    const grace = fc.integer({ min: 0, max: 60 })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), grace, (steps, graceSeconds) => {
        const rules = { ...policy, graceSeconds }
        let session = begin()
        let nowMs = NOW
        const rotatedOutAt: number[] = []
        for (const { back, pauseMs } of steps) {
          nowMs += pauseMs
          const generation = Math.max(0, session.generation - back)
          const rotation = rotate(session, generation, rules, nowMs)
          expect(rotation.outcome).toBe(model(rotatedOutAt, generation, graceSeconds * 1000, nowMs))
          if (rotation.outcome === 'repeated') expect(rotation.session).toBe(session)
          if (rotation.outcome === 'reused') return
          if (rotation.outcome !== 'rotated') continue
          rotatedOutAt.push(nowMs)
          session = rotation.session
        }
      }),
    )
  })

  it('remembers at most 100 rotations, and only those within the grace period', () => {
    let session = begin()
    for (let rotations = 0; rotations < 500; rotations++) {
      const rotation = rotate(session, session.generation, policy, NOW + rotations)
      if (rotation.outcome === 'rotated') session = rotation.session
    }
    expect(session.generation).toBe(500)
    expect(session.rotatedAt).toHaveLength(100)
    const later = rotate(session, 500, policy, NOW + 100_000)
    expect(later).toMatchObject({ outcome: 'rotated', session: { rotatedAt: [NOW + 100_000] } })
  })
})

describe("a session under the account's state", () => {
  const under = (session: Session, current: Parameters<typeof sessionUnderState>[1]) =>
    sessionUnderState(session, current, policy, NOW + 60_000)

  it('keeps a session that was opened under `sessionsNotBefore` or a later version', () => {
    const session = begin({ openedUnderVersion: 5 })
    expect(under(session, state())).toBe(session)
  })

  it.each([
    ['it was opened before the change that ended sessions', begin({ openedUnderVersion: 4 }), state()],
    ['the account is disabled', begin(), state({ profile: { ...profile, disabled: true } })],
    ['the account is deleted', begin(), { ...state(), profile: null }],
    [
      'another session is the surviving one',
      begin({ openedUnderVersion: 4 }),
      state({ survivingSession: { id: 'other', secretHash: utf8('new') } }),
    ],
  ])('ends a session when %s', (_when, session, current) => {
    expect(under(session, current)).toBeNull()
  })

  it('renews the surviving session under its new secret, as after a login', () => {
    const survivingSession = { id: 'session', secretHash: utf8('new') }
    const used = begin({ openedUnderVersion: 4, generation: 3, rotatedAt: [NOW] })
    expect(under(used, state({ survivingSession }))).toEqual({
      ...used,
      secretHash: survivingSession.secretHash,
      openedUnderVersion: 5,
      generation: 0,
      rotatedAt: [],
      authTime: NOW + 60_000,
      lastUsedAt: NOW + 60_000,
      expiresAt: NOW + 60_000 + 1_000_000,
    })
  })

  it('renews the surviving session once when the same state is published again', () => {
    const published = state({ survivingSession: { id: 'session', secretHash: utf8('new') } })
    const renewed = under(begin({ openedUnderVersion: 4 }), published)
    expect(renewed && under(renewed, published)).toBe(renewed)
  })
})

describe('the maximum number of sessions', () => {
  const usedAt = (id: string, lastUsedAt: number) => begin({ id, lastUsedAt })

  it('ends the least recently used sessions so that one more fits', () => {
    const sessions = [usedAt('b', 2), usedAt('a', 1), usedAt('c', 3)]
    expect(excessSessions(sessions, policy)).toEqual(['a'])
    expect(excessSessions(sessions, { ...policy, maxSessions: 1 })).toEqual(['a', 'b', 'c'])
    expect(excessSessions(sessions, { ...policy, maxSessions: 4 })).toEqual([])
  })
})
