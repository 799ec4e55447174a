import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { judge, MAX_WAITING } from '../../src/limits/limit-status.ts'

const alone = { threshold: 3, counted: 0, pending: 0, ahead: 0 }

describe('an attempt', () => {
  it.each([
    ['is admitted while a place is free', { ...alone, counted: 1, pending: 1 }, 'admit'],
    ['waits while pending ones alone stand in its way', { ...alone, counted: 1, pending: 2 }, 'wait'],
    ['waits behind those who came before, even where a place is free', { ...alone, ahead: 1 }, 'wait'],
    ['is refused where what counts fills the threshold', { ...alone, counted: 3 }, 'refuse'],
    ['is refused alike with others pending', { ...alone, counted: 4, pending: 5 }, 'refuse'],
    ['is the last that may wait', { ...alone, pending: 3, ahead: MAX_WAITING - 1 }, 'wait'],
    ['is one too many to wait', { ...alone, pending: 3, ahead: MAX_WAITING }, 'refuse'],
    ['is refused where the threshold is 0', { ...alone, threshold: 0 }, 'refuse'],
  ] as const)('%s', (_rule, places, verdict) => {
    expect(judge(places)).toBe(verdict)
  })

  it('is never admitted beyond the threshold, and never kept waiting for nothing', () => {
    const places = fc.record({
      threshold: fc.integer({ min: 0, max: 50 }),
      counted: fc.nat({ max: 60 }),
      pending: fc.nat({ max: 60 }),
      ahead: fc.nat({ max: 250 }),
    })
    fc.assert(
      fc.property(places, (given) => {
        const { threshold, counted, pending, ahead } = given
        const verdict = judge(given)
        if (verdict === 'admit') expect(counted + pending).toBeLessThan(threshold)
        if (verdict === 'wait') expect(pending + ahead).toBeGreaterThan(0)
        if (verdict === 'refuse') expect(counted >= threshold || ahead >= MAX_WAITING).toBe(true)
      }),
    )
  })
})
