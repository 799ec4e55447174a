import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  firstKeys,
  type Plan,
  PUBLISHED_BEFORE_ON_CHANGE_SECONDS,
  PUBLISHED_BEFORE_SECONDS,
  planKeys,
  planRemoval,
  planRotation,
  type ScheduledKey,
  type SchedulePolicy,
  STALE_KEYS_SECONDS,
  scheduleAt,
  verifiesUntil,
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

/** A plan as one batch does it. */
function carryOut(
  keys: readonly ScheduledKey[],
  { create, remove, withdraw, advance }: Plan,
  make: (made: Plan['create'][number]) => ScheduledKey,
): readonly ScheduledKey[] {
  const sooner = new Map(advance.map(({ kid, signsFrom }) => [kid, signsFrom]))
  const after = keys
    .filter(({ kid }) => !remove.includes(kid) && !withdraw.includes(kid))
    .map((each) => ({ ...each, signsFrom: sooner.get(each.kid) ?? each.signsFrom }))
  return [...after, ...create.map(make)]
}

describe('cron, rotations and removals in any order', () => {
  const step = fc.record({
    after: fc.oneof(fc.integer({ min: 0, max: 1_300 }), fc.integer({ min: 0, max: 45 * DAY })),
    alg: fc.constantFrom('ES256', 'RS256'),
    what: fc.constantFrom('cron', 'cron', 'rotate', 'remove signing', 'remove next', 'remove retired'),
  })
  type Step = typeof step extends fc.Arbitrary<infer T> ? T : never
  const steps = fc.array(step, { minLength: 1, maxLength: 60 })

  function planOf({ what, alg }: Step, keys: readonly ScheduledKey[], now: number): Plan {
    const set = { ...policy, alg }
    if (what === 'cron') return planKeys(keys, now, set)
    if (what === 'rotate') return planRotation(keys, now, set)
    const { signing, next, retired } = scheduleAt(keys, now, set)
    const leaked = { 'remove signing': signing, 'remove next': next, 'remove retired': retired[0] }[what]
    return planRemoval(keys, leaked?.kid ?? 'unknown', now, set)
  }

  interface Moment {
    readonly keys: readonly ScheduledKey[]
    readonly now: number
    /** Keys that an operator removed until now. */
    readonly leaked: ReadonlySet<string>
    readonly step: Step
  }

  /** Plays the steps, and looks before and after each. */
  function play(given: readonly Step[], before: (moment: Moment) => void, afterwards = before) {
    let now = NOW
    let made = 0
    const leaked = new Set<string>()
    const make = ({ alg, signsFrom }: Plan['create'][number]) => key(`k${made++}`, signsFrom, now, alg)
    let keys: readonly ScheduledKey[] = firstKeys(now, policy).map(make)
    for (const each of given) {
      now += each.after
      before({ keys, now, leaked, step: each })
      const plan = planOf(each, keys, now)
      if (each.what.startsWith('remove')) leaked.add(plan.remove[0] ?? '')
      keys = carryOut(keys, plan, make)
      afterwards({ keys, now, leaked, step: each })
    }
  }

  it('leave a key that signs at any time, and none that was removed', () => {
    fc.assert(
      fc.property(steps, (given) => {
        play(given, ({ keys, now, leaked }) => {
          const { signing } = scheduleAt(keys, now, policy)
          expect(signing).not.toBeNull()
          expect(leaked.has(signing?.kid ?? '')).toBe(false)
        })
      }),
    )
  })

  it('leave one that was to sign by now after the removal of the one that signed', () => {
    const look = ({ keys, now, step: { what } }: Moment) => {
      if (what !== 'remove signing') return
      expect(scheduleAt(keys, now, policy).signing?.signsFrom).toBeLessThanOrEqual(now)
    }
    fc.assert(fc.property(steps, (given) => play(given, () => undefined, look)))
  })

  it('leave a next key after each run of cron', () => {
    const look = ({ keys, now, step: { what } }: Moment) => {
      if (what === 'cron') expect(scheduleAt(keys, now, policy).next).not.toBeNull()
    }
    fc.assert(fc.property(steps, (given) => play(given, () => undefined, look)))
  })

  it('never bring back a key that was removed', () => {
    fc.assert(
      fc.property(steps, (given) => {
        play(given, ({ keys, leaked }) => {
          expect(keys.filter(({ kid }) => leaked.has(kid))).toEqual([])
        })
      }),
    )
  })

  it('never let go of a key that nobody removed while a token of it lives', () => {
    fc.assert(
      fc.property(steps, (given) => {
        const livesUntil = new Map<string, number>()
        play(given, ({ keys, now, leaked }) => {
          const { signing, next, retired } = scheduleAt(keys, now, policy)
          const published = kids([signing, next, ...retired])
          for (const [kid, until] of livesUntil) {
            if (now < until && !leaked.has(kid)) expect(published).toContain(kid)
          }
          if (signing !== null) livesUntil.set(signing.kid, now + policy.accessTokenSeconds)
        })
      }),
    )
  })

  it('never let a key sign that was published for less than ten minutes, but after a removal', () => {
    fc.assert(
      fc.property(steps, (given) => {
        const calm = given.filter(({ what }) => !what.startsWith('remove'))
        play(calm, ({ keys }) => {
          for (const { kid, createdAt, signsFrom } of keys) {
            expect(kid === 'k0' || signsFrom - createdAt >= PUBLISHED_BEFORE_ON_CHANGE_SECONDS).toBe(true)
          }
        })
      }),
    )
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
      const { create, remove, withdraw } = planKeys(keys, now, { ...policy, alg })
      keys = [...keys.filter(({ kid }) => ![...remove, ...withdraw].includes(kid)), ...create.map(make)]
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
