/** When an attempt's challenge is looked at, and when it is consumed. */
import { describe, expect, it } from 'vitest'
import type { RequestContext } from '../../../src/actions/request-context.ts'
import type { CounterRule } from '../../../src/limits/counter-rpc.ts'
import { counterRuleOf } from '../../../src/limits/rules.ts'
import { failLogin, IDENTIFIER, reserveLogin, solveNext } from '../../support/attempts.ts'
import { type Deployment, deploy, refusalOf, setUpUseCases, unavailable } from '../../support/use-case.ts'

setUpUseCases()

const ADDRESS = { LIMITS: { login_failures_per_ip: { threshold: 0 } } }
const IDENTIFIER_ONLY = { LIMITS: { login_failures_per_account: { threshold: 0 } } }
const BOTH = { LIMITS: { ...ADDRESS.LIMITS, ...IDENTIFIER_ONLY.LIMITS } }
const WITHOUT_ADDRESS_RULE = {
  LIMITS: { login_failures_per_ip: { enabled: false }, login_failures_per_account: { threshold: 0 } },
}

const reservations = (trips: readonly string[]) => trips.filter((trip) => trip.startsWith('reserve'))

/** The reasons for which a solution is refused. */
async function reasonsOf(ctx: RequestContext, solution: string) {
  const { code, members } = await refusalOf(reserveLogin(ctx, solution))
  return [code, ...(members.reasons ?? [])]
}

const alreadyUsed = ['challenge_failed', 'already_used']

describe('a challenge that is solved', () => {
  it.each([
    [
      'the address asks for it',
      ADDRESS,
      ['reserve@address', 'reserve@address solved nonce', 'reserve@identifier solved'],
    ],
    [
      'the identifier asks for it',
      IDENTIFIER_ONLY,
      ['reserve@address', 'reserve@identifier', 'reserve@address nonce', 'reserve@identifier solved'],
    ],
    [
      'both ask for it',
      BOTH,
      ['reserve@address', 'reserve@address solved nonce', 'reserve@identifier solved'],
    ],
    [
      'only the identifier has a rule',
      WITHOUT_ADDRESS_RULE,
      ['reserve@identifier', 'reserve@address nonce', 'reserve@identifier solved'],
    ],
  ])(
    'consumes a solved challenge once, before a challenged reservation at the identifier, if %s',
    async (_why, settings, trips) => {
      const deployment = await deploy(settings)
      const { ctx } = deployment.request()
      const solution = await solveNext(ctx)
      const made = await deployment.tripsOf(() => failLogin(ctx, solution))
      expect(reservations(made)).toEqual(trips)
      expect(await reasonsOf(ctx, solution)).toEqual(alreadyUsed)
    },
  )

  it('leaves the attempts without a challenge at the identifier to others if a solved challenge admits the attempt', async () => {
    const deployment = await deploy(ADDRESS)
    const { ctx } = deployment.request()
    const attempt = await reserveLogin(ctx, await solveNext(ctx))
    const counter = await deployment.counterOfIdentifier(ctx, IDENTIFIER.kind, IDENTIFIER.compared)
    const { pending, challenged } = counter.state('login_failures_per_account')
    expect([pending.size, challenged.size]).toEqual([0, 1])
    await attempt.releaseUnsettled()
    expect(counter.state('login_failures_per_account').challenged.size).toBe(0)
  })

  it('consumes one challenge once for several rules of the address that ask for it', async () => {
    const rules = ['registrations_per_ip', 'login_failures_per_ip'] as const
    const deployment = await deploy({
      LIMITS: { ...ADDRESS.LIMITS, registrations_per_ip: { action: 'challenge', threshold: 0 } },
    })
    const { ctx } = deployment.request()
    const solution = await solveNext(ctx, { rules, identifier: null })
    const attempt = () => failLogin(ctx, solution, { rules, identifier: null })
    expect(reservations(await deployment.tripsOf(attempt))).toEqual([
      'reserve@address',
      'reserve@address',
      'reserve@address solved nonce',
      'reserve@address solved',
    ])
  })

  it('does not consume a challenge that no counter asks for', async () => {
    const deployment = await deploy({ LIMITS: { login_failures_per_ip: { threshold: 1 } } })
    const exhausted = deployment.request().ctx
    await failLogin(exhausted)
    const solution = await solveNext(exhausted)
    const counter = await deployment.counterOf(exhausted)
    const rule = counterRuleOf(
      'login_failures_per_ip',
      exhausted.services.config.limits.rules.login_failures_per_ip,
    )
    const cleared = { kind: 'cleared', account: null } as const
    await counter.settle({ rule, id: 'a success', outcome: cleared, challenged: true })
    const trips = await deployment.tripsOf(() => failLogin(exhausted, solution))
    expect(reservations(trips)).toEqual(['reserve@address', 'reserve@identifier'])
    await failLogin(exhausted, solution)
  })
})

describe('a challenge that is refused', () => {
  it('releases every reservation of an attempt whose challenge was consumed before', async () => {
    const deployment = await deploy(IDENTIFIER_ONLY)
    const { ctx } = deployment.request()
    const solution = await solveNext(ctx)
    await failLogin(ctx, solution)
    expect(await deployment.tripsOf(() => reserveLogin(ctx, solution))).toEqual([
      'reserve@address',
      'reserve@identifier',
      'reserve@address nonce',
      'settle@address released',
    ])
  })

  it('calls no counter of the identifier if the address asks for a challenge that was consumed before', async () => {
    const deployment = await deploy(ADDRESS)
    const { ctx } = deployment.request()
    const solution = await solveNext(ctx)
    await failLogin(ctx, solution)
    const trips = await deployment.tripsOf(() => reserveLogin(ctx, solution))
    expect(trips).toEqual(['reserve@address', 'reserve@address solved nonce'])
  })

  it('does not consume a challenge that is too easy for the difficulty that the address reports', async () => {
    const deployment = await deploy(ADDRESS)
    const { ctx } = deployment.request()
    const easy = await solveNext(ctx)
    for (let failures = 1; failures <= 2; failures++) await failLogin(ctx, await solveNext(ctx))
    const trips = await deployment.tripsOf(async () => {
      expect(await reasonsOf(ctx, easy)).toEqual(['challenge_failed', 'difficulty_too_low'])
    })
    expect(trips).toEqual(['reserve@address'])
  })

  it.each([
    ['before it happens', 'before', 'opened'],
    ['after it happened', 'after', 'challenge_failed'],
  ] as const)(
    'releases every reservation if the nonce cannot be consumed, %s',
    async (_when, when, later) => {
      const deployment = await deploy(ADDRESS)
      const { ctx } = deployment.request()
      const solution = await solveNext(ctx)
      deployment[when]('reserve@address solved nonce', unavailable)
      expect(await refusalOf(reserveLogin(ctx, solution))).toMatchObject({ code: 'unavailable' })
      deployment.mend()
      const again = failLogin(ctx, solution).then(
        () => 'opened',
        () => 'challenge_failed',
      )
      expect(await again).toBe(later)
    },
  )
})

describe('an attempt beyond the bound on challenged attempts', () => {
  /** Makes all challenged reservations that a requester may have at a counter. */
  async function fill(deployment: Deployment, ctx: RequestContext, at: 'address' | 'identifier') {
    const requester = await ctx.services.counterKeys.ofRequester(ctx.requester.address?.counted ?? '', ctx)
    const name = at === 'address' ? 'login_failures_per_ip' : 'login_failures_per_account'
    const counter =
      at === 'address'
        ? await deployment.counterOf(ctx)
        : await deployment.counterOfIdentifier(ctx, IDENTIFIER.kind, IDENTIFIER.compared)
    const rule: CounterRule = counterRuleOf(name, ctx.services.config.limits.rules[name])
    const solved = { difficulty: 4, nonce: null }
    for (let place = 1; place <= rule.maxChallenged; place++) {
      await counter.reserve({ rule, id: `place ${place}`, requester, waits: false, solved })
    }
    return async () => {
      for (let place = 1; place <= rule.maxChallenged; place++) {
        const outcome = { kind: 'released' } as const
        await counter.settle({ rule, id: `place ${place}`, outcome, challenged: true })
      }
    }
  }

  it.each([
    ['address', ADDRESS, ['reserve@address']],
    ['identifier', IDENTIFIER_ONLY, ['reserve@address', 'reserve@identifier', 'settle@address released']],
  ] as const)(
    'refuses an attempt for 1 s, without a look at its challenge, while the requester has too many challenged attempts in flight at the %s',
    async (at, settings, trips) => {
      const deployment = await deploy(settings)
      const { ctx } = deployment.request()
      const solution = await solveNext(ctx)
      const free = await fill(deployment, ctx, at)
      for (const challenge of [undefined, 'garbage', solution]) {
        const made = await deployment.tripsOf(async () => {
          expect(await refusalOf(reserveLogin(ctx, challenge))).toMatchObject({
            code: 'too_many_login_failures',
            retryAfterSeconds: 1,
          })
        })
        expect(made).toEqual(trips)
      }
      await free()
      await failLogin(ctx, solution)
    },
  )

  it('returns the challenge that the address asked for if the identifier has no room for the attempt', async () => {
    const deployment = await deploy(ADDRESS)
    const { ctx } = deployment.request()
    const solution = await solveNext(ctx)
    const free = await fill(deployment, ctx, 'identifier')
    expect(await refusalOf(reserveLogin(ctx, solution))).toMatchObject({ retryAfterSeconds: 1 })
    await free()
    await failLogin(ctx, solution)
  })
})
