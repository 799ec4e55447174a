import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decideAdmission, MAX_WAITING } from '../../src/limits/counter-state.ts'

const alone = { threshold: 3, counted: 0, pending: 0, ahead: 0 }

describe('an attempt', () => {
  it.each([
    ['admit', 'below the threshold', { ...alone, counted: 1, pending: 1 }],
    ['wait', 'while only pending ones fill the threshold', { ...alone, counted: 1, pending: 2 }],
    ['wait', 'behind waiting ones, even below the threshold', { ...alone, ahead: 1 }],
    ['refuse', 'when counted events fill the threshold', { ...alone, counted: 3 }],
    ['refuse', 'when counted events exceed the threshold', { ...alone, counted: 4, pending: 5 }],
    ['wait', 'as the last that may wait', { ...alone, pending: 3, ahead: MAX_WAITING - 1 }],
    ['refuse', 'when the maximum number waits', { ...alone, pending: 3, ahead: MAX_WAITING }],
    ['refuse', 'when the threshold is 0', { ...alone, threshold: 0 }],
  ] as const)('returns %s for an attempt %s', (decision, _when, places) => {
    expect(decideAdmission(places)).toBe(decision)
  })

  it('admits no attempt beyond the threshold, and makes none wait or refuses it without a reason', () => {
    const places = fc.record({
      threshold: fc.integer({ min: 0, max: 50 }),
      counted: fc.nat({ max: 60 }),
      pending: fc.nat({ max: 60 }),
      ahead: fc.nat({ max: 250 }),
    })
    fc.assert(
      fc.property(places, (given) => {
        const { threshold, counted, pending, ahead } = given
        const decision = decideAdmission(given)
        if (decision === 'admit') expect(counted + pending).toBeLessThan(threshold)
        if (decision === 'wait') expect(pending + ahead).toBeGreaterThan(0)
        if (decision === 'refuse') expect(counted >= threshold || ahead >= MAX_WAITING).toBe(true)
      }),
    )
  })
})
