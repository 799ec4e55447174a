import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  firstKeys,
  PUBLISHED_BEFORE_ON_CHANGE_SECONDS,
  PUBLISHED_BEFORE_SECONDS,
  planKeys,
  type ScheduledKey,
  type SchedulePolicy,
  STALE_KEYS_SECONDS,
  scheduleAt,
} from '../../src/tokens/key-schedule.ts'

const DAY = 86_400
const NOW = 4_000_000_000
const policy: SchedulePolicy = { alg: 'ES256', rotationSeconds: 30 * DAY, accessTokenSeconds: 600 }

const key = (kid: string, signsFrom: number, createdAt = NOW - 60 * DAY, alg = 'ES256'): ScheduledKey => ({
  kid,
  alg,
  createdAt,
  signsFrom,
})

const kids = (keys: readonly (ScheduledKey | null)[]) => keys.map((each) => each?.kid)

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
    expect(planKeys([], NOW, policy)).toEqual({ create: [], remove: [] })
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
      remove: ['next'],
    })
  })

  it('leaves a key alone that isolates may sign with before they hear of its removal', () => {
    const keys = [key('signing', NOW - 30 * DAY), key('imminent', NOW + STALE_KEYS_SECONDS)]
    expect(planKeys(keys, NOW, { ...policy, alg: 'RS256' })).toEqual({ create: [], remove: [] })
  })

  it('removes what has expired', () => {
    const keys = [key('older', NOW - 60 * DAY), key('old', NOW - 30 * DAY), key('signing', NOW - DAY)]
    expect(planKeys(keys, NOW, policy).remove.toSorted()).toEqual(['old', 'older'])
  })
})

describe('cron, however late and however often', () => {
  /** What each run of cron meets: the seconds since the run before, and the algorithm that is set. */
  const runs = fc.array(
    fc.record({ after: fc.integer({ min: 1, max: 45 * DAY }), alg: fc.constantFrom('ES256', 'RS256') }),
    { minLength: 1, maxLength: 60 },
  )

  type Look = (keys: readonly ScheduledKey[], now: number) => void

  /** Plays the runs, and looks before and after each. */
  function play(steps: readonly { after: number; alg: string }[], before: Look, afterwards = before) {
    let now = NOW
    let made = 0
    const make = ({ alg, signsFrom }: { alg: string; signsFrom: number }) =>
      key(`k${made++}`, signsFrom, now, alg)
    let keys = firstKeys(now, policy).map(make)
    for (const { after, alg } of steps) {
      now += after
      before(keys, now)
      const { create, remove } = planKeys(keys, now, { ...policy, alg })
      keys = [...keys.filter(({ kid }) => !remove.includes(kid)), ...create.map(make)]
      afterwards(keys, now)
    }
  }

  it('never signs with a key that was not published long enough', () => {
    fc.assert(
      fc.property(runs, (steps) => {
        play(steps, (keys) => {
          for (const { kid, createdAt, signsFrom } of keys) {
            const first = kid === 'k0'
            expect(first || signsFrom - createdAt >= PUBLISHED_BEFORE_ON_CHANGE_SECONDS).toBe(true)
          }
        })
      }),
    )
  })

  it('never lets go of a key while a token of it, or of an isolate with stale keys, lives', () => {
    fc.assert(
      fc.property(runs, (steps) => {
        const signedUntil = new Map<string, number>()
        play(steps, (keys, now) => {
          const { signing, next, retired } = scheduleAt(keys, now, policy)
          const published = kids([signing, next, ...retired])
          for (const [kid, until] of signedUntil) if (now < until) expect(published).toContain(kid)
          if (signing !== null) signedUntil.set(signing.kid, now + policy.accessTokenSeconds)
          const soon = scheduleAt(keys, now + STALE_KEYS_SECONDS, policy).signing
          if (soon !== null) signedUntil.set(soon.kid, now + STALE_KEYS_SECONDS + policy.accessTokenSeconds)
        })
      }),
    )
  })

  it('always has one key that signs, and after each run a next one', () => {
    fc.assert(
      fc.property(runs, (steps) => {
        const signs: Look = (keys, now) => expect(scheduleAt(keys, now, policy).signing).not.toBeNull()
        play(steps, signs, (keys, now) => {
          signs(keys, now)
          expect(scheduleAt(keys, now, policy).next).not.toBeNull()
        })
      }),
    )
  })
})
