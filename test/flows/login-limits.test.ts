/** Which failed logins count, and when a login needs a challenge. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Challenge } from '../../src/challenge/challenge.ts'
import { CURRENT_ITERATIONS } from '../../src/passwords/pbkdf2.ts'
import { codeOf } from '../support/admin.ts'
import { newName, newPerson, ok, PASSWORD, refused, worker, workerWith } from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { disable } from '../support/database.ts'
import { challengeFor, newRequester, WRONG } from '../support/requester.ts'
import { altchaOf, solve } from '../support/solver.ts'

afterEach(() => {
  thaw()
  vi.restoreAllMocks()
})

describe('failed logins from one address', () => {
  it('requires a challenge after 3 failed logins, whatever the password, at the cost of one RPC', async () => {
    const watched = watch()
    const here = newRequester(workerWith(watched.bindings))
    const { name } = await newPerson()
    await here.failTimes(3, name)
    const deriveBits = vi.spyOn(crypto.subtle, 'deriveBits')
    const costs: object[] = []
    for (const password of [PASSWORD, WRONG]) {
      watched.reset()
      const response = await here.logIn(name, password)
      expect(response.headers.get('Retry-After')).toBe(null)
      expect(response.status).toBe(403)
      expect(await response.json()).toMatchObject({
        code: 'challenge_required',
        challenge: { provider: 'altcha', action: 'login', parameters: { signature: expect.any(String) } },
      })
      costs.push({ ...watched.counts })
    }
    expect(costs).toEqual([
      { d1: 0, rpc: 1 },
      { d1: 0, rpc: 1 },
    ])
    const passwordDerivations = deriveBits.mock.calls.filter(([algorithm]) => {
      return (
        typeof algorithm === 'object' &&
        'iterations' in algorithm &&
        algorithm.iterations === CURRENT_ITERATIONS
      )
    })
    expect(passwordDerivations).toEqual([])
  })

  it('allows one attempt per solved challenge, without clearing the failures of other accounts', async () => {
    const here = newRequester()
    const { name } = await newPerson()
    const attacked = newName()
    await here.failTimes(3, attacked)
    await ok(here.logIn(name, PASSWORD, await solve(await challengeFor(here, name))))
    await challengeFor(here, name)
  })

  it('counts a wrong password even with a solved challenge', async () => {
    const here = newRequester()
    const name = newName()
    freeze()
    await here.failTimes(3, name)
    advance(200)
    await here.fail(name, await solve(await challengeFor(here, name)))
    advance(100)
    await here.failTimes(2, name)
    await challengeFor(here, name)
  })

  it('rejects a solved challenge that was used before, and issues a new one', async () => {
    const here = newRequester()
    const name = newName()
    await here.failTimes(3, name)
    const challenge = await challengeFor(here, name)
    const solution = await solve(challenge)
    await here.fail(name, solution)
    const problem = await refused(here.logIn(name, WRONG, solution))
    expect(problem).toMatchObject({ status: 403, code: 'challenge_failed', reasons: ['already_used'] })
    expect(problem.challenge?.parameters).not.toEqual(challenge?.parameters)
    await here.fail(name, await solve(problem.challenge))
  })

  it('rejects a challenge of another address, action or format, each with its reason', async () => {
    const [here, there] = [newRequester(), newRequester()]
    const name = newName()
    for (const somebody of [here, there]) await somebody.failTimes(3, name)
    const ofThere = await solve(await challengeFor(there, name))
    const offered = await ok<Challenge>(here.call('GET', '/auth/challenge?action=register'))
    const forRegister = await solve(offered)
    const cases: readonly (readonly [string, string])[] = [
      [ofThere, 'wrong_client'],
      [forRegister, 'wrong_action'],
      ['', 'malformed'],
      ['x'.repeat(4_097), 'malformed'],
    ]
    for (const [solution, reason] of cases) {
      const problem = await refused(here.logIn(name, WRONG, solution))
      expect(problem).toMatchObject({
        code: 'challenge_failed',
        reasons: [reason],
        challenge: { action: 'login' },
      })
    }
    await there.fail(name, ofThere)
  })

  it('accepts a solved challenge from the whole network that counts as one address', async () => {
    const here = newRequester(worker, '2001:db8:78:1::1')
    const { name } = await newPerson()
    await here.failTimes(3, name)
    const solution = await solve(await challengeFor(here, name))
    await ok(newRequester(worker, '2001:db8:78:1:ffff::2').logIn(name, PASSWORD, solution))
  })

  it('accepts a solved challenge for 300 s, then rejects it as expired', async () => {
    freeze()
    const here = newRequester()
    const name = newName()
    await here.fail(name)
    advance(200)
    await here.failTimes(2, name)
    const solution = await solve(await ok<Challenge>(here.call('GET', '/auth/challenge?action=login')))
    advance(99)
    await here.fail(name, solution)
    const late = await solve(await challengeFor(here, name))
    advance(300)
    await here.failTimes(3, name)
    expect(await refused(here.logIn(name, WRONG, late))).toMatchObject({ reasons: ['expired'] })
  })

  it('requires no challenge from other addresses', async () => {
    const { name } = await newPerson()
    await newRequester().failTimes(3, name)
    await ok(newRequester().logIn(name))
  })

  it('counts the addresses of one IPv6 network together', async () => {
    const name = newName()
    await newRequester(worker, '2001:db8:77:1::1').failTimes(2, name)
    await newRequester(worker, '2001:DB8:77:1:ffff::2').fail(name)
    await challengeFor(newRequester(worker, '2001:db8:77:1::3'), name)
    await newRequester(worker, '2001:db8:77:2::1').fail(name)
  })

  it('slides the window: forgets the oldest failure after 300 s', async () => {
    freeze()
    const here = newRequester()
    const { name } = await newPerson()
    const attacked = newName()
    await here.fail(attacked)
    advance(100)
    await here.failTimes(2, attacked)
    advance(199)
    await challengeFor(here, name)
    advance(1)
    await here.fail(attacked)
    await challengeFor(here, name)
  })

  it('raises the difficulty with every 3 further failures, and rejects a hoarded challenge of lower difficulty', async () => {
    const here = newRequester()
    const names = [newName(), newName(), newName()]
    await here.failTimes(3, names[0] ?? '')
    const hoarded: string[] = []
    for (let solutions = 1; solutions <= 7; solutions++) {
      hoarded.push(await solve(await challengeFor(here, newName())))
    }
    for (const solution of hoarded.slice(0, 6)) await here.fail(newName(), solution)
    const problem = await refused(here.logIn(newName(), WRONG, hoarded[6]))
    expect(problem).toMatchObject({ code: 'challenge_failed', reasons: ['difficulty_too_low'] })
    expect(await refused(here.logIn(newName(), WRONG, hoarded[6]))).toMatchObject({
      reasons: ['difficulty_too_low'],
    })
    const offered = await ok<Challenge>(here.call('GET', '/auth/challenge?action=login'))
    expect(altchaOf(offered).parameters.data).toMatchObject({ level: 2 })
  })
})

describe('a challenge that is not required', () => {
  it('treats a null challenge as absent, except in PATCH /auth/me', async () => {
    const { name, access_token } = await newPerson()
    const here = newRequester()
    const body = { identifier: name, password: PASSWORD, challenge: null }
    await ok(here.call('POST', '/auth/login', { body }))
    const change = { current_password: PASSWORD, username: newName(), challenge: null }
    const problem = await refused(here.call('PATCH', '/auth/me', { bearer: access_token, body: change }))
    expect(problem).toMatchObject({ status: 422, errors: [{ field: 'challenge' }] })
  })
})

describe('a successful login', () => {
  it('clears the failures of an account after its login, whichever identifier was typed', async () => {
    const username = newName()
    const email = `${username}@example.com`
    const here = newRequester()
    await ok(here.register({ username, email }), 201)
    await here.fail(username)
    await here.fail(email.toUpperCase())
    await ok(here.logIn(username.toUpperCase()))
    await here.failTimes(3, email)
    await challengeFor(here, email)
  })

  it('clears no failure of another account by logins to an own account between guesses', async () => {
    const here = newRequester()
    const [victim, own] = [await newPerson(), await newPerson()]
    for (let guess = 1; guess <= 3; guess++) {
      await here.fail(victim.name)
      if (guess < 3) await ok(here.logIn(own.name))
    }
    await challengeFor(here, own.name)
    await ok(here.logIn(own.name, PASSWORD, await solve(await challengeFor(here, own.name))))
    await challengeFor(here, victim.name)
  })

  it('clears no failure of another account by challenged failures of an own account', async () => {
    const here = newRequester()
    const own = await newPerson()
    const victim = newName()
    await here.failTimes(3, victim)
    for (let pushing = 1; pushing <= 4; pushing++) {
      await here.fail(own.name, await solve(await challengeFor(here, own.name)))
    }
    await ok(here.logIn(own.name, PASSWORD, await solve(await challengeFor(here, own.name))))
    await challengeFor(here, victim)
  })
})

describe('what counts as a failed login', () => {
  it.each([
    ['an unknown username', () => newName()],
    ['an unknown email', () => `${newName()}@example.com`],
    ['an impossible email address', () => '@'],
    ['an impossible phone number', () => '12'],
    ['an impossible username', () => 'x'],
  ])('counts a failed login with %s', async (_what, identifier) => {
    const here = newRequester()
    await here.failTimes(3, identifier())
    await challengeFor(here, identifier())
  })

  it('counts no failure for the correct password of a disabled account, and clears none', async () => {
    const { name, user } = await newPerson()
    await disable(user.id)
    const here = newRequester()
    await here.failTimes(2, name)
    for (let right = 1; right <= 3; right++) expect(await codeOf(here.logIn(name))).toBe('account_disabled')
    await here.fail(name)
    await challengeFor(here, name)
  })

  it('counts no failure for an invalid request', async () => {
    const here = newRequester()
    for (let time = 1; time <= 4; time++) {
      expect(await codeOf(here.call('POST', '/auth/login', { body: { identifier: 'ada' } }))).toBe(
        'invalid_request',
      )
      expect(await codeOf(here.call('POST', '/auth/login', { body: '{' }))).toBe('malformed_json')
    }
    const { name } = await newPerson()
    await ok(here.logIn(name))
  })
})

describe('failed logins to one identifier from many addresses', () => {
  const LIMITS = { login_failures_per_account: { threshold: 4 } }
  const worker = workerWith({ LIMITS })

  it.each([
    ['known', async () => (await newPerson()).name],
    ['unknown', async () => newName()],
    ['impossible', async () => `x@${crypto.randomUUID()}`],
  ])('requires a challenge after the threshold of an identifier that is %s', async (_kind, make) => {
    const identifier = await make()
    for (let guess = 1; guess <= 4; guess++) await newRequester(worker).fail(identifier)
    await challengeFor(newRequester(worker), identifier)
    await newRequester(worker).fail(newName())
  })

  it('clears the failures of an identifier after a login with a solved challenge, so that the owner is never locked out', async () => {
    const { name } = await newPerson()
    for (let guess = 1; guess <= 4; guess++) await newRequester(worker).fail(name)
    const owner = newRequester(worker)
    await ok(owner.logIn(name, PASSWORD, await solve(await challengeFor(owner, name))))
    await newRequester(worker).fail(name)
    await ok(newRequester(worker).logIn(name))
  })

  it('counts every spelling of an identifier together', async () => {
    const { name } = await newPerson()
    for (const spelling of [name, name.toUpperCase(), name, name.toUpperCase()])
      await newRequester(worker).fail(spelling)
    await challengeFor(newRequester(worker), name)
  })

  it('raises the difficulty with every further threshold of an identifier, and forgets failures after the window', async () => {
    freeze()
    const identifier = newName()
    for (let guess = 1; guess <= 4; guess++) await newRequester(worker).fail(identifier)
    const levels: unknown[] = []
    for (let guess = 1; guess <= 5; guess++) {
      const here = newRequester(worker)
      const challenge = await challengeFor(here, identifier)
      levels.push(altchaOf(challenge).parameters.data?.level)
      await here.fail(identifier, await solve(challenge))
    }
    expect(levels).toEqual([0, 0, 0, 0, 1])
    advance(900)
    await newRequester(worker).fail(identifier)
  })

  it('allows 10 failures of an identifier in 900 s by default', async () => {
    freeze()
    const identifier = newName()
    await newRequester().fail(identifier)
    advance(1)
    for (let guess = 2; guess <= 10; guess++) await newRequester().fail(identifier)
    advance(898)
    await challengeFor(newRequester(), identifier)
    advance(1)
    await newRequester().fail(identifier)
  })
})
