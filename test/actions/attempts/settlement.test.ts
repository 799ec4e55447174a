/** How an attempt settles its places: each once, in which order, and what a failure to settle means. */
import { describe, expect, it, vi } from 'vitest'
import type { Attempt } from '../../../src/actions/attempts/attempt.ts'
import { REGISTRATION_RULES } from '../../../src/actions/registration/register.ts'
import { ServiceError, UnconfirmedWriteError } from '../../../src/errors/service-error.ts'
import { failLogin, INCORRECT, reserveLogin } from '../../support/attempts.ts'
import { lines } from '../../support/log.ts'
import { deploy, refusalOf, setUpUseCases, unavailable } from '../../support/use-case.ts'

setUpUseCases()

const DISABLED = { outcome: 'disabled', accountId: 'an account' } as const

/** An attempt with a place at both counters. */
async function reserved(settings?: object) {
  const deployment = await deploy(settings)
  const request = deployment.request()
  const attempt = await reserveLogin(request.ctx)
  deployment.trips.length = 0
  return { deployment, attempt, ...request }
}

describe('the outcomes of a password check', () => {
  it.each([
    ['a correct password as cleared', 'cleared', (attempt: Attempt) => attempt.succeed('an account')],
    ['an incorrect password as counted', 'counted', (attempt: Attempt) => attempt.refuse(INCORRECT)],
    ['a disabled account as released', 'released', (attempt: Attempt) => attempt.refuse(DISABLED)],
  ])('settles %s: at the identifier, then at the address, and once', async (_what, outcome, settle) => {
    const { deployment, attempt, finish } = await reserved()
    await settle(attempt)
    const settled = [`settle@identifier ${outcome}`, `settle@address ${outcome}`]
    expect(deployment.trips).toEqual(settled)
    await attempt.releaseUnsettled()
    await finish()
    expect(deployment.trips).toEqual(settled)
  })

  it('makes the error of a refusal only once both places are settled', async () => {
    const { deployment, attempt } = await reserved()
    const released = Promise.withResolvers<void>()
    deployment.before('settle@address', () => released.promise)
    let error: ServiceError | null = null
    const refusing = attempt.refuse(INCORRECT).then((made) => {
      error = made
    })
    await vi.waitFor(() => expect(deployment.trips).toHaveLength(2))
    expect(error).toBe(null)
    released.resolve()
    await refusing
    expect(error).toMatchObject({ code: 'invalid_credentials' })
    await attempt.releaseUnsettled()
  })

  it.each([
    ['incorrect', INCORRECT, 'invalid_credentials', undefined],
    ['disabled', DISABLED, 'account_disabled', 'an account'],
  ] as const)(
    'reports an account that is known with an outcome of "%s"',
    async (_name, check, code, accountId) => {
      const { attempt, fields } = await reserved()
      expect(await attempt.refuse(check)).toMatchObject({ code })
      expect(fields().accountId).toBe(accountId)
      await attempt.releaseUnsettled()
    },
  )

  it.each([
    ['the places of an attempt without an outcome', 1],
    ['each place once, however often it is called', 2],
  ])('releases %s', async (_what, times) => {
    const { deployment, attempt, finish } = await reserved()
    for (let time = 1; time <= times; time++) await attempt.releaseUnsettled()
    await finish()
    expect(deployment.trips).toEqual(['settle@address released', 'settle@identifier released'])
  })
})

describe('a settlement that fails', () => {
  it.each([
    ['correct', (attempt: Attempt) => attempt.succeed('an account'), 'cleared'],
    ['incorrect', (attempt: Attempt) => attempt.refuse(INCORRECT), 'counted'],
    ['correct for a disabled account', (attempt: Attempt) => attempt.refuse(DISABLED), 'released'],
  ])(
    'hides at the identifier that the password was %s, and releases the reservation at the address',
    async (_what, settle, outcome) => {
      const { deployment, attempt, finish, reports } = await reserved()
      deployment.before('settle@identifier', unavailable)
      expect(await refusalOf(settle(attempt))).toMatchObject({ code: 'unavailable', members: {} })
      await attempt.releaseUnsettled()
      await finish()
      expect(deployment.trips).toEqual([`settle@identifier ${outcome}`, 'settle@address released'])
      expect(reports.map(({ status }) => status.remaining)).toEqual([2, 3])
    },
  )

  it('hides at the address that the password was correct, and does not settle the identifier again', async () => {
    const { deployment, attempt, finish } = await reserved()
    deployment.after('settle@address', unavailable)
    expect(await refusalOf(attempt.succeed('an account'))).toMatchObject({ code: 'unavailable' })
    await attempt.releaseUnsettled()
    await finish()
    expect(deployment.trips).toEqual(['settle@identifier cleared', 'settle@address cleared'])
  })

  it('hides the outcome if a counter has lost the attempt and would not admit it now', async () => {
    const limit = { threshold: 1 }
    const { deployment, attempt, ctx } = await reserved({ LIMITS: { login_failures_per_account: limit } })
    deployment.loseCounters()
    await failLogin(deployment.request().ctx)
    expect(await refusalOf(attempt.succeed('an account'))).toMatchObject({ code: 'unavailable' })
    await attempt.releaseUnsettled()
    expect((await deployment.counterOf(ctx)).state('login_failures_per_ip').pending.size).toBe(0)
  })

  it('logs a release that fails, and ends the lease', async () => {
    const { deployment, attempt, finish } = await reserved()
    deployment.before('settle', unavailable)
    await attempt.releaseUnsettled()
    await finish()
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 'warn', event: 'attempt_not_settled', request_id: 'the-request' },
      { level: 'warn', event: 'attempt_not_settled', request_id: 'the-request' },
    ])
  })
})

describe('a write that may register an identifier', () => {
  const cases: readonly (readonly [string, () => Promise<unknown>, string])[] = [
    ['took effect', async () => 'stored', 'counted'],
    ['is unconfirmed', () => Promise.reject(new UnconfirmedWriteError('lost')), 'counted'],
    ['found a taken identifier', () => Promise.reject(new ServiceError('identifier_taken')), 'counted'],
    ['did not take effect', () => Promise.reject(new ServiceError('unavailable')), 'released'],
    ['was refused before', () => Promise.reject(new ServiceError('invalid_credentials')), 'released'],
    ['failed in an unknown way', () => Promise.reject(new TypeError('a defect')), 'released'],
  ]

  it.each(cases)('settles once, for a write that %s', async (_what, write, outcome) => {
    const deployment = await deploy()
    const { ctx, finish } = deployment.request()
    const attempt = await reserveLogin(ctx, undefined, { rules: REGISTRATION_RULES, identifier: null })
    await Promise.allSettled([attempt.countRegistration(write())])
    await attempt.releaseUnsettled()
    await finish()
    expect(deployment.trips).toEqual(['reserve@address', `settle@address ${outcome}`])
    const { events } = (await deployment.counterOf(ctx)).state('registrations_per_ip').tally
    expect(events).toHaveLength(outcome === 'counted' ? 1 : 0)
  })

  it('counts only the rule of registrations, and leaves the password check to its own outcome', async () => {
    const deployment = await deploy()
    const { ctx, finish } = deployment.request()
    const rules = [...REGISTRATION_RULES, 'login_failures_per_ip'] as const
    const attempt = await reserveLogin(ctx, undefined, { rules, identifier: null })
    await attempt.countRegistration(Promise.resolve())
    await attempt.releaseUnsettled()
    await finish()
    expect(deployment.trips.slice(2)).toEqual(['settle@address counted', 'settle@address released'])
  })
})

describe('the lease of an attempt', () => {
  it('keeps the request alive from the first reservation until the last place is settled', async () => {
    const { deployment, attempt, finish } = await reserved()
    let ended = false
    const ending = finish().then(() => {
      ended = true
    })
    deployment.before('settle', () => expect(ended).toBe(false))
    await attempt.refuse(DISABLED)
    await attempt.releaseUnsettled()
    await ending
    expect(deployment.trips).toHaveLength(2)
  })
})
