import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addEvent,
  difficultyOf,
  EMPTY_TALLY,
  eventsInWindow,
  type Limit,
  MAX_DIFFICULTY,
  meetsDifficulty,
  removeAccountEvents,
  removeAllEvents,
  removeEvent,
  resetAfterMs,
  type Tally,
} from '../../src/limits/window.ts'

const START_MS = 4_000_000_000_000

interface Event {
  readonly atMs: number
  readonly account: string
}

/** A naive model: keeps every event, and counts all of them each time. */
interface Model {
  readonly events: readonly Event[]
  readonly exceededAtMs: readonly number[]
}

type Step =
  | { readonly kind: 'failure'; readonly account: string; readonly challenged: boolean }
  | { readonly kind: 'success'; readonly account: string }
  | { readonly kind: 'time'; readonly share: number }
  | { readonly kind: 'limit'; readonly threshold: number; readonly window: number }

interface World {
  readonly tally: Tally
  readonly model: Model
  readonly limit: Limit
  readonly nowMs: number
}

const accounts = fc.constantFrom('ada', 'grace', 'linus', 'me')
const limits = fc.record({
  threshold: fc.integer({ min: 1, max: 50 }),
  windowMs: fc.integer({ min: 1, max: 86_400 }).map((seconds) => seconds * 1000),
})
const commonSteps: readonly fc.Arbitrary<Step>[] = [
  fc.record({ kind: fc.constant('failure' as const), account: accounts, challenged: fc.boolean() }),
  fc.record({ kind: fc.constant('failure' as const), account: accounts, challenged: fc.boolean() }),
  fc.record({ kind: fc.constant('success' as const), account: accounts }),
  fc.record({ kind: fc.constant('time' as const), share: fc.double({ min: 0, max: 1.2, noNaN: true }) }),
]
/** The factors by which a step changes the current limit. */
const limitChanges = (max: number): fc.Arbitrary<Step> =>
  fc.record({
    kind: fc.constant('limit' as const),
    threshold: fc.double({ min: 0.3, max, noNaN: true }),
    window: fc.double({ min: 0.3, max, noNaN: true }),
  })

const worlds = (steps: fc.Arbitrary<Step>) =>
  fc.tuple(limits, fc.array(steps, { maxLength: 120 })).map(([limit, taken]) => {
    const start: World = {
      tally: EMPTY_TALLY,
      model: { events: [], exceededAtMs: [] },
      limit,
      nowMs: START_MS,
    }
    return taken.reduce(proceed, start)
  })

function proceed(world: World, step: Step, index: number): World {
  const { tally, model, limit, nowMs } = world
  switch (step.kind) {
    case 'failure': {
      const { account, challenged } = step
      const event = { id: String(index), atMs: nowMs, account }
      const exceededAtMs = challenged ? [...model.exceededAtMs, nowMs] : model.exceededAtMs
      return {
        ...world,
        tally: addEvent(tally, event, challenged, limit),
        model: { events: [...model.events, event], exceededAtMs },
      }
    }
    case 'success': {
      const events = model.events.filter(({ account }) => account !== step.account)
      return { ...world, tally: removeAccountEvents(tally, step.account), model: { ...model, events } }
    }
    case 'time':
      return { ...world, nowMs: nowMs + Math.floor(limit.windowMs * step.share) }
    case 'limit': {
      const threshold = Math.max(1, Math.floor(limit.threshold * step.threshold))
      const windowMs = Math.max(1000, Math.floor(limit.windowMs * step.window))
      return { ...world, limit: { threshold, windowMs } }
    }
  }
}

const inWindow = (timesMs: readonly number[], { limit, nowMs }: World) =>
  timesMs.filter((atMs) => nowMs - atMs < limit.windowMs)
const modelTimes = (world: World) =>
  inWindow(
    world.model.events.map(({ atMs }) => atMs),
    world,
  )
const tallyTimes = ({ tally, limit, nowMs }: World) =>
  eventsInWindow(tally, limit, nowMs).map(({ atMs }) => atMs)
const modelDifficulty = (world: World) => {
  const counted = inWindow(world.model.exceededAtMs, world).length
  return Math.min(MAX_DIFFICULTY, Math.floor(counted / world.limit.threshold))
}

describe('the sliding window', () => {
  it('fills the threshold exactly when a model that keeps every event does, also after limits are lowered', () => {
    fc.assert(
      fc.property(worlds(fc.oneof(...commonSteps, limitChanges(1))), (world) => {
        const { tally, limit, nowMs } = world
        const [tallied, all] = [tallyTimes(world), modelTimes(world)]
        expect(Math.min(tallied.length, limit.threshold)).toBe(Math.min(all.length, limit.threshold))
        expect(resetAfterMs(tallied, limit, nowMs)).toBe(resetAfterMs(all, limit, nowMs))
        expect(difficultyOf(tally, limit, 0, nowMs)).toBe(modelDifficulty(world))
      }),
      { numRuns: 500 },
    )
  })

  it('never counts more than happened, and counts every later failure, however the limit changes', () => {
    fc.assert(
      fc.property(
        worlds(fc.oneof(...commonSteps, limitChanges(3))),
        fc.integer({ min: 1, max: 60 }),
        (world, more) => {
          expect(tallyTimes(world).length).toBeLessThanOrEqual(modelTimes(world).length)
          expect(difficultyOf(world.tally, world.limit, 0, world.nowMs)).toBeLessThanOrEqual(
            modelDifficulty(world),
          )
          const failure = { kind: 'failure', account: 'new', challenged: false } as const
          const later = Array.from({ length: more }, () => failure).reduce(
            (current, step, index) => proceed(current, step, 1_000 + index),
            world,
          )
          expect(tallyTimes(later).length).toBeGreaterThanOrEqual(Math.min(more, world.limit.threshold))
        },
      ),
      { numRuns: 300 },
    )
  })

  it('keeps the newest events of each account up to the threshold, and 1,000 in all', () => {
    const limit = { threshold: 3, windowMs: 300_000 }
    const failures = Array.from({ length: 2_000 }, (_, index) => ({
      id: String(index),
      atMs: START_MS + index,
      account: `person ${index % 500}`,
    }))
    const tally = failures.reduce((current, event) => addEvent(current, event, false, limit), EMPTY_TALLY)
    expect(tally.events).toHaveLength(1_000)
    const ofOne = failures.slice(0, 10).map((event) => ({ ...event, account: 'ada' }))
    const three = ofOne.reduce((current, event) => addEvent(current, event, false, limit), EMPTY_TALLY)
    expect(three.events.map(({ id }) => id)).toEqual(['7', '8', '9'])
  })

  const limit: Limit = { threshold: 3, windowMs: 300_000 }
  const at = (...seconds: number[]) => seconds.map((second) => START_MS + second * 1000)

  it('counts an event until its window ends, to the millisecond', () => {
    const tally = addEvent(EMPTY_TALLY, { id: 'a', atMs: START_MS, account: 'ada' }, false, limit)
    expect(eventsInWindow(tally, limit, START_MS + 299_999)).toHaveLength(1)
    expect(eventsInWindow(tally, limit, START_MS + 300_000)).toHaveLength(0)
    expect(tally.keepUntilMs).toBe(START_MS + 300_000)
  })

  it.each([
    ['nothing counts', at(), 200, 300_000],
    ['one event counts', at(0), 100, 200_000],
    [
      'the threshold is just reached: events at 0, 100 and 200 s admit the next attempt at 300 s',
      at(0, 100, 200),
      250,
      50_000,
    ],
    ['more events than the threshold count', at(0, 10, 20, 30), 100, 210_000],
    ['events are not in order', at(200, 0, 100), 250, 50_000],
  ])(
    'returns the time until one more attempt is admitted when %s',
    (_when, times, nowSeconds, expectedMs) => {
      expect(resetAfterMs(times, limit, START_MS + nowSeconds * 1000)).toBe(expectedMs)
    },
  )

  it('returns the whole window as the time to wait when the threshold is 0', () => {
    expect(resetAfterMs(at(0), { threshold: 0, windowMs: 300_000 }, START_MS + 1_000)).toBe(300_000)
  })

  it('counts an attempt once, however often it is recorded', () => {
    const event = { id: 'a', atMs: START_MS, account: 'ada' }
    const once = addEvent(EMPTY_TALLY, event, true, limit)
    expect(addEvent(once, { ...event, atMs: START_MS + 5 }, true, limit)).toBe(once)
  })

  it('removes a released attempt and no other', () => {
    const [first, second] = ['a', 'b'].map((id) => ({ id, atMs: START_MS, account: '' })) as [never, never]
    const both = addEvent(addEvent(EMPTY_TALLY, first, false, limit), second, false, limit)
    expect(removeEvent(both, 'a').events).toEqual([second])
    expect(removeEvent(both, 'c')).toBe(both)
  })

  it('raises the difficulty with every threshold of events beyond the limit, up to a maximum', () => {
    const afterEvents = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ id: `${index}`, atMs: START_MS, account: 'me' })).reduce(
        (tally, event) => addEvent(tally, event, true, limit),
        EMPTY_TALLY,
      )
    expect(
      [0, 2, 3, 5, 6, 12, 100].map((count) => difficultyOf(afterEvents(count), limit, 0, START_MS)),
    ).toEqual([0, 0, 1, 1, 2, 4, 4])
  })

  it.each([
    [0, 0, true],
    [0, 1, true],
    [0, 2, false],
    [3, 4, true],
    [2, 4, false],
    [4, 0, true],
  ])('compares difficulty %i with a required difficulty of %i: %s', (difficulty, required, accepted) => {
    expect(meetsDifficulty(difficulty, required)).toBe(accepted)
  })

  it('returns the same tally when there is nothing to clear', () => {
    const tally = addEvent(EMPTY_TALLY, { id: 'a', atMs: START_MS, account: 'ada' }, true, limit)
    const cleared = removeAllEvents(tally)
    expect(cleared).toEqual(EMPTY_TALLY)
    const stored = structuredClone(cleared)
    expect(removeAllEvents(stored)).toBe(stored)
  })

  it('keeps the difficulty after a success', () => {
    const failures = Array.from({ length: 3 }, (_, index) => ({
      id: `${index}`,
      atMs: START_MS,
      account: 'me',
    }))
    const tally = failures.reduce((current, event) => addEvent(current, event, true, limit), EMPTY_TALLY)
    expect(difficultyOf(removeAccountEvents(tally, 'me'), limit, 0, START_MS)).toBe(1)
    expect(removeAccountEvents(tally, 'me').events).toEqual([])
  })
})
