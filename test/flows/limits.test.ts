/** How limits apply: their precedence, settings, the address that counts, and the RateLimit fields. */

import { afterEach, describe, expect, it, vi } from 'vitest'
import { codeOf } from '../support/admin.ts'
import {
  call,
  newAddress,
  newName,
  newPerson,
  ok,
  PASSWORD,
  refused,
  worker,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { disable } from '../support/database.ts'
import { challengeFor, newRequester, type Requester, WRONG } from '../support/requester.ts'
import type { Tokens } from '../support/responses.ts'
import { solve } from '../support/solver.ts'

afterEach(() => {
  thaw()
  vi.restoreAllMocks()
})

describe('the precedence of limits', () => {
  const LIMITS = {
    registrations_per_ip: { action: 'challenge', threshold: 0 },
    login_failures_per_ip: { action: 'block', threshold: 0 },
  }

  it('reports 429 before a required challenge, solved or not', async () => {
    const here = newRequester(workerWith({ LIMITS }))
    const { access_token } = await newPerson()
    for (const challenge of [undefined, 'x']) {
      const body = { username: newName(), current_password: PASSWORD, challenge }
      const patched = here.call('PATCH', '/auth/me', { bearer: access_token, body })
      expect(await codeOf(patched)).toBe('too_many_login_failures')
    }
  })

  it('reports a weak password before a missing client address, and both before 429', async () => {
    const fetch = workerWith({ LIMITS: { registrations_per_ip: { threshold: 0 } } })
    const post = (password: string, headers: Record<string, string>) =>
      codeOf(call('POST', '/auth/register', { body: { username: newName(), password }, headers }, fetch))
    expect(await post('short', { 'CF-Connecting-IP': '' })).toBe('weak_password')
    expect(await post(PASSWORD, { 'CF-Connecting-IP': '' })).toBe('client_ip_unknown')
    expect(await post(PASSWORD, {})).toBe('too_many_registrations')
  })

  it('requires the challenge before it reports a disabled account', async () => {
    const here = newRequester()
    const { name, user } = await newPerson()
    await disable(user.id)
    await here.failTimes(3, newName())
    expect(await codeOf(here.logIn(name))).toBe('challenge_required')
  })

  it('reports an invalid query before a missing client address', async () => {
    const headers = { 'CF-Connecting-IP': '' }
    for (const query of ['', '?action=', '?action=LOGIN', '?action=patch']) {
      const problem = await refused(call('GET', `/auth/challenge${query}`, { headers }))
      expect(problem).toMatchObject({ code: 'invalid_request', errors: [{ field: 'action' }] })
    }
  })
})

describe('password guesses with an access token', () => {
  const calls: readonly (readonly [string, (person: Tokens, here: Requester) => Promise<Response>])[] = [
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

  it.each(calls)('counts a wrong password at %s as a failed login of the address', async (_name, guess) => {
    const here = newRequester()
    const person = await newPerson()
    for (let guesses = 1; guesses <= 3; guesses++) {
      expect(await codeOf(guess(person, here))).toBe('invalid_credentials')
    }
    expect(await codeOf(guess(person, here))).toBe('challenge_required')
    await challengeFor(here, newName())
  })

  it.each(calls)(
    'counts a wrong password at %s as a failed login of the identifier, from any address',
    async (_name, guess) => {
      const worker = workerWith({ LIMITS: { login_failures_per_account: { threshold: 2 } } })
      const person = await newPerson()
      for (let guesses = 1; guesses <= 2; guesses++) {
        expect(await codeOf(guess(person, newRequester(worker)))).toBe('invalid_credentials')
      }
      expect(await codeOf(guess(person, newRequester(worker)))).toBe('challenge_required')
      expect(await codeOf(newRequester(worker).logIn(person.name))).toBe('challenge_required')
    },
  )

  it('counts a wrong current password on the email address if there is one, otherwise on the phone number', async () => {
    const worker = workerWith({ LIMITS: { login_failures_per_account: { threshold: 1 } } })
    const guess = calls[0]?.[1] ?? (() => Promise.reject())
    const username = newName()
    const phone = '+12015550123'
    const email = `${username}@example.com`
    const here = newRequester()
    const person = await ok<Tokens>(here.register({ username, phone }), 201)
    expect(await codeOf(guess(person, newRequester(worker)))).toBe('invalid_credentials')
    expect(await codeOf(newRequester(worker).logIn(phone))).toBe('challenge_required')
    expect(await codeOf(newRequester(worker).logIn(username))).toBe('ok')
    await ok(
      here.call('PATCH', '/auth/me', {
        bearer: person.access_token,
        body: { email, current_password: PASSWORD },
      }),
    )
    expect(await codeOf(guess(person, newRequester(worker)))).toBe('invalid_credentials')
    expect(await codeOf(newRequester(worker).logIn(email))).toBe('challenge_required')
  })

  it('clears failures after a correct current password, and accepts a challenge for login', async () => {
    const here = newRequester()
    const { name, access_token } = await newPerson()
    await here.failTimes(3, name)
    const body = { current_password: PASSWORD, username: newName() }
    const { challenge } = await refused(here.call('PATCH', '/auth/me', { bearer: access_token, body }))
    expect(challenge).toMatchObject({ action: 'login' })
    const solution = await solve(challenge)
    await ok(here.call('PATCH', '/auth/me', { bearer: access_token, body: { ...body, challenge: solution } }))
    await ok(here.logIn(body.username))
  })
})

describe('a limit rule', () => {
  const at = (rule: object) => newRequester(workerWith({ LIMITS: { login_failures_per_ip: rule } }))

  it('answers 429 with the seconds until the next attempt if the rule blocks, even with a challenge', async () => {
    freeze()
    const here = at({ action: 'block', threshold: 2, window_seconds: 60 })
    const { name } = await newPerson()
    await here.fail(newName())
    advance(10)
    await here.fail(newName())
    advance(20)
    const response = await here.logIn(name, PASSWORD, 'x')
    expect(response.status).toBe(429)
    expect(response.headers.get('Retry-After')).toBe('30')
    expect(await response.json()).toMatchObject({ code: 'too_many_login_failures' })
    advance(30)
    await ok(here.logIn(name))
  })

  it('counts nothing and calls no counter if the rules are disabled', async () => {
    const watched = watch()
    const off = { enabled: false }
    const LIMITS = { login_failures_per_ip: off, login_failures_per_account: off }
    const here = newRequester(workerWith({ ...watched.bindings, LIMITS }))
    const { name } = await newPerson()
    await here.failTimes(5, name)
    watched.reset()
    const response = await here.logIn(name)
    expect(response.status).toBe(200)
    expect(response.headers.get('RateLimit')).toBe(null)
    expect(watched.counts).toEqual({ d1: 1, rpc: 1 })
  })

  it('requires a challenge for every login at threshold 0', async () => {
    const here = at({ threshold: 0 })
    const { name } = await newPerson()
    await ok(here.logIn(name, PASSWORD, await solve(await challengeFor(here, name))))
    await challengeFor(here, name)
  })
})

describe('the address that Workers of other zones share', () => {
  it('always challenges the address that Workers of other zones share', async () => {
    const { name } = await newPerson()
    const here = newRequester(worker, '2a06:98c0:3600::103')
    await ok(here.logIn(name, PASSWORD, await solve(await challengeFor(here, name))))
    await challengeFor(newRequester(worker, '2a06:98c0:3600:1::1'), name)
  })

  it('challenges the address that Workers of other zones share even if the rule blocks others', async () => {
    const LIMITS = { login_failures_per_ip: { action: 'block' } }
    const here = newRequester(workerWith({ LIMITS }), '2a06:98c0:3600::104')
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
    ['not an IP address', { 'CF-Connecting-IP': 'unknown' }],
    ['a list', { 'CF-Connecting-IP': '203.0.113.7, 203.0.113.8' }],
    [
      'only in other headers',
      { 'X-Forwarded-For': '203.0.113.7', 'X-Real-IP': '203.0.113.7', Forwarded: 'for=203.0.113.7' },
    ],
    ['a Pseudo IPv4 address without the real one', { 'CF-Connecting-IP': '240.0.0.1' }],
  ])('answers client_ip_unknown, without a guess, if the client address is %s', async (_what, headers) => {
    expect(await refused(send(headers))).toMatchObject({ status: 400, code: 'client_ip_unknown' })
  })

  it.each([
    ['POST', '/auth/register', { username: 'nobody.knows', password: PASSWORD }],
    ['PATCH', '/auth/me', { username: 'nobody.knows', current_password: PASSWORD }],
    ['PUT', '/auth/me/password', { current_password: PASSWORD, new_password: 'quite another passphrase' }],
    ['DELETE', '/auth/me', { current_password: PASSWORD }],
    ['GET', '/auth/challenge?action=login', undefined],
  ])('requires a client address at %s %s', async (method, path, sent) => {
    const { access_token } = await newPerson()
    const headers = { 'CF-Connecting-IP': '' }
    expect(await refused(call(method, path, { bearer: access_token, headers, body: sent }))).toMatchObject({
      code: 'client_ip_unknown',
    })
  })

  it('ignores X-Forwarded-For when it counts failures', async () => {
    const address = newAddress()
    for (let guess = 1; guess <= 3; guess++) {
      const headers = { 'CF-Connecting-IP': address, 'X-Forwarded-For': newAddress() }
      expect(await codeOf(send(headers))).toBe('invalid_credentials')
    }
    expect(await codeOf(send({ 'CF-Connecting-IP': address, 'X-Forwarded-For': newAddress() }))).toBe(
      'challenge_required',
    )
  })

  it('reads the client address from the header that CLIENT_IP_HEADER names, and from no other', async () => {
    const fetch = workerWith({ CLIENT_IP_HEADER: 'X-Client' })
    expect(await codeOf(send({ 'X-Client': newAddress() }, fetch))).toBe('invalid_credentials')
    expect(await codeOf(send({ 'CF-Connecting-IP': newAddress() }, fetch))).toBe('client_ip_unknown')
  })

  it('counts IPv6 addresses by the network that IPV6_PREFIX sets', async () => {
    const fetch = workerWith({ IPV6_PREFIX: 48 })
    for (const host of ['2001:db8:4800:1::1', '2001:db8:4800:2::1', '2001:db8:4800:3::1']) {
      expect(await codeOf(send({ 'CF-Connecting-IP': host }, fetch))).toBe('invalid_credentials')
    }
    expect(await codeOf(send({ 'CF-Connecting-IP': '2001:db8:4800:4::1' }, fetch))).toBe('challenge_required')
  })

  it('reads CF-Connecting-IPv6 if CF-Connecting-IP has a Pseudo IPv4 address', async () => {
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

  it('reports the remaining failures and their reset in RateLimit, also with refusals', async () => {
    freeze()
    const here = newRequester()
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

  it('restores the remaining failures in RateLimit after a success, but not after a solved challenge', async () => {
    const here = newRequester()
    const { name } = await newPerson()
    await here.fail(name)
    expect((await here.logIn(name)).headers.get('RateLimit')).toContain('r=3')
    await here.failTimes(3, newName())
    const solution = await solve(await challengeFor(here, name))
    expect((await here.logIn(name, PASSWORD, solution)).headers.get('RateLimit')).toContain('r=0')
  })

  it('names both rules in RateLimit if a request adds an identifier and checks a password', async () => {
    const { access_token, name } = await newPerson()
    const body = { email: `${name}@example.com`, current_password: PASSWORD }
    const response = await call('PATCH', '/auth/me', { bearer: access_token, body })
    expect(response.headers.get('RateLimit')).toBe(
      '"registrations_per_ip";r=2;t=300, "login_failures_per_ip";r=3;t=300',
    )
  })

  it('omits RateLimit if the request does not reach the counter', async () => {
    expect(fields(await call('POST', '/auth/login', { body: {} }))).toEqual([null, null])
    expect(fields(await call('GET', '/healthz'))).toEqual([null, null])
  })
})
