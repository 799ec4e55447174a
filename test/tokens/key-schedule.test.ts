import { describe, expect, it } from 'vitest'
import {
  firstKeys,
  KeysInUse,
  PUBLISHED_BEFORE_ON_CHANGE_SECONDS,
  PUBLISHED_BEFORE_SECONDS,
  planKeys,
  planRemoval,
  planRotation,
  type ScheduledKey,
  STALE_KEYS_SECONDS,
  scheduleAt,
  verifiesUntil,
} from '../../src/tokens/key-schedule.ts'
import { applyPlan, DAY, key, kids, NOW, policy } from './scheduled-keys.ts'

describe('the schedule', () => {
  it('signs with the newest key that is due, and verifies with the one before', () => {
    const keys = [key('next', NOW + DAY), key('old', NOW - 30 * DAY), key('signing', NOW)]
    const { signing, next, retired, expired } = scheduleAt(keys, NOW, policy)
    expect(kids([signing, next, ...retired])).toEqual(['signing', 'next', 'old'])
    expect(expired).toEqual([])
  })

  it('expires a key when its last token has expired, including one of an isolate with stale keys', () => {
    const keys = [key('old', NOW - 30 * DAY), key('signing', NOW)]
    const lastVerified = NOW + policy.accessTokenSeconds + STALE_KEYS_SECONDS
    expect(kids(scheduleAt(keys, lastVerified - 1, policy).retired)).toEqual(['old'])
    expect(kids(scheduleAt(keys, lastVerified, policy).expired)).toEqual(['old'])
  })

  it('keeps signing with the current key while it has no successor', () => {
    const { signing, expired } = scheduleAt([key('only', NOW - 3_650 * DAY)], NOW, policy)
    expect(signing?.kid).toBe('only')
    expect(expired).toEqual([])
  })

  it('signs with the earliest key when none is due', () => {
    const { signing, next } = scheduleAt([key('later', NOW + 2), key('sooner', NOW + 1)], NOW, policy)
    expect(kids([signing, next])).toEqual(['sooner', 'later'])
  })

  it('returns an empty schedule and an empty plan for no keys', () => {
    expect(scheduleAt([], NOW, policy)).toEqual({ signing: null, next: null, retired: [], expired: [] })
    expect(planKeys([], NOW, policy)).toEqual({ create: [], remove: [], withdraw: [], advance: [] })
  })
})

describe('the keys in use', () => {
  const keys = [key('next', NOW + DAY), key('old', NOW - 30 * DAY), key('signing', NOW)]

  it('lists the signing key first, then the next one, then those that only verify', () => {
    expect(kids(new KeysInUse(policy).at(keys, NOW))).toEqual(['signing', 'next', 'old'])
  })

  it('follows the schedule from second to second, also when the clock goes back', () => {
    const inUse = new KeysInUse(policy)
    const lastVerified = NOW + policy.accessTokenSeconds + STALE_KEYS_SECONDS
    const times = [NOW, lastVerified - 1, lastVerified, NOW + DAY - 1, NOW + DAY, lastVerified, NOW]
    const expected = ['signing next old', 'signing next old', 'signing next', 'signing next', 'next signing']
    const lists = times.map((now) => kids(inUse.at(keys, now)).join(' '))
    expect(lists).toEqual([...expected, 'signing next', 'signing next old'])
  })

  it('follows a changed key set within the same second', () => {
    const inUse = new KeysInUse(policy)
    inUse.at(keys, NOW)
    expect(kids(inUse.at(keys.slice(1), NOW))).toEqual(['signing', 'old'])
  })

  it('returns the same list for as long as the same keys are in use', () => {
    const inUse = new KeysInUse(policy)
    const list = inUse.at(keys, NOW)
    expect(inUse.at(keys, NOW)).toBe(list)
    expect(inUse.at([...keys], NOW + 1)).toBe(list)
    expect(inUse.at(keys, NOW + DAY)).not.toBe(list)
  })
})

describe('the plan', () => {
  it('plans a first key that signs at once and a next key', () => {
    expect(firstKeys(NOW, policy)).toEqual([
      { alg: 'ES256', signsFrom: NOW },
      { alg: 'ES256', signsFrom: NOW + 30 * DAY },
    ])
  })

  it('creates a next key only when no next key exists', () => {
    const signing = key('signing', NOW)
    expect(planKeys([signing], NOW, policy).create).toEqual([{ alg: 'ES256', signsFrom: NOW + 30 * DAY }])
    expect(planKeys([signing, key('next', NOW + 30 * DAY)], NOW, policy).create).toEqual([])
  })

  it('publishes the next key for a day before it signs, however late cron is', () => {
    const { create } = planKeys([key('signing', NOW - 300 * DAY)], NOW, policy)
    expect(create).toEqual([{ alg: 'ES256', signsFrom: NOW + PUBLISHED_BEFORE_SECONDS }])
  })

  it('signs with another algorithm ten minutes after its key is published', () => {
    const keys = [key('signing', NOW - DAY), key('next', NOW + 29 * DAY)]
    expect(planKeys(keys, NOW, { ...policy, alg: 'RS256' })).toEqual({
      create: [{ alg: 'RS256', signsFrom: NOW + PUBLISHED_BEFORE_ON_CHANGE_SECONDS }],
      remove: [],
      withdraw: ['next'],
      advance: [],
    })
  })

  it('keeps a next key that isolates may sign with before they reload their keys', () => {
    const keys = [key('signing', NOW - 30 * DAY), key('imminent', NOW + STALE_KEYS_SECONDS)]
    expect(planKeys(keys, NOW, { ...policy, alg: 'RS256' })).toEqual({
      create: [],
      remove: [],
      withdraw: [],
      advance: [],
    })
  })

  it('removes expired keys', () => {
    const keys = [key('older', NOW - 60 * DAY), key('old', NOW - 30 * DAY), key('signing', NOW - DAY)]
    expect(planKeys(keys, NOW, policy).remove.toSorted()).toEqual(['old', 'older'])
  })
})

describe('a rotation by an operator', () => {
  const SOON = NOW + PUBLISHED_BEFORE_ON_CHANGE_SECONDS
  const nothing = { create: [], remove: [], withdraw: [], advance: [] }
  const signing = key('signing', NOW - DAY)

  it('lets the next key sign ten minutes after an operator rotates keys', () => {
    const keys = [signing, key('next', NOW + 29 * DAY), key('old', NOW - 31 * DAY)]
    expect(planRotation(keys, NOW, policy)).toEqual({
      ...nothing,
      withdraw: [],
      advance: [{ kid: 'next', signsFrom: SOON }],
    })
  })

  it('delays no key when an operator rotates keys', () => {
    for (const signsFrom of [NOW + 1, SOON - 1, SOON]) {
      expect(planRotation([signing, key('next', signsFrom)], NOW, policy)).toEqual(nothing)
    }
  })

  it('keeps a next key of another algorithm that is about to sign when an operator rotates keys', () => {
    const keys = [signing, key('next', SOON)]
    expect(planRotation(keys, NOW, { ...policy, alg: 'RS256' })).toEqual(nothing)
  })

  it('replaces a next key of another algorithm when an operator rotates keys', () => {
    const keys = [signing, key('next', SOON + 1)]
    expect(planRotation(keys, NOW, { ...policy, alg: 'RS256' })).toEqual({
      create: [{ alg: 'RS256', signsFrom: SOON }],
      remove: [],
      withdraw: ['next'],
      advance: [],
    })
  })

  it('creates a next key when an operator rotates keys and no next key exists', () => {
    const create = [{ alg: 'ES256', signsFrom: SOON }]
    expect(planRotation([signing], NOW, policy)).toEqual({ ...nothing, create })
  })
})

describe('the removal of a key', () => {
  const keys = [key('old', NOW - 1_000), key('signing', NOW - 500), key('next', NOW + 29 * DAY)]
  const remove = (kid: string, of: readonly ScheduledKey[] = keys) => planRemoval(of, kid, NOW, policy)

  it('lets the next key sign at once when the signing key is removed, and creates its successor', () => {
    expect(remove('signing')).toEqual({
      create: [{ alg: 'ES256', signsFrom: NOW + 30 * DAY }],
      remove: ['signing'],
      withdraw: [],
      advance: [{ kid: 'next', signsFrom: NOW }],
    })
  })

  it('creates two first keys when the signing key is removed and there is no next key', () => {
    const create = firstKeys(NOW, policy)
    expect(remove('signing', keys.slice(0, 2))).toEqual({
      create,
      remove: ['signing'],
      withdraw: [],
      advance: [],
    })
    expect(remove('signing', keys.slice(1, 2))).toEqual({
      create,
      remove: ['signing'],
      withdraw: [],
      advance: [],
    })
  })

  it('creates a key of the configured algorithm when the next key that takes over is of another', () => {
    expect(planRemoval(keys, 'signing', NOW, { ...policy, alg: 'RS256' })).toEqual({
      create: [{ alg: 'RS256', signsFrom: NOW + PUBLISHED_BEFORE_ON_CHANGE_SECONDS }],
      remove: ['signing'],
      withdraw: [],
      advance: [{ kid: 'next', signsFrom: NOW }],
    })
  })

  it('creates another next key when the next key is removed', () => {
    const create = [{ alg: 'ES256', signsFrom: NOW - 500 + 30 * DAY }]
    expect(remove('next')).toEqual({ create, remove: ['next'], withdraw: [], advance: [] })
  })

  it('changes nothing else when a retired key is removed', () => {
    expect(remove('old')).toEqual({ create: [], remove: ['old'], withdraw: [], advance: [] })
  })

  it('plans the removal of an unknown key too, since a damaged row is in no list', () => {
    expect(remove('unknown')).toEqual({ create: [], remove: ['unknown'], withdraw: [], advance: [] })
    expect(remove('unknown', [])).toEqual({ create: [], remove: ['unknown'], withdraw: [], advance: [] })
  })

  it('names the key to remove before expired keys', () => {
    const withExpired = [key('expired', NOW - 90 * DAY), ...keys]
    for (const { kid } of keys) expect(remove(kid, withExpired).remove[0]).toBe(kid)
  })

  it('keeps a retired key until its last token has expired when the signing key is removed', () => {
    const { signing, retired } = scheduleAt(keys, NOW, policy)
    expect(kids([signing, ...retired])).toEqual(['signing', 'old'])
    const old = keys[0] ?? key('old', NOW)
    const until = verifiesUntil(old, keys, policy)
    const after = applyPlan(keys, remove('signing'), (made) => key('made', made.signsFrom, NOW, made.alg))
    expect(verifiesUntil(old, after, policy)).toBeGreaterThanOrEqual(until)
    expect(kids(scheduleAt(after, NOW, policy).retired)).toEqual(['old'])
  })
})
