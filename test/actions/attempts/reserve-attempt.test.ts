/** In which order an attempt makes its reservations, and what becomes of them if it is refused. */
import { describe, expect, it } from 'vitest'
import { REGISTRATION_RULES } from '../../../src/actions/registration/register.ts'
import { failLogin, IDENTIFIER, INCORRECT, reserveLogin, solveNext } from '../../support/attempts.ts'
import { advance } from '../../support/clock.ts'
import { type Deployment, deploy, refusalOf, setUpUseCases, unavailable } from '../../support/use-case.ts'

setUpUseCases()

const ADDRESS_EXHAUSTED = { LIMITS: { login_failures_per_ip: { threshold: 0 } } }

describe('the reservations of an attempt', () => {
  it('reserves at the address first, then at the identifier, while neither asks for a challenge', async () => {
    const deployment = await deploy()
    const { ctx } = deployment.request()
    const attempt = await reserveLogin(ctx, 'a challenge that is not asked for')
    expect(deployment.trips).toEqual(['reserve@address', 'reserve@identifier'])
    await attempt.releaseUnsettled()
  })

  it.each([
    ['an unknown requester address', 'no address', 'client_ip_unknown', []],
    ['a missing challenge', undefined, 'challenge_required', ['reserve@address']],
  ])('calls no counter of the identifier for %s', async (_what, address, code, trips) => {
    const deployment = await deploy(ADDRESS_EXHAUSTED)
    const { ctx } = deployment.request(address)
    expect(await refusalOf(reserveLogin(ctx))).toMatchObject({ code })
    expect(deployment.trips).toEqual(trips)
  })

  it('calls no counter of the identifier for a challenge that is not solved', async () => {
    const deployment = await deploy(ADDRESS_EXHAUSTED)
    const error = await refusalOf(reserveLogin(deployment.request().ctx, 'garbage'))
    expect(error).toMatchObject({ code: 'challenge_failed', members: { reasons: ['malformed'] } })
    expect(deployment.trips).toEqual(['reserve@address'])
  })

  it('begins the work beside the reservation at the identifier, once the address has admitted the attempt', async () => {
    const deployment = await deploy()
    const attempt = await reserveLogin(deployment.request().ctx, undefined, {
      whileReserving: () => deployment.trips.push('beside'),
    })
    expect(deployment.trips).toEqual(['reserve@address', 'beside', 'reserve@identifier'])
    await attempt.releaseUnsettled()
  })

  it('begins no work beside the reservation at the identifier if the address asks for a challenge, solved or not', async () => {
    const deployment = await deploy(ADDRESS_EXHAUSTED)
    const { ctx } = deployment.request()
    const whileReserving = () => deployment.trips.push('beside')
    const solution = await solveNext(ctx, { whileReserving })
    await failLogin(ctx, solution, { whileReserving })
    expect(deployment.trips).not.toContain('beside')
  })

  it('releases the reservation at the address if the identifier asks for a challenge', async () => {
    const deployment = await deploy({ LIMITS: { login_failures_per_account: { threshold: 0 } } })
    const { ctx } = deployment.request()
    expect(await refusalOf(reserveLogin(ctx))).toMatchObject({ code: 'challenge_required' })
    expect(deployment.trips).toEqual(['reserve@address', 'reserve@identifier', 'settle@address released'])
  })

  it('releases both reservations if the counter of the identifier is unavailable, since it may hold one', async () => {
    const deployment = await deploy()
    const { ctx } = deployment.request()
    deployment.after('reserve@identifier', unavailable)
    expect(await refusalOf(reserveLogin(ctx))).toMatchObject({ code: 'unavailable' })
    const [, , ...settled] = deployment.trips
    expect(settled.toSorted()).toEqual(['settle@address released', 'settle@identifier released'])
    expect((await deployment.counterOf(ctx)).state('login_failures_per_ip').pending.size).toBe(0)
    const identifier = await deployment.counterOfIdentifier(ctx, IDENTIFIER.kind, IDENTIFIER.compared)
    expect(identifier.state('login_failures_per_account').pending.size).toBe(0)
  })

  it('reports the limit of the address, and none of the identifier', async () => {
    const { ctx, reports, fields } = (await deploy()).request()
    await failLogin(ctx)
    expect(reports.map(({ name, status }) => [name, status.remaining])).toEqual([
      ['login_failures_per_ip', 2],
      ['login_failures_per_ip', 2],
    ])
    expect(Object.keys(fields())).toEqual(['addressDigest', 'identifierDigest'])
  })

  it('reserves only at counters whose rules are enabled', async () => {
    const off = { enabled: false }
    const deployment = await deploy({
      LIMITS: { login_failures_per_ip: off, login_failures_per_account: off },
    })
    await failLogin(deployment.request().ctx)
    expect(deployment.trips).toEqual([])
  })
})

describe('a rule that blocks', () => {
  const BLOCK = {
    LIMITS: {
      registrations_per_ip: { threshold: 1, action: 'block' },
      login_failures_per_ip: { threshold: 1, action: 'block', window_seconds: 60 },
    },
  }

  /** A deployment and an address with one failed login, which is as many as are allowed. */
  async function blocked() {
    const deployment = await deploy(BLOCK)
    const { ctx } = deployment.request('192.0.2.1')
    await failLogin(ctx)
    deployment.trips.length = 0
    return deployment
  }

  const refusedAt = async (deployment: Deployment) => {
    const { ctx, reports } = deployment.request('192.0.2.1')
    const trips = await deployment.tripsOf(() => refusalOf(reserveLogin(ctx, 'garbage')))
    const { code, retryAfterSeconds } = await refusalOf(reserveLogin(ctx, 'garbage'))
    return { trips, code, retryAfterSeconds, reported: reports.map(({ status }) => status.remaining) }
  }

  it('refuses without looking at the challenge, then from the cache of blocks without a round trip', async () => {
    const deployment = await blocked()
    const error = { code: 'too_many_login_failures', retryAfterSeconds: 60, reported: [0, 0] }
    expect(await refusedAt(deployment)).toEqual({ ...error, trips: ['reserve@address'] })
    expect(await refusedAt(deployment)).toEqual({ ...error, trips: [] })
  })

  it('counts the time down while the cache of blocks refuses, and calls the counter again after 5 s', async () => {
    const deployment = await blocked()
    await refusedAt(deployment)
    advance(4)
    expect(await refusedAt(deployment)).toMatchObject({ trips: [], retryAfterSeconds: 56 })
    advance(1)
    expect(await refusedAt(deployment)).toMatchObject({ trips: ['reserve@address'], retryAfterSeconds: 55 })
  })

  it('releases the reservations of earlier rules when a later rule blocks', async () => {
    const deployment = await blocked()
    const { ctx } = deployment.request('192.0.2.1')
    const rules = [...REGISTRATION_RULES, 'login_failures_per_ip'] as const
    expect(await refusalOf(reserveLogin(ctx, undefined, { rules }))).toMatchObject({
      code: 'too_many_login_failures',
    })
    expect(deployment.trips).toEqual(['reserve@address', 'reserve@address', 'settle@address released'])
    expect((await deployment.counterOf(ctx)).state('registrations_per_ip').tally.events).toEqual([])
  })

  it('lets an attempt wait while only pending attempts are in its way, and refuses it once they count', async () => {
    const deployment = await deploy({ LIMITS: { login_failures_per_ip: { threshold: 1 } } })
    const [first, second] = [deployment.request('192.0.2.1'), deployment.request('192.0.2.1')]
    const held = await reserveLogin(first.ctx)
    const waiting = reserveLogin(second.ctx)
    await held.refuse(INCORRECT)
    await held.releaseUnsettled()
    expect(await refusalOf(waiting)).toMatchObject({ code: 'challenge_required' })
  })
})
