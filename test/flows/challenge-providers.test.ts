import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Env } from '../../src/config/env.ts'
import {
  call,
  NEW_PASSWORD,
  newName,
  newPerson,
  ok,
  PASSWORD,
  refused,
  workerWith,
} from '../support/client.ts'
import { watch } from '../support/counting.ts'
import { SECRET, SITE_KEY } from '../support/fake-provider/protocol.ts'
import { FakeProvider } from '../support/fake-provider.ts'
import { newRequester, type Requester, WRONG } from '../support/requester.ts'
import type { Problem, Tokens } from '../support/responses.ts'
import { solve } from '../support/solver.ts'

const TURNSTILE = { provider: 'turnstile', action: 'login', site_key: SITE_KEY }
const CHALLENGED_REGISTRATION = { registrations_per_ip: { action: 'challenge', threshold: 1 } }

let lines: string[] = []
beforeEach(() => {
  lines = []
  for (const level of ['info', 'warn', 'error'] as const) {
    vi.spyOn(console, level).mockImplementation((line) => void lines.push(line))
  }
})
afterEach(() => vi.restoreAllMocks())

/** A visitor of a service with this provider, at an address where three logins to other accounts have failed. */
async function challenged(
  provider: FakeProvider,
  changes: Partial<Env> = {},
): Promise<Requester & { name: string }> {
  const { name } = await newPerson()
  const here = newRequester(workerWith(provider.settings(changes)))
  await here.failTimes(3, newName())
  return { ...here, name }
}

async function refusal(response: Promise<Response>): Promise<Pick<Problem, 'code' | 'reasons'>> {
  const { code, reasons } = await refused(response)
  return reasons === undefined ? { code } : { code, reasons }
}

const USED = { code: 'challenge_failed', reasons: ['expired', 'already_used'] }

describe('a login over the threshold with Turnstile', () => {
  it('requires a Turnstile challenge with only the site key and the action', async () => {
    const provider = new FakeProvider()
    const here = await challenged(provider)
    const { code, challenge } = await refused(here.logIn(here.name))
    expect({ code, challenge }).toEqual({ code: 'challenge_required', challenge: TURNSTILE })
    expect(await ok(here.call('GET', '/auth/challenge?action=login'))).toEqual(TURNSTILE)
    expect(await ok(here.call('GET', '/auth/challenge?action=register'))).toEqual({
      ...TURNSTILE,
      action: 'register',
    })
    expect(await provider.forms()).toEqual([])
  })

  it('accepts a Turnstile token once, and sends the IP address of the requester to Turnstile', async () => {
    const provider = new FakeProvider()
    const here = await challenged(provider)
    const token = await provider.solve()
    await ok(here.logIn(here.name, PASSWORD, token))
    expect(await provider.forms()).toMatchObject([{ response: token, remoteip: here.address }])
    expect(await refusal(here.logIn(here.name, PASSWORD, token))).toEqual(USED)
  })

  it('counts a wrong password with a Turnstile token, so that each guess needs a new token', async () => {
    const provider = new FakeProvider()
    const here = await challenged(provider)
    const token = await provider.solve()
    await here.fail(here.name, token)
    expect(await refusal(here.logIn(here.name, WRONG, token))).toEqual(USED)
    expect(await refusal(here.logIn(here.name, PASSWORD))).toEqual({ code: 'challenge_required' })
  })

  it('accepts a Turnstile token after any number of failures, since it has no difficulty', async () => {
    const provider = new FakeProvider()
    const { name } = await newPerson()
    const LIMITS = { login_failures_per_ip: { threshold: 1 } }
    const here = newRequester(workerWith(provider.settings({ LIMITS })))
    await here.fail(newName())
    for (let failure = 1; failure <= 5; failure++) await here.fail(name, await provider.solve())
    await ok(here.logIn(name, PASSWORD, await provider.solve()))
  })

  it('accepts a Turnstile token for one of several concurrent logins', async () => {
    const provider = new FakeProvider()
    const here = await challenged(provider)
    const token = await provider.solve()
    const codes = await Promise.all(
      Array.from({ length: 8 }, async () => (await refused(here.logIn(here.name, WRONG, token))).code),
    )
    expect(codes.toSorted()).toEqual([...Array(7).fill('challenge_failed'), 'invalid_credentials'])
  })

  it.each([
    ['of another action', { action: 'register' }, ['wrong_action']],
    ['of a hostname that is not listed', { action: 'login', hostname: 'evil.example' }, ['rejected']],
    ['of 300 s ago', { action: 'login', age_seconds: 300 }, USED.reasons],
  ])('rejects a Turnstile token %s, and requires another', async (_what, solved, reasons) => {
    const provider = new FakeProvider()
    const here = await challenged(provider, { CHALLENGE_HOSTNAMES: 'app.example.test,localhost' })
    const problem = await refused(here.logIn(here.name, PASSWORD, await provider.solve(solved)))
    expect(problem).toMatchObject({ code: 'challenge_failed', reasons, challenge: TURNSTILE })
  })

  it.each([
    ['empty', ''],
    ['longer than a token can be', 'x'.repeat(2_049)],
    ['longer than the field can be', 'x'.repeat(4_097)],
    ['malformed', 'nö'],
  ])('rejects a token that is %s, without calling Turnstile', async (_what, token) => {
    const provider = new FakeProvider()
    const here = await challenged(provider)
    expect(await refusal(here.logIn(here.name, PASSWORD, token))).toEqual({
      code: 'challenge_failed',
      reasons: ['malformed'],
    })
    expect(await provider.forms()).toEqual([])
  })

  it('calls Turnstile once when the address and the identifier both require a challenge', async () => {
    const provider = new FakeProvider()
    const LIMITS = { login_failures_per_account: { threshold: 0 } }
    const name = newName()
    const here = newRequester(
      workerWith(provider.settings({ LIMITS: { ...LIMITS, login_failures_per_ip: { threshold: 0 } } })),
    )
    await here.fail(name, await provider.solve())
    expect(await provider.forms()).toHaveLength(1)
  })

  it('logs neither the Turnstile token nor the secret', async () => {
    const provider = new FakeProvider()
    const here = await challenged(provider)
    const token = await provider.solve()
    await here.fail(here.name, token)
    await here.logIn(here.name, WRONG, token)
    await provider.behave('hangs up')
    await here.logIn(here.name, WRONG, token)
    expect(lines.length).toBeGreaterThan(3)
    expect(lines.join()).not.toMatch(new RegExp(`${SECRET}|${token}`))
  })
})

describe('a token that is not required', () => {
  it('ignores a token that is not required: it is neither sent to Turnstile nor consumed', async () => {
    const provider = new FakeProvider()
    const { name } = await newPerson()
    const here = newRequester(workerWith(provider.settings()))
    const token = await provider.solve()
    await ok(here.logIn(name, PASSWORD, token))
    expect(await provider.forms()).toEqual([])
    await here.failTimes(3, name)
    await ok(here.logIn(name, PASSWORD, token))
  })

  it('sends no token to Turnstile when a rule blocks the requester', async () => {
    const provider = new FakeProvider()
    const here = await challenged(provider, { LIMITS: { login_failures_per_ip: { action: 'block' } } })
    expect(await refusal(here.logIn(here.name, PASSWORD, await provider.solve()))).toEqual({
      code: 'too_many_login_failures',
    })
    expect(await provider.forms()).toEqual([])
  })

  it('sends no token to Turnstile when the body is invalid', async () => {
    const provider = new FakeProvider()
    const here = await challenged(provider)
    const body = { identifier: here.name, password: 7, challenge: await provider.solve() }
    expect(await refusal(here.call('POST', '/auth/login', { body }))).toEqual({ code: 'invalid_request' })
    expect(await provider.forms()).toEqual([])
  })
})

describe('other rate-limited calls with Turnstile', () => {
  it('accepts tokens for a change of identifiers, a change of password and the deletion of the account', async () => {
    const provider = new FakeProvider()
    const fetch = workerWith(provider.settings())
    const here = newRequester(fetch)
    const { access_token: bearer, name } = await newPerson(fetch)
    await here.failTimes(3, newName())
    const changes = [
      ['PATCH', '/auth/me', { current_password: PASSWORD, username: `${name}.x` }, 200],
      ['PUT', '/auth/me/password', { current_password: PASSWORD, new_password: NEW_PASSWORD }, 200],
      ['DELETE', '/auth/me', { current_password: NEW_PASSWORD }, 204],
    ] as const
    for (const [method, path, body, status] of changes) {
      // Each success clears the failures of its own account alone.
      expect(await refusal(here.call(method, path, { bearer, body }))).toEqual({ code: 'challenge_required' })
      const challenge = await provider.solve()
      await ok(here.call(method, path, { bearer, body: { ...body, challenge } }), status)
    }
  })

  it('accepts only a token of the action register for a registration', async () => {
    const provider = new FakeProvider()
    const here = newRequester(workerWith(provider.settings({ LIMITS: CHALLENGED_REGISTRATION })))
    await ok(here.register({ username: newName() }), 201)
    const username = newName()
    const ofLogIn = await provider.solve({ action: 'login' })
    expect(await refusal(here.register({ username }, ofLogIn))).toEqual({
      code: 'challenge_failed',
      reasons: ['wrong_action'],
    })
    await ok<Tokens>(here.register({ username }, await provider.solve({ action: 'register' })), 201)
  })

  it('counts a registration with a token before it is stored, even if settle fails', async () => {
    const provider = new FakeProvider()
    const watched = watch()
    const settings = provider.settings({ LIMITS: CHALLENGED_REGISTRATION, ...watched.bindings })
    const here = newRequester(workerWith(settings))
    await ok(here.register({ username: newName() }), 201)
    watched.fail('settle', { before: true })
    await here.register({ username: newName() }, await provider.solve({ action: 'register' }))
    watched.mend()
    const raised = { registrations_per_ip: { action: 'block', threshold: 2 } }
    const strict = newRequester(workerWith(provider.settings({ LIMITS: raised })), here.address)
    expect(await refusal(strict.register({ username: newName() }))).toEqual({
      code: 'too_many_registrations',
    })
  })
})

describe('a login over the threshold with hCaptcha', () => {
  it('accepts an hCaptcha token of any action once', async () => {
    const provider = new FakeProvider('hcaptcha')
    const here = await challenged(provider)
    expect((await refused(here.logIn(here.name))).challenge).toEqual({ ...TURNSTILE, provider: 'hcaptcha' })
    const token = await provider.solve({})
    await ok(here.logIn(here.name, PASSWORD, token))
    expect(await refusal(here.logIn(here.name, PASSWORD, token))).toEqual({
      code: 'challenge_failed',
      reasons: ['already_used'],
    })
  })
})

describe('an unavailable provider', () => {
  it('answers 503 while the provider is unavailable, without checking the password or counting', async () => {
    const provider = new FakeProvider()
    const here = await challenged(provider)
    await provider.behave('status 500')
    const derived = vi.spyOn(crypto.subtle, 'deriveBits')
    const response = await here.logIn(here.name, PASSWORD, await provider.solve())
    expect(response.status).toBe(503)
    expect(response.headers.get('Retry-After')).toBe('5')
    expect(await response.json()).toMatchObject({ code: 'challenge_unavailable' })
    expect(derived.mock.calls.filter(([algorithm]) => 'iterations' in Object(algorithm))).toEqual([])
    const LIMITS = { login_failures_per_ip: { threshold: 4 } }
    await newRequester(workerWith({ LIMITS }), here.address).fail(newName())
  })

  it('accepts logins below the threshold while the provider is unavailable', async () => {
    const provider = new FakeProvider()
    await provider.behave('status 500')
    const { name } = await newPerson()
    const here = newRequester(workerWith(provider.settings()))
    await here.fail(name)
    await ok(here.logIn(name))
  })

  it('accepts a token later that the provider could not verify', async () => {
    const provider = new FakeProvider()
    const here = await challenged(provider)
    const token = await provider.solve()
    await provider.behave('status 500')
    expect(await refusal(here.logIn(here.name, PASSWORD, token))).toEqual({ code: 'challenge_unavailable' })
    await provider.behave('right')
    await ok(here.logIn(here.name, PASSWORD, token))
  })

  it('accepts a token when only the first response of the provider is lost', async () => {
    const provider = new FakeProvider()
    const here = await challenged(provider)
    await provider.behave('lost', 'right')
    await ok(here.logIn(here.name, PASSWORD, await provider.solve()))
  })

  it('requires proof of work with CHALLENGE_FALLBACK while the provider is unavailable, and accepts it once', async () => {
    const provider = new FakeProvider()
    const here = await challenged(provider, { CHALLENGE_FALLBACK: 'altcha' })
    await provider.behave('status 500')
    const { code, reasons, challenge } = await refused(
      here.logIn(here.name, PASSWORD, await provider.solve()),
    )
    expect({ code, reasons }).toEqual({ code: 'challenge_failed', reasons: [] })
    const solved = await solve(challenge)
    await here.fail(here.name, solved)
    expect(await refusal(here.logIn(here.name, PASSWORD, solved))).toEqual({
      code: 'challenge_failed',
      reasons: ['already_used'],
    })
  })

  it('issues proof of work at once with CHALLENGE_FALLBACK when the widget cannot be loaded either', async () => {
    const provider = new FakeProvider()
    await provider.behave('hangs up')
    const here = await challenged(provider, { CHALLENGE_FALLBACK: 'altcha' })
    const { code, challenge } = await refused(here.logIn(here.name))
    expect(code).toBe('challenge_required')
    await ok(here.logIn(here.name, PASSWORD, await solve(challenge)))
    expect(await ok(here.call('GET', '/auth/challenge?action=login'))).toMatchObject({ provider: 'altcha' })
  })
})

describe('wrong keys of the provider', () => {
  it('answers misconfigured when the provider rejects the secret, and logs its variable', async () => {
    const provider = new FakeProvider()
    const secret = 'a secret key that the provider does not know'
    const here = await challenged(provider, { CHALLENGE_SECRET: secret })
    expect(await refusal(here.logIn(here.name, PASSWORD, await provider.solve()))).toEqual({
      code: 'misconfigured',
    })
    const [line = ''] = lines.filter((text) => text.includes('"misconfigured"'))
    expect(line).toContain('CHALLENGE_SECRET')
    expect(lines.join()).not.toContain(secret)
  })

  it.each(['CHALLENGE_SITE_KEY', 'CHALLENGE_SECRET'] as const)(
    'answers misconfigured at once when %s is missing',
    async (variable) => {
      const fetch = workerWith(new FakeProvider().settings({ [variable]: '' }))
      expect(await refusal(call('GET', '/healthz', {}, fetch))).toEqual({ code: 'misconfigured' })
      expect(lines.join()).toContain(`"variable":"${variable}","problem":"is missing"`)
    },
  )
})
