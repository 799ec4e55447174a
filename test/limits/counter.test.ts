import fc from 'fast-check'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { CounterRule, ReserveResult } from '../../src/limits/counter-rpc.ts'
import { nextAlarm } from '../../src/limits/counter-state.ts'
import { counterRuleOf, RULES } from '../../src/limits/rules.ts'
import { advance, FROZEN_MS, freeze, thaw } from '../support/clock.ts'
import { MemoryCounter } from '../support/memory-counter.ts'

afterEach(thaw)

const LOGIN = counterRuleOf('login_failures_per_ip', RULES.login_failures_per_ip.defaults)
const REGISTRATION = counterRuleOf('registrations_per_ip', RULES.registrations_per_ip.defaults)
const NO_CHALLENGE = { requester: 'here', waits: false, solved: null }

type Step =
  | { readonly kind: 'reserve'; readonly waits: boolean }
  | {
      readonly kind: 'challenge'
      readonly requester: string
      readonly nonce: number
      readonly difficulty: number
    }
  | { readonly kind: 'settle'; readonly attempt: number; readonly counts: boolean }
  | { readonly kind: 'time'; readonly seconds: number }

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('reserve' as const), waits: fc.boolean() }),
    fc.record({
      kind: fc.constant('challenge' as const),
      requester: fc.constantFrom('here', 'there'),
      nonce: fc.nat({ max: 30 }),
      difficulty: fc.nat({ max: 4 }),
    }),
    fc.record({ kind: fc.constant('settle' as const), attempt: fc.nat(), counts: fc.boolean() }),
    fc.record({ kind: fc.constant('time' as const), seconds: fc.nat({ max: 60 }) }),
  ),
  { maxLength: 80 },
)
const rules: fc.Arbitrary<CounterRule> = fc.record({
  name: fc.constant('login_failures_per_ip' as const),
  limit: fc.record({ threshold: fc.nat({ max: 5 }), windowMs: fc.constantFrom(30_000, 300_000) }),
  recordedAt: fc.constantFrom('reservation' as const, 'failure' as const),
  maxChallenged: fc.integer({ min: 1, max: 4 }),
})

interface Attempt {
  readonly id: string
  /** Null for an attempt without a challenge. */
  readonly challenge: { readonly requester: string; readonly nonce: number } | null
  readonly result: ReserveResult
  settled: boolean
  /** When it was admitted, or else counted. */
  readonly atMs: number
  countedAtMs: number | null
}

/** Plays steps against a counter, and collects its attempts that have a result. */
async function play(
  rule: CounterRule,
  taken: readonly Step[],
  check: (attempts: readonly Attempt[]) => void,
) {
  const counter = new MemoryCounter(() => Date.now())
  const attempts: Attempt[] = []
  const collect = (id: string, challenge: Attempt['challenge'], reserving: Promise<ReserveResult>) =>
    reserving.then((result) => {
      attempts.push({ id, challenge, result, settled: false, atMs: Date.now(), countedAtMs: null })
    })
  for (const [index, step] of taken.entries()) {
    const id = `attempt ${index}`
    if (step.kind === 'time') advance(step.seconds)
    if (step.kind === 'reserve') {
      const { waits } = step
      void collect(id, null, counter.reserve({ ...NO_CHALLENGE, rule, id, waits }))
    }
    if (step.kind === 'challenge') {
      const { requester, nonce, difficulty } = step
      const solved = { difficulty, nonce: { value: `${nonce}`, expiresAtMs: FROZEN_MS + 3_600_000 } }
      const reserving = counter.reserve({ rule, id, requester, waits: false, solved })
      void collect(id, { requester, nonce }, reserving)
    }
    if (step.kind === 'settle') {
      const open = attempts.filter(({ result, settled }) => result.outcome === 'admitted' && !settled)
      const attempt = open[step.attempt % Math.max(1, open.length)]
      if (attempt !== undefined) {
        const outcome = step.counts
          ? ({ kind: 'counted', account: id } as const)
          : ({ kind: 'released' } as const)
        const challenged = attempt.challenge !== null
        const { settled } = await counter.settle({ rule, id: attempt.id, outcome, challenged })
        attempt.settled = true
        if (settled && step.counts) attempt.countedAtMs = Date.now()
      }
    }
    await Promise.resolve()
    check(attempts)
  }
  return counter
}

/** Reservations expire after 40 s. */
const inFlight = ({ result, settled, atMs }: Attempt) =>
  result.outcome === 'admitted' && !settled && Date.now() - atMs < 40_000

describe('a counter, whatever happens in whatever order', () => {
  const holds = (check: (attempts: readonly Attempt[], rule: CounterRule) => void) =>
    fc.assert(
      fc.asyncProperty(rules, steps, async (rule, taken) => {
        freeze()
        vi.useFakeTimers({ toFake: ['Date', 'setTimeout'], now: FROZEN_MS })
        await play(rule, taken, (attempts) => check(attempts, rule))
      }),
      { numRuns: 150 },
    )

  it('never has more attempts without a challenge that count or may count than the threshold', () =>
    holds((attempts, { limit, recordedAt }) => {
      const counts = ({ atMs, countedAtMs }: Attempt) => {
        const sinceMs = recordedAt === 'reservation' ? atMs : countedAtMs
        return countedAtMs !== null && sinceMs !== null && Date.now() - sinceMs < limit.windowMs
      }
      const own = attempts.filter(({ challenge }) => challenge === null)
      const unchallenged = own.filter((attempt) => inFlight(attempt) || counts(attempt))
      expect(unchallenged.length).toBeLessThanOrEqual(limit.threshold)
    }))

  it('never has more challenged attempts of one requester in flight than it has places', () =>
    holds((attempts, { maxChallenged }) => {
      for (const requester of ['here', 'there']) {
        const own = attempts.filter(({ challenge }) => challenge?.requester === requester)
        expect(own.filter(inFlight).length).toBeLessThanOrEqual(maxChallenged)
      }
    }))

  it('admits at most one attempt for each nonce', () =>
    holds((attempts) => {
      const admitted = attempts.filter(({ result }) => result.outcome === 'admitted')
      const nonces = admitted.flatMap(({ challenge }) => (challenge === null ? [] : [challenge.nonce]))
      expect(new Set(nonces).size).toBe(nonces.length)
    }))
})

describe('a repeated call', () => {
  const reserve = (counter: MemoryCounter, id: string, waits = true) =>
    counter.reserve({ ...NO_CHALLENGE, rule: LOGIN, id, waits })

  it('takes one place for an attempt that is reserved several times', async () => {
    freeze()
    const counter = new MemoryCounter(() => Date.now())
    for (let call = 1; call <= 5; call++) {
      expect(await reserve(counter, 'a')).toMatchObject({ outcome: 'admitted', status: { remaining: 2 } })
    }
  })

  it('gives both calls the result of an attempt that waits', async () => {
    freeze()
    const counter = new MemoryCounter(() => Date.now())
    for (const id of ['a', 'b', 'c']) await reserve(counter, id)
    const calls = [reserve(counter, 'd'), reserve(counter, 'd')]
    await counter.settle({ rule: LOGIN, id: 'a', outcome: { kind: 'released' }, challenged: false })
    expect((await Promise.all(calls)).map(({ outcome }) => outcome)).toEqual(['admitted', 'admitted'])
    expect(await counter.peek(LOGIN)).toMatchObject({ remaining: 0 })
  })

  it('stores one event for a registration that is reserved several times', async () => {
    freeze()
    const counter = new MemoryCounter(() => Date.now())
    const request = { ...NO_CHALLENGE, rule: REGISTRATION, id: 'a' }
    for (let call = 1; call <= 3; call++) await counter.reserve(request)
    expect(counter.state('registrations_per_ip').tally.events).toHaveLength(1)
  })
})

describe('a query', () => {
  it('leaves the state as it is, even if reservations have expired', async () => {
    freeze()
    const counter = new MemoryCounter(() => Date.now())
    await counter.reserve({ ...NO_CHALLENGE, rule: LOGIN, id: 'a' })
    const before = counter.state(LOGIN.name)
    advance(40)
    expect(await counter.peek(LOGIN)).toMatchObject({ remaining: 3 })
    expect(counter.state(LOGIN.name)).toBe(before)
  })
})

describe('the next alarm', () => {
  it.each([
    ['is when the first record expires', null, [400_000, 300_000], 300_000],
    ['is at the earliest in a minute', null, [1_000], 60_000],
    ['stays earlier than what is stored later', 200_000, [300_000], 200_000],
    ['moves to a record that expires before it', 300_000, [200_000], 200_000],
    ['is set again if the last one is past', -1, [300_000], 300_000],
    ['stays if nothing is stored', 200_000, [], 200_000],
    ['is not needed if nothing is stored', null, [], null],
  ])('%s', (_what, scheduledMs, expiriesMs, expectedMs) => {
    const at = (ms: number | null) => ms && FROZEN_MS + ms
    const expiries = expiriesMs.map((ms) => FROZEN_MS + ms)
    expect(nextAlarm(at(scheduledMs), expiries, FROZEN_MS)).toBe(at(expectedMs))
  })
})
