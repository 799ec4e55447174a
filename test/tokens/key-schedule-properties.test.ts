import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  firstKeys,
  type Plan,
  PUBLISHED_BEFORE_ON_CHANGE_SECONDS,
  planKeys,
  planRemoval,
  planRotation,
  type ScheduledKey,
  STALE_KEYS_SECONDS,
  scheduleAt,
} from '../../src/tokens/key-schedule.ts'
import { applyPlan, DAY, key, kids, NOW, policy } from './scheduled-keys.ts'

describe('any order of cron, rotations and removals', () => {
  const step = fc.record({
    after: fc.oneof(fc.integer({ min: 0, max: 1_300 }), fc.integer({ min: 0, max: 45 * DAY })),
    alg: fc.constantFrom('ES256', 'RS256'),
    what: fc.constantFrom('cron', 'cron', 'rotate', 'remove signing', 'remove next', 'remove retired'),
  })
  type Step = typeof step extends fc.Arbitrary<infer T> ? T : never
  const steps = fc.array(step, { minLength: 1, maxLength: 60 })

  function planOf({ what, alg }: Step, keys: readonly ScheduledKey[], now: number): Plan {
    const configured = { ...policy, alg }
    if (what === 'cron') return planKeys(keys, now, configured)
    if (what === 'rotate') return planRotation(keys, now, configured)
    const { signing, next, retired } = scheduleAt(keys, now, configured)
    const target = { 'remove signing': signing, 'remove next': next, 'remove retired': retired[0] }[what]
    return planRemoval(keys, target?.kid ?? 'unknown', now, configured)
  }

  interface Moment {
    readonly keys: readonly ScheduledKey[]
    readonly now: number
    /** Keys that an operator has removed so far. */
    readonly removed: ReadonlySet<string>
    readonly step: Step
  }

  /** Runs the steps, with a check before and after each. */
  function play(given: readonly Step[], before: (moment: Moment) => void, afterwards = before) {
    let now = NOW
    let made = 0
    const removed = new Set<string>()
    const make = ({ alg, signsFrom }: Plan['create'][number]) => key(`k${made++}`, signsFrom, now, alg)
    let keys: readonly ScheduledKey[] = firstKeys(now, policy).map(make)
    for (const each of given) {
      now += each.after
      before({ keys, now, removed, step: each })
      const plan = planOf(each, keys, now)
      if (each.what.startsWith('remove')) removed.add(plan.remove[0] ?? '')
      keys = applyPlan(keys, plan, make)
      afterwards({ keys, now, removed, step: each })
    }
  }

  it('always has a signing key that was not removed, in any order of cron, rotations and removals', () => {
    fc.assert(
      fc.property(steps, (given) => {
        play(given, ({ keys, now, removed }) => {
          const { signing } = scheduleAt(keys, now, policy)
          expect(signing).not.toBeNull()
          expect(removed.has(signing?.kid ?? '')).toBe(false)
        })
      }),
    )
  })

  it('has a signing key that is due after each removal of the signing key', () => {
    const check = ({ keys, now, step: { what } }: Moment) => {
      if (what !== 'remove signing') return
      expect(scheduleAt(keys, now, policy).signing?.signsFrom).toBeLessThanOrEqual(now)
    }
    fc.assert(fc.property(steps, (given) => play(given, () => undefined, check)))
  })

  it('has a next key after each run of cron among rotations and removals', () => {
    const check = ({ keys, now, step: { what } }: Moment) => {
      if (what === 'cron') expect(scheduleAt(keys, now, policy).next).not.toBeNull()
    }
    fc.assert(fc.property(steps, (given) => play(given, () => undefined, check)))
  })

  it('restores no key that was removed', () => {
    fc.assert(
      fc.property(steps, (given) => {
        play(given, ({ keys, removed }) => {
          expect(keys.filter(({ kid }) => removed.has(kid))).toEqual([])
        })
      }),
    )
  })

  it('publishes each key that was not removed while a token of it is valid', () => {
    fc.assert(
      fc.property(steps, (given) => {
        const livesUntil = new Map<string, number>()
        play(given, ({ keys, now, removed }) => {
          const { signing, next, retired } = scheduleAt(keys, now, policy)
          const published = kids([signing, next, ...retired])
          for (const [kid, until] of livesUntil) {
            if (now < until && !removed.has(kid)) expect(published).toContain(kid)
          }
          if (signing !== null) livesUntil.set(signing.kid, now + policy.accessTokenSeconds)
        })
      }),
    )
  })

  it('publishes each key for at least ten minutes before it signs, unless a key was removed', () => {
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

describe('any interval between cron runs', () => {
  /** Runs of cron, each with the seconds since the run before and the configured algorithm. */
  const runs = fc.array(
    fc.record({ after: fc.integer({ min: 1, max: 45 * DAY }), alg: fc.constantFrom('ES256', 'RS256') }),
    { minLength: 1, maxLength: 60 },
  )

  type Check = (keys: readonly ScheduledKey[], now: number) => void

  /** Performs the runs, with a check before and after each. */
  function play(steps: readonly { after: number; alg: string }[], before: Check, afterwards = before) {
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

  it('publishes each key long enough before it signs, at any interval between cron runs', () => {
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

  it('publishes each key while a token of it, or of an isolate with stale keys, is valid', () => {
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

  it('always has a signing key, and a next key after each run of cron', () => {
    fc.assert(
      fc.property(runs, (steps) => {
        const signs: Check = (keys, now) => expect(scheduleAt(keys, now, policy).signing).not.toBeNull()
        play(steps, signs, (keys, now) => {
          signs(keys, now)
          expect(scheduleAt(keys, now, policy).next).not.toBeNull()
        })
      }),
    )
  })
})
