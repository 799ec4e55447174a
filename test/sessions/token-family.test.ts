import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/crypto/bytes.ts'
import {
  beginFamily,
  PAGES_CLIENT_ID,
  type RotationDecision,
  rotate,
  type TokenFamily,
} from '../../src/sessions/token-family.ts'

const NOW = 4_000_000_000_000
const HOUR = 3_600_000
const policy = {
  idleSeconds: 1_000_000,
  maxSeconds: 3_000_000,
  graceSeconds: 10,
  maxSessions: 3,
  activityDays: 90,
}
const secretHash = utf8('hash')
const appFamily = () =>
  beginFamily({ id: 'family', kind: 'app', clientId: 'gatehouse', scope: null, secretHash }, NOW)
const pagesFamily = () =>
  beginFamily({ id: 'family', kind: 'pages', clientId: PAGES_CLIENT_ID, scope: null, secretHash }, NOW)

const view = (family: TokenFamily, generation: number, nowMs: number, rules = policy) =>
  rotate(family, { generation, withForm: false }, rules, nowMs)
const form = (family: TokenFamily, generation: number, nowMs: number) =>
  rotate(family, { generation, withForm: true }, policy, nowMs)

/** @returns the family after a decision that keeps it */
function familyAfter(decision: RotationDecision, outcome: 'rotated' | 'repeated'): TokenFamily {
  expect(decision.outcome).toBe(outcome)
  if (!('family' in decision)) throw new Error(decision.outcome)
  return decision.family
}

describe('the token family of an app', () => {
  it('reports a generation that was never issued as unknown', () => {
    expect(view(appFamily(), 1, NOW)).toEqual({ outcome: 'unknown' })
  })

  /** The model remembers when each generation was rotated out. */
  function model(rotatedOutAt: readonly number[], generation: number, graceMs: number, nowMs: number) {
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
        let family = appFamily()
        let nowMs = NOW
        const rotatedOutAt: number[] = []
        for (const { back, pauseMs } of steps) {
          nowMs += pauseMs
          const generation = Math.max(0, family.generation - back)
          const rotation = view(family, generation, nowMs, rules)
          expect(rotation.outcome).toBe(model(rotatedOutAt, generation, graceSeconds * 1000, nowMs))
          if (rotation.outcome === 'repeated') expect(rotation.family).toBe(family)
          if (rotation.outcome === 'reused') return
          if (rotation.outcome !== 'rotated') continue
          rotatedOutAt.push(nowMs)
          family = rotation.family
        }
      }),
    )
  })

  it('remembers at most 100 rotations, and only those within the grace period', () => {
    let family = appFamily()
    for (let rotations = 0; rotations < 500; rotations++) {
      family = familyAfter(view(family, family.generation, NOW + rotations), 'rotated')
    }
    expect(family.generation).toBe(500)
    expect(family.endedAt).toHaveLength(100)
    const later = view(family, 500, NOW + 100_000)
    expect(later).toMatchObject({ outcome: 'rotated', family: { endedAt: [NOW + 100_000] } })
  })
})

describe('the token family of the pages', () => {
  /** A family with generation 1, which the browser has not presented yet. */
  const rotatedOnce = () => familyAfter(view(pagesFamily(), 0, NOW + HOUR), 'rotated')

  it('rotates after one hour of use and changes nothing before', () => {
    const family = pagesFamily()
    expect(familyAfter(view(family, 0, NOW + HOUR - 1), 'repeated')).toBe(family)
    expect(rotatedOnce()).toMatchObject({ generation: 1, lastUsedAt: NOW + HOUR })
  })

  it('rotates after half of the idle time if that is less than one hour', () => {
    const rules = { ...policy, idleSeconds: 60 }
    const family = pagesFamily()
    expect(familyAfter(view(family, 0, NOW + 29_999, rules), 'repeated')).toBe(family)
    familyAfter(view(family, 0, NOW + 30_000, rules), 'rotated')
  })

  it('rotates with each form', () => {
    const first = familyAfter(form(pagesFamily(), 0, NOW), 'rotated')
    expect(familyAfter(form(first, 1, NOW), 'rotated').generation).toBe(2)
  })

  it('accepts the previous generation for any time until the current one is presented', () => {
    const family = rotatedOnce()
    expect(familyAfter(view(family, 0, NOW + HOUR + 1), 'repeated')).toBe(family)
    expect(familyAfter(view(family, 0, NOW + 100 * HOUR), 'repeated').generation).toBe(1)
    expect(familyAfter(form(family, 0, NOW + HOUR + 1), 'repeated').generation).toBe(1)
  })

  it('records the use of a previous generation, at most once an hour', () => {
    const used = familyAfter(view(rotatedOnce(), 0, NOW + 2 * HOUR), 'repeated')
    expect(used.lastUsedAt).toBe(NOW + 2 * HOUR)
    expect(familyAfter(view(used, 0, NOW + 3 * HOUR - 1), 'repeated')).toBe(used)
  })

  it('stores the first presentation of a generation once', () => {
    const presented = familyAfter(view(rotatedOnce(), 1, NOW + HOUR + 5), 'repeated')
    expect(presented).toMatchObject({ generation: 1, endedAt: [NOW + HOUR + 5] })
    expect(familyAfter(view(presented, 1, NOW + HOUR + 6), 'repeated')).toBe(presented)
  })

  it('accepts the previous generation for the grace period after the current one was presented', () => {
    const presented = familyAfter(view(rotatedOnce(), 1, NOW + HOUR), 'repeated')
    expect(familyAfter(view(presented, 0, NOW + HOUR + 9_999), 'repeated')).toBe(presented)
    expect(view(presented, 0, NOW + HOUR + 10_000)).toEqual({ outcome: 'reused' })
  })

  it('accepts a generation within its grace period although a form has rotated the next one', () => {
    const twice = familyAfter(form(rotatedOnce(), 1, NOW + HOUR), 'rotated')
    expect(twice.generation).toBe(2)
    expect(familyAfter(view(twice, 0, NOW + HOUR + 9_999), 'repeated')).toBe(twice)
    expect(familyAfter(view(twice, 1, NOW + HOUR + 10_000), 'repeated')).toBe(twice)
    expect(view(twice, 0, NOW + HOUR + 10_000)).toEqual({ outcome: 'reused' })
  })

  it('reports a generation that was never issued as unknown', () => {
    expect(view(pagesFamily(), 1, NOW)).toEqual({ outcome: 'unknown' })
  })

  /** The model remembers when each generation was first presented. A generation ends when its successor is presented. */
  function model(
    presentedAt: readonly (number | null)[],
    generation: number,
    graceMs: number,
    nowMs: number,
  ) {
    if (generation >= presentedAt.length) return 'unknown'
    const endedAt = presentedAt[generation + 1] ?? null
    return endedAt === null || nowMs - endedAt < graceMs ? 'accepted' : 'reused'
  }

  it('accepts as a naive model does, for any sequence of presented generations, forms and pauses', () => {
    const step = fc.record({
      back: fc.integer({ min: -1, max: 3 }),
      withForm: fc.boolean(),
      pauseMs: fc.oneof(fc.integer({ min: 0, max: 8_000 }), fc.integer({ min: 0, max: 2 * HOUR })),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let family = pagesFamily()
        let nowMs = NOW
        const presentedAt: (number | null)[] = [NOW]
        for (const { back, withForm, pauseMs } of steps) {
          nowMs += pauseMs
          const generation = Math.max(0, family.generation - back)
          const decision = rotate(family, { generation, withForm }, policy, nowMs)
          const accepted = 'family' in decision
          const expected = model(presentedAt, generation, policy.graceSeconds * 1000, nowMs)
          expect(accepted ? 'accepted' : decision.outcome).toBe(expected)
          if (decision.outcome === 'reused') return
          if (!accepted) continue
          presentedAt[generation] ??= nowMs
          if (decision.outcome === 'rotated') presentedAt.push(null)
          expect(decision.family.generation).toBe(presentedAt.length - 1)
          family = decision.family
        }
      }),
    )
  })
})
