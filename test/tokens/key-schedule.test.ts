import { describe, expect, it } from 'vitest'
import {
  firstKeys,
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
import { carryOut, DAY, key, kids, NOW, policy } from './scheduled-keys.ts'

describe('the schedule', () => {
  it('lets the newest key whose time has come sign, and the one before verify', () => {
    const keys = [key('next', NOW + DAY), key('old', NOW - 30 * DAY), key('signing', NOW)]
    const { signing, next, retired, expired } = scheduleAt(keys, NOW, policy)
    expect(kids([signing, next, ...retired])).toEqual(['signing', 'next', 'old'])
    expect(expired).toEqual([])
  })

  it('lets a key go when its last token, and that of an isolate that could not reload, has expired', () => {
    const keys = [key('old', NOW - 30 * DAY), key('signing', NOW)]
    const lastVerified = NOW + policy.accessTokenSeconds + STALE_KEYS_SECONDS
    expect(kids(scheduleAt(keys, lastVerified - 1, policy).retired)).toEqual(['old'])
    expect(kids(scheduleAt(keys, lastVerified, policy).expired)).toEqual(['old'])
  })

  it('lets the present key sign on where no successor has come', () => {
    const { signing, expired } = scheduleAt([key('only', NOW - 3_650 * DAY)], NOW, policy)
    expect(signing?.kid).toBe('only')
    expect(expired).toEqual([])
  })

  it('lets the earliest sign where no time has come', () => {
    const { signing, next } = scheduleAt([key('later', NOW + 2), key('sooner', NOW + 1)], NOW, policy)
    expect(kids([signing, next])).toEqual(['sooner', 'later'])
  })

  it('has nothing to say of no keys', () => {
    expect(scheduleAt([], NOW, policy)).toEqual({ signing: null, next: null, retired: [], expired: [] })
    expect(planKeys([], NOW, policy)).toEqual({ create: [], remove: [], withdraw: [], advance: [] })
  })
})

describe('the plan', () => {
  it('begins with a key that signs at once and a next one', () => {
    expect(firstKeys(NOW, policy)).toEqual([
      { alg: 'ES256', signsFrom: NOW },
      { alg: 'ES256', signsFrom: NOW + 30 * DAY },
    ])
  })

  it('makes the next key when there is none, and only then', () => {
    const signing = key('signing', NOW)
    expect(planKeys([signing], NOW, policy).create).toEqual([{ alg: 'ES256', signsFrom: NOW + 30 * DAY }])
    expect(planKeys([signing, key('next', NOW + 30 * DAY)], NOW, policy).create).toEqual([])
  })

  it('publishes the next key for a day before it signs, however late cron is', () => {
    const { create } = planKeys([key('signing', NOW - 300 * DAY)], NOW, policy)
    expect(create).toEqual([{ alg: 'ES256', signsFrom: NOW + PUBLISHED_BEFORE_SECONDS }])
  })

  it('brings another algorithm into force ten minutes after it is published', () => {
    const keys = [key('signing', NOW - DAY), key('next', NOW + 29 * DAY)]
    expect(planKeys(keys, NOW, { ...policy, alg: 'RS256' })).toEqual({
      create: [{ alg: 'RS256', signsFrom: NOW + PUBLISHED_BEFORE_ON_CHANGE_SECONDS }],
      remove: [],
      withdraw: ['next'],
      advance: [],
    })
  })

  it('leaves a key alone that isolates may sign with before they hear of its removal', () => {
    const keys = [key('signing', NOW - 30 * DAY), key('imminent', NOW + STALE_KEYS_SECONDS)]
    expect(planKeys(keys, NOW, { ...policy, alg: 'RS256' })).toEqual({
      create: [],
      remove: [],
      withdraw: [],
      advance: [],
    })
  })

  it('removes what has expired', () => {
    const keys = [key('older', NOW - 60 * DAY), key('old', NOW - 30 * DAY), key('signing', NOW - DAY)]
    expect(planKeys(keys, NOW, policy).remove.toSorted()).toEqual(['old', 'older'])
  })
})

describe('a rotation by an operator', () => {
  const SOON = NOW + PUBLISHED_BEFORE_ON_CHANGE_SECONDS
  const nothing = { create: [], remove: [], withdraw: [], advance: [] }
  const signing = key('signing', NOW - DAY)

  it('lets the next key sign ten minutes later', () => {
    const keys = [signing, key('next', NOW + 29 * DAY), key('old', NOW - 31 * DAY)]
    expect(planRotation(keys, NOW, policy)).toEqual({
      ...nothing,
      withdraw: [],
      advance: [{ kid: 'next', signsFrom: SOON }],
    })
  })

  it('lets no key sign later than it would have', () => {
    for (const signsFrom of [NOW + 1, SOON - 1, SOON]) {
      expect(planRotation([signing, key('next', signsFrom)], NOW, policy)).toEqual(nothing)
    }
  })

  it('leaves a key of another algorithm alone that is about to sign', () => {
    const keys = [signing, key('next', SOON)]
    expect(planRotation(keys, NOW, { ...policy, alg: 'RS256' })).toEqual(nothing)
  })

  it('replaces a next key of another algorithm', () => {
    const keys = [signing, key('next', SOON + 1)]
    expect(planRotation(keys, NOW, { ...policy, alg: 'RS256' })).toEqual({
      create: [{ alg: 'RS256', signsFrom: SOON }],
      remove: [],
      withdraw: ['next'],
      advance: [],
    })
  })

  it('makes the next key where there is none', () => {
    const create = [{ alg: 'ES256', signsFrom: SOON }]
    expect(planRotation([signing], NOW, policy)).toEqual({ ...nothing, create })
  })
})

describe('the removal of a key', () => {
  const keys = [key('old', NOW - 1_000), key('signing', NOW - 500), key('next', NOW + 29 * DAY)]
  const remove = (kid: string, of: readonly ScheduledKey[] = keys) => planRemoval(of, kid, NOW, policy)

  it('that signs lets the next one sign at once, and makes one to follow', () => {
    expect(remove('signing')).toEqual({
      create: [{ alg: 'ES256', signsFrom: NOW + 30 * DAY }],
      remove: ['signing'],
      withdraw: [],
      advance: [{ kid: 'next', signsFrom: NOW }],
    })
  })

  it('that signs begins anew where nothing is to follow it', () => {
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

  it('that signs brings the configured algorithm soon, where the next one is of another', () => {
    expect(planRemoval(keys, 'signing', NOW, { ...policy, alg: 'RS256' })).toEqual({
      create: [{ alg: 'RS256', signsFrom: NOW + PUBLISHED_BEFORE_ON_CHANGE_SECONDS }],
      remove: ['signing'],
      withdraw: [],
      advance: [{ kid: 'next', signsFrom: NOW }],
    })
  })

  it('that is the next one makes another', () => {
    const create = [{ alg: 'ES256', signsFrom: NOW - 500 + 30 * DAY }]
    expect(remove('next')).toEqual({ create, remove: ['next'], withdraw: [], advance: [] })
  })

  it('that has signed changes nothing else', () => {
    expect(remove('old')).toEqual({ create: [], remove: ['old'], withdraw: [], advance: [] })
  })

  it('that nobody knows of is tried all the same: a damaged row is in no list', () => {
    expect(remove('unknown')).toEqual({ create: [], remove: ['unknown'], withdraw: [], advance: [] })
    expect(remove('unknown', [])).toEqual({ create: [], remove: ['unknown'], withdraw: [], advance: [] })
  })

  it('names that key first', () => {
    const withExpired = [key('expired', NOW - 90 * DAY), ...keys]
    for (const { kid } of keys) expect(remove(kid, withExpired).remove[0]).toBe(kid)
  })

  it('leaves a retired key until its last token has expired', () => {
    const { signing, retired } = scheduleAt(keys, NOW, policy)
    expect(kids([signing, ...retired])).toEqual(['signing', 'old'])
    const old = keys[0] ?? key('old', NOW)
    const until = verifiesUntil(old, keys, policy)
    const after = carryOut(keys, remove('signing'), (made) => key('made', made.signsFrom, NOW, made.alg))
    expect(verifiesUntil(old, after, policy)).toBeGreaterThanOrEqual(until)
    expect(kids(scheduleAt(after, NOW, policy).retired)).toEqual(['old'])
  })
})
