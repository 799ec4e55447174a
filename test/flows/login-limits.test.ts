import { afterEach, describe, expect, it, vi } from 'vitest'
import { codeOf } from '../support/admin.ts'
import { newName, newPerson, ok, PASSWORD, refused, worker, workerWith } from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { disable } from '../support/database.ts'
import { altchaOf, solve } from '../support/solver.ts'
import { challengeFor, visitor, WRONG } from '../support/visitor.ts'

afterEach(() => {
  thaw()
  vi.restoreAllMocks()
})

describe('after 3 failed log ins from one address', () => {
  it('the next one needs a challenge, right password or not, and costs one RPC alone', async () => {
    const watched = watch()
    const here = visitor(workerWith(watched.bindings))
    const { name } = await newPerson()
    await here.failTimes(3, name)
    const deriveBits = vi.spyOn(crypto.subtle, 'deriveBits')
    const costs: object[] = []
    for (const password of [PASSWORD, WRONG]) {
      watched.reset()
      const answer = await here.logIn(name, password)
      expect(answer.headers.get('Retry-After')).toBe(null)
      expect(answer.status).toBe(403)
      expect(await answer.json()).toMatchObject({
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
      return typeof algorithm === 'object' && 'iterations' in algorithm && algorithm.iterations === 100_000
    })
    expect(passwordDerivations).toEqual([])
  })

  it('a solved challenge lets one attempt through, and does not clear the count', async () => {
    const here = visitor()
    const { name } = await newPerson()
    const attacked = newName()
    await here.failTimes(3, attacked)
    await ok(here.logIn(name, PASSWORD, await solve(await challengeFor(here, name))))
    await challengeFor(here, name)
  })

  it('a wrong password counts with a solved challenge too', async () => {
    const here = visitor()
    const name = newName()
    freeze()
    await here.failTimes(3, name)
    advance(200)
    await here.fail(name, await solve(await challengeFor(here, name)))
    advance(100)
    await here.failTimes(2, name)
    await challengeFor(here, name)
  })

  it('one solved challenge is one attempt: the second with it is told so, and gets a fresh one', async () => {
    const here = visitor()
    const name = newName()
    await here.failTimes(3, name)
    const challenge = await challengeFor(here, name)
    const answer = await solve(challenge)
    await here.fail(name, answer)
    const problem = await refused(here.logIn(name, WRONG, answer))
    expect(problem).toMatchObject({ status: 403, code: 'challenge_failed', reasons: ['already_used'] })
    expect(problem.challenge?.parameters).not.toEqual(challenge?.parameters)
    await here.fail(name, await solve(problem.challenge))
  })

  it('a used challenge stays used whatever followed: also where the password was right', async () => {
    const here = visitor()
    const { name } = await newPerson()
    await here.failTimes(3, newName())
    const answer = await solve(await challengeFor(here, name))
    await ok(here.logIn(name, PASSWORD, answer))
    expect(await refused(here.logIn(name, PASSWORD, answer))).toMatchObject({ reasons: ['already_used'] })
  })

  it('a challenge for another address, another action or another shape is refused, each by its reason', async () => {
    const [here, there] = [visitor(), visitor()]
    const name = newName()
    for (const somebody of [here, there]) await somebody.failTimes(3, name)
    const ofThere = await solve(await challengeFor(there, name))
    const offered = await ok<never>(here.call('GET', '/auth/challenge?action=register'))
    const forRegister = await solve(offered)
    const cases: readonly (readonly [string, string])[] = [
      [ofThere, 'wrong_client'],
      [forRegister, 'wrong_action'],
      ['', 'malformed'],
      ['x'.repeat(4_097), 'malformed'],
    ]
    for (const [answer, reason] of cases) {
      const problem = await refused(here.logIn(name, WRONG, answer))
      expect(problem).toMatchObject({
        code: 'challenge_failed',
        reasons: [reason],
        challenge: { action: 'login' },
      })
    }
    await there.fail(name, ofThere)
  })

  it('the answer is good from the whole network that counts as one client', async () => {
    const here = visitor(worker, '2001:db8:78:1::1')
    const { name } = await newPerson()
    await here.failTimes(3, name)
    const answer = await solve(await challengeFor(here, name))
    await ok(visitor(worker, '2001:db8:78:1:ffff::2').logIn(name, PASSWORD, answer))
  })

  it('an answer is good for 300 s, and one that expired is told so', async () => {
    freeze()
    const here = visitor()
    const name = newName()
    await here.fail(name)
    advance(200)
    await here.failTimes(2, name)
    const answer = await solve(await ok<never>(here.call('GET', '/auth/challenge?action=login')))
    advance(99)
    await here.fail(name, answer)
    const late = await solve(await challengeFor(here, name))
    advance(300)
    await here.failTimes(3, name)
    expect(await refused(here.logIn(name, WRONG, late))).toMatchObject({ reasons: ['expired'] })
  })

  it('other addresses are asked for nothing', async () => {
    const { name } = await newPerson()
    await visitor().failTimes(3, name)
    await ok(visitor().logIn(name))
  })

  it('the same network of an IPv6 address is the same client', async () => {
    const name = newName()
    await visitor(worker, '2001:db8:77:1::1').failTimes(2, name)
    await visitor(worker, '2001:DB8:77:1:ffff::2').fail(name)
    await challengeFor(visitor(worker, '2001:db8:77:1::3'), name)
    await visitor(worker, '2001:db8:77:2::1').fail(name)
  })

  it('the window slides: the oldest failure leaves it after 300 s', async () => {
    freeze()
    const here = visitor()
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

  it('the challenge gets dearer with every 3 further failures, and a hoarded cheap one is refused', async () => {
    const here = visitor()
    const names = [newName(), newName(), newName()]
    await here.failTimes(3, names[0] ?? '')
    const hoarded: string[] = []
    for (let answers = 1; answers <= 7; answers++) {
      hoarded.push(await solve(await challengeFor(here, newName())))
    }
    for (const answer of hoarded.slice(0, 6)) await here.fail(newName(), answer)
    const problem = await refused(here.logIn(newName(), WRONG, hoarded[6]))
    expect(problem).toMatchObject({ code: 'challenge_failed', reasons: ['difficulty_too_low'] })
    expect(await refused(here.logIn(newName(), WRONG, hoarded[6]))).toMatchObject({
      reasons: ['difficulty_too_low'],
    })
    const offered = await ok<{ parameters: { parameters: { data: object } } }>(
      here.call('GET', '/auth/challenge?action=login'),
    )
    expect(offered.parameters.parameters.data).toMatchObject({ level: 2 })
  })
})

describe('a challenge that nobody asked for', () => {
  it('is null for none, as in every call but PATCH', async () => {
    const { name, access_token } = await newPerson()
    const here = visitor()
    const body = { identifier: name, password: PASSWORD, challenge: null }
    await ok(here.call('POST', '/auth/login', { body }))
    const change = { current_password: PASSWORD, username: newName(), challenge: null }
    const problem = await refused(here.call('PATCH', '/auth/me', { bearer: access_token, body: change }))
    expect(problem).toMatchObject({ status: 422, errors: [{ field: 'challenge' }] })
  })

  it('is ignored and not used up', async () => {
    const here = visitor()
    const { name } = await newPerson()
    const answer = await solve(await ok<never>(here.call('GET', '/auth/challenge?action=login')))
    await ok(here.logIn(name, PASSWORD, answer))
    await ok(here.logIn(name, PASSWORD, 'garbage'))
    await here.failTimes(3, newName())
    await ok(here.logIn(name, PASSWORD, answer))
  })
})

describe('a success', () => {
  it('clears the failures of its account, whichever identifier was typed', async () => {
    const username = newName()
    const email = `${username}@example.com`
    const here = visitor()
    await ok(here.register({ username, email }), 201)
    await here.fail(username)
    await here.fail(email.toUpperCase())
    await ok(here.logIn(username.toUpperCase()))
    await here.failTimes(3, email)
    await challengeFor(here, email)
  })

  it('clears no failure on another account: logging in to an own one between guesses gains nothing', async () => {
    const here = visitor()
    const [victim, own] = [await newPerson(), await newPerson()]
    for (let guess = 1; guess <= 3; guess++) {
      await here.fail(victim.name)
      if (guess < 3) await ok(here.logIn(own.name))
    }
    await challengeFor(here, own.name)
    await ok(here.logIn(own.name, PASSWORD, await solve(await challengeFor(here, own.name))))
    await challengeFor(here, victim.name)
  })

  it('clears no failure on another account by pushing it out with challenged ones of the own', async () => {
    const here = visitor()
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

describe('what counts', () => {
  it.each([
    ['an unknown username', () => newName()],
    ['an unknown email', () => `${newName()}@example.com`],
    ['an email that no account could have', () => '@'],
    ['a phone number that no account could have', () => '12'],
    ['a name that no account could have', () => 'x'],
  ])('is %s alike', async (_what, identifier) => {
    const here = visitor()
    await here.failTimes(3, identifier())
    await challengeFor(here, identifier())
  })

  it('is no right password of a disabled account, which clears nothing either', async () => {
    const { name, user } = await newPerson()
    await disable(user.id)
    const here = visitor()
    await here.failTimes(2, name)
    for (let right = 1; right <= 3; right++) expect(await codeOf(here.logIn(name))).toBe('account_disabled')
    await here.fail(name)
    await challengeFor(here, name)
  })

  it('is no refused request', async () => {
    const here = visitor()
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

describe('one identifier, guessed from many addresses', () => {
  const LIMITS = { login_failures_per_account: { threshold: 4 } }
  const worker = workerWith({ LIMITS })

  it.each([
    ['known', async () => (await newPerson()).name],
    ['unknown', async () => newName()],
    ['impossible', async () => `x@${crypto.randomUUID()}`],
  ])('asks for a challenge past the threshold, %s alike', async (_kind, make) => {
    const identifier = await make()
    for (let guess = 1; guess <= 4; guess++) await visitor(worker).fail(identifier)
    await challengeFor(visitor(worker), identifier)
    await visitor(worker).fail(newName())
  })

  it('never locks the owner out: a solved challenge and the right password clear it all', async () => {
    const { name } = await newPerson()
    for (let guess = 1; guess <= 4; guess++) await visitor(worker).fail(name)
    const owner = visitor(worker)
    await ok(owner.logIn(name, PASSWORD, await solve(await challengeFor(owner, name))))
    await visitor(worker).fail(name)
    await ok(visitor(worker).logIn(name))
  })

  it('is the same in every spelling', async () => {
    const { name } = await newPerson()
    for (const spelling of [name, name.toUpperCase(), name, name.toUpperCase()])
      await visitor(worker).fail(spelling)
    await challengeFor(visitor(worker), name)
  })

  it('forgets after its window, and gets dearer with every further threshold', async () => {
    freeze()
    const identifier = newName()
    for (let guess = 1; guess <= 4; guess++) await visitor(worker).fail(identifier)
    const levels: unknown[] = []
    for (let guess = 1; guess <= 5; guess++) {
      const here = visitor(worker)
      const challenge = await challengeFor(here, identifier)
      levels.push(altchaOf(challenge).parameters.data?.level)
      await here.fail(identifier, await solve(challenge))
    }
    expect(levels).toEqual([0, 0, 0, 0, 1])
    advance(900)
    await visitor(worker).fail(identifier)
  })

  it('is 10 failures in 900 s by default', async () => {
    freeze()
    const identifier = newName()
    await visitor().fail(identifier)
    advance(1)
    for (let guess = 2; guess <= 10; guess++) await visitor().fail(identifier)
    advance(898)
    await challengeFor(visitor(), identifier)
    advance(1)
    await visitor().fail(identifier)
  })
})
