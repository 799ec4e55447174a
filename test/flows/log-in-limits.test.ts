import { afterEach, describe, expect, it, vi } from 'vitest'
import {
  call,
  newAddress,
  newName,
  newPerson,
  ok,
  PASSWORD,
  refused,
  type Tokens,
  worker,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { disable } from '../support/database.ts'
import { altchaOf, solve } from '../support/solver.ts'
import { type Visitor, visitor, WRONG } from '../support/visitor.ts'

afterEach(() => {
  thaw()
  vi.restoreAllMocks()
})

/** What the service says to one more right log in. */
async function codeOf(response: Promise<Response>): Promise<string> {
  const answer = await response
  return answer.ok ? 'ok' : ((await answer.json()) as { code: string }).code
}

async function challengeFor(somebody: Visitor, identifier: string) {
  const { code, challenge } = await refused(somebody.logIn(identifier))
  expect(code).toBe('challenge_required')
  return challenge
}

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

describe('the order of refusals', () => {
  const LIMITS = {
    registrations_per_ip: { action: 'challenge', threshold: 0 },
    login_failures_per_ip: { action: 'block', threshold: 0 },
  }

  it('has 429 before a challenge, answered or not', async () => {
    const here = visitor(workerWith({ LIMITS }))
    const { access_token } = await newPerson()
    for (const challenge of [undefined, 'x']) {
      const body = { username: newName(), current_password: PASSWORD, challenge }
      const patched = here.call('PATCH', '/auth/me', { bearer: access_token, body })
      expect(await codeOf(patched)).toBe('too_many_login_failures')
    }
  })

  it('has a missing address before 429, and a weak password before that', async () => {
    const fetch = workerWith({ LIMITS: { registrations_per_ip: { threshold: 0 } } })
    const post = (password: string, headers: Record<string, string>) =>
      codeOf(call('POST', '/auth/register', { body: { username: newName(), password }, headers }, fetch))
    expect(await post('short', { 'CF-Connecting-IP': '' })).toBe('weak_password')
    expect(await post(PASSWORD, { 'CF-Connecting-IP': '' })).toBe('client_ip_unknown')
    expect(await post(PASSWORD, {})).toBe('too_many_registrations')
  })

  it('has the challenge before a disabled account', async () => {
    const here = visitor()
    const { name, user } = await newPerson()
    await disable(user.id)
    await here.failTimes(3, newName())
    expect(await codeOf(here.logIn(name))).toBe('challenge_required')
  })

  it('has a wrong query before a missing address', async () => {
    const headers = { 'CF-Connecting-IP': '' }
    for (const query of ['', '?action=', '?action=LOGIN', '?action=patch']) {
      const problem = await refused(call('GET', `/auth/challenge${query}`, { headers }))
      expect(problem).toMatchObject({ code: 'invalid_request', errors: [{ field: 'action' }] })
    }
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

describe('a stolen access token', () => {
  const calls: readonly (readonly [string, (person: Tokens, here: Visitor) => Promise<Response>])[] = [
    [
      'PUT /auth/me/password',
      ({ access_token }, here) => {
        const body = { current_password: WRONG, new_password: 'quite another passphrase' }
        return here.call('PUT', '/auth/me/password', { bearer: access_token, body })
      },
    ],
    [
      'PATCH /auth/me',
      ({ access_token }, here) => {
        const body = { current_password: WRONG, username: newName() }
        return here.call('PATCH', '/auth/me', { bearer: access_token, body })
      },
    ],
    [
      'DELETE /auth/me',
      ({ access_token }, here) =>
        here.call('DELETE', '/auth/me', { bearer: access_token, body: { current_password: WRONG } }),
    ],
  ]

  it.each(calls)('is no way to guess by %s: it counts as a log in at the address', async (_name, guess) => {
    const here = visitor()
    const person = await newPerson()
    for (let guesses = 1; guesses <= 3; guesses++) {
      expect(await codeOf(guess(person, here))).toBe('invalid_credentials')
    }
    expect(await codeOf(guess(person, here))).toBe('challenge_required')
    await challengeFor(here, newName())
  })

  it.each(calls)(
    'is no way to guess by %s: it counts on the identifier from anywhere',
    async (_name, guess) => {
      const worker = workerWith({ LIMITS: { login_failures_per_account: { threshold: 2 } } })
      const person = await newPerson()
      for (let guesses = 1; guesses <= 2; guesses++) {
        expect(await codeOf(guess(person, visitor(worker)))).toBe('invalid_credentials')
      }
      expect(await codeOf(guess(person, visitor(worker)))).toBe('challenge_required')
      expect(await codeOf(visitor(worker).logIn(person.name))).toBe('challenge_required')
    },
  )

  it('counts on the email, where there is one, else on the phone', async () => {
    const worker = workerWith({ LIMITS: { login_failures_per_account: { threshold: 1 } } })
    const guess = calls[0]?.[1] ?? (() => Promise.reject())
    const username = newName()
    const phone = '+12015550123'
    const email = `${username}@example.com`
    const here = visitor()
    const person = await ok<Tokens>(here.register({ username, phone }), 201)
    expect(await codeOf(guess(person, visitor(worker)))).toBe('invalid_credentials')
    expect(await codeOf(visitor(worker).logIn(phone))).toBe('challenge_required')
    expect(await codeOf(visitor(worker).logIn(username))).toBe('ok')
    await ok(
      here.call('PATCH', '/auth/me', {
        bearer: person.access_token,
        body: { email, current_password: PASSWORD },
      }),
    )
    expect(await codeOf(guess(person, visitor(worker)))).toBe('invalid_credentials')
    expect(await codeOf(visitor(worker).logIn(email))).toBe('challenge_required')
  })

  it('of a right password clears, as a log in does, and takes a challenge for log in', async () => {
    const here = visitor()
    const { name, access_token } = await newPerson()
    await here.failTimes(3, name)
    const body = { current_password: PASSWORD, username: newName() }
    const { challenge } = await refused(here.call('PATCH', '/auth/me', { bearer: access_token, body }))
    expect(challenge).toMatchObject({ action: 'login' })
    const answer = await solve(challenge)
    await ok(here.call('PATCH', '/auth/me', { bearer: access_token, body: { ...body, challenge: answer } }))
    await ok(here.logIn(body.username))
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

describe('a rule', () => {
  const at = (rule: object) => visitor(workerWith({ LIMITS: { login_failures_per_ip: rule } }))

  it('that blocks answers 429 with the seconds until the next place, solved challenge or not', async () => {
    freeze()
    const here = at({ action: 'block', threshold: 2, window_seconds: 60 })
    const { name } = await newPerson()
    await here.fail(newName())
    advance(10)
    await here.fail(newName())
    advance(20)
    const answer = await here.logIn(name, PASSWORD, 'x')
    expect(answer.status).toBe(429)
    expect(answer.headers.get('Retry-After')).toBe('30')
    expect(await answer.json()).toMatchObject({ code: 'too_many_login_failures' })
    advance(30)
    await ok(here.logIn(name))
  })

  it('that is off counts nothing and costs nothing', async () => {
    const watched = watch()
    const off = { enabled: false }
    const LIMITS = { login_failures_per_ip: off, login_failures_per_account: off }
    const here = visitor(workerWith({ ...watched.bindings, LIMITS }))
    const { name } = await newPerson()
    await here.failTimes(5, name)
    watched.reset()
    const answer = await here.logIn(name)
    expect(answer.status).toBe(200)
    expect(answer.headers.get('RateLimit')).toBe(null)
    expect(watched.counts).toEqual({ d1: 1, rpc: 1 })
  })

  it('of threshold 0 always asks', async () => {
    const here = at({ threshold: 0 })
    const { name } = await newPerson()
    await ok(here.logIn(name, PASSWORD, await solve(await challengeFor(here, name))))
    await challengeFor(here, name)
  })
})

describe('the address of Workers of other zones', () => {
  it('is always challenged', async () => {
    const { name } = await newPerson()
    const here = visitor(worker, '2a06:98c0:3600::103')
    await ok(here.logIn(name, PASSWORD, await solve(await challengeFor(here, name))))
    await challengeFor(visitor(worker, '2a06:98c0:3600:1::1'), name)
  })

  it('is challenged where others are blocked: nobody there could ever log in', async () => {
    const LIMITS = { login_failures_per_ip: { action: 'block' } }
    const here = visitor(workerWith({ LIMITS }), '2a06:98c0:3600::104')
    const { name } = await newPerson()
    await ok(here.logIn(name, PASSWORD, await solve(await challengeFor(here, name))))
  })
})

describe('the client address', () => {
  const body = { identifier: 'ada', password: WRONG }
  const send = (headers: Record<string, string>, fetch = workerWith({})) =>
    fetch(
      new Request('https://auth.example.test/auth/login', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', ...headers },
        body: JSON.stringify(body),
      }),
    )

  it.each([
    ['missing', {}],
    ['no address', { 'CF-Connecting-IP': 'unknown' }],
    ['several', { 'CF-Connecting-IP': '203.0.113.7, 203.0.113.8' }],
    [
      'only in other headers',
      { 'X-Forwarded-For': '203.0.113.7', 'X-Real-IP': '203.0.113.7', Forwarded: 'for=203.0.113.7' },
    ],
    ['a Pseudo IPv4 address without the real one', { 'CF-Connecting-IP': '240.0.0.1' }],
  ])('is refused where it is %s: nothing is counted under a guess', async (_what, headers) => {
    expect(await refused(send(headers))).toMatchObject({ status: 400, code: 'client_ip_unknown' })
  })

  it.each([
    ['POST', '/auth/register', { username: 'nobody.knows', password: PASSWORD }],
    ['PATCH', '/auth/me', { username: 'nobody.knows', current_password: PASSWORD }],
    ['PUT', '/auth/me/password', { current_password: PASSWORD, new_password: 'quite another passphrase' }],
    ['DELETE', '/auth/me', { current_password: PASSWORD }],
    ['GET', '/auth/challenge?action=login', undefined],
  ])('is needed by %s %s', async (method, path, sent) => {
    const { access_token } = await newPerson()
    const headers = { 'CF-Connecting-IP': '' }
    expect(await refused(call(method, path, { bearer: access_token, headers, body: sent }))).toMatchObject({
      code: 'client_ip_unknown',
    })
  })

  it('is not spoofed by X-Forwarded-For', async () => {
    const address = newAddress()
    for (let guess = 1; guess <= 3; guess++) {
      const headers = { 'CF-Connecting-IP': address, 'X-Forwarded-For': newAddress() }
      expect(await codeOf(send(headers))).toBe('invalid_credentials')
    }
    expect(await codeOf(send({ 'CF-Connecting-IP': address, 'X-Forwarded-For': newAddress() }))).toBe(
      'challenge_required',
    )
  })

  it('is the one in the header that the setting names, and no other', async () => {
    const fetch = workerWith({ CLIENT_IP_HEADER: 'X-Client' })
    expect(await codeOf(send({ 'X-Client': newAddress() }, fetch))).toBe('invalid_credentials')
    expect(await codeOf(send({ 'CF-Connecting-IP': newAddress() }, fetch))).toBe('client_ip_unknown')
  })

  it('is as wide a network as IPV6_PREFIX says', async () => {
    const fetch = workerWith({ IPV6_PREFIX: 48 })
    for (const host of ['2001:db8:4800:1::1', '2001:db8:4800:2::1', '2001:db8:4800:3::1']) {
      expect(await codeOf(send({ 'CF-Connecting-IP': host }, fetch))).toBe('invalid_credentials')
    }
    expect(await codeOf(send({ 'CF-Connecting-IP': '2001:db8:4800:4::1' }, fetch))).toBe('challenge_required')
  })

  it('is CF-Connecting-IPv6 where Cloudflare put a Pseudo IPv4 address in its place', async () => {
    const real = newAddress()
    for (const pseudo of ['240.0.0.1', '240.0.0.2', '240.0.0.3']) {
      const headers = { 'CF-Connecting-IP': pseudo, 'CF-Connecting-IPv6': real }
      expect(await codeOf(send(headers))).toBe('invalid_credentials')
    }
    expect(await codeOf(send({ 'CF-Connecting-IP': real }))).toBe('challenge_required')
  })
})

describe('the RateLimit fields', () => {
  const fields = ({ headers }: Response) => [headers.get('RateLimit-Policy'), headers.get('RateLimit')]
  const policy = '"login_failures_per_ip";q=3;w=300'

  it('say how many failures are left, and until when, on refusals too', async () => {
    freeze()
    const here = visitor()
    const { name } = await newPerson()
    expect(fields(await here.logIn(name))).toEqual([policy, '"login_failures_per_ip";r=3;t=300'])
    expect(fields(await here.logIn(name, WRONG))).toEqual([policy, '"login_failures_per_ip";r=2;t=300'])
    advance(100)
    expect(fields(await here.logIn(newName()))).toEqual([policy, '"login_failures_per_ip";r=1;t=200'])
    expect(fields(await here.logIn(newName()))).toEqual([policy, '"login_failures_per_ip";r=0;t=200'])
    expect(fields(await here.logIn(name))).toEqual([policy, '"login_failures_per_ip";r=0;t=200'])
    advance(100)
    expect(fields(await here.logIn(name))).toEqual([policy, '"login_failures_per_ip";r=0;t=100'])
  })

  it('count down again after a success, and stay at none after a solved challenge', async () => {
    const here = visitor()
    const { name } = await newPerson()
    await here.fail(name)
    expect((await here.logIn(name)).headers.get('RateLimit')).toContain('r=3')
    await here.failTimes(3, newName())
    const answer = await solve(await challengeFor(here, name))
    expect((await here.logIn(name, PASSWORD, answer)).headers.get('RateLimit')).toContain('r=0')
  })

  it('name both rules of a call that registers and checks a password', async () => {
    const { access_token, name } = await newPerson()
    const body = { email: `${name}@example.com`, current_password: PASSWORD }
    const answer = await call('PATCH', '/auth/me', { bearer: access_token, body })
    expect(answer.headers.get('RateLimit')).toBe(
      '"registrations_per_ip";r=2;t=300, "login_failures_per_ip";r=3;t=300',
    )
  })

  it('are missing where the call did not reach the counter', async () => {
    expect(fields(await call('POST', '/auth/login', { body: {} }))).toEqual([null, null])
    expect(fields(await call('GET', '/healthz'))).toEqual([null, null])
  })
})
