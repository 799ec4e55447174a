import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Env } from '../../src/config/env.ts'
import {
  call,
  NEW_PASSWORD,
  newName,
  newPerson,
  ok,
  PASSWORD,
  type Problem,
  refused,
  type Tokens,
  workerWith,
} from '../support/client.ts'
import { watch } from '../support/counting.ts'
import { Desk } from '../support/desk.ts'
import { solve } from '../support/solver.ts'
import { SECRET, SITE_KEY } from '../support/stand-in/protocol.ts'
import { type Visitor, visitor, WRONG } from '../support/visitor.ts'

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

/** Somebody at an address where three log ins of others have failed, at a service that goes by the provider. */
async function challenged(desk: Desk, changes: Partial<Env> = {}): Promise<Visitor & { name: string }> {
  const { name } = await newPerson()
  const here = visitor(workerWith(desk.settings(changes)))
  await here.failTimes(3, newName())
  return { ...here, name }
}

async function refusal(response: Promise<Response>): Promise<Pick<Problem, 'code' | 'reasons'>> {
  const { code, reasons } = await refused(response)
  return reasons === undefined ? { code } : { code, reasons }
}

const USED = { code: 'challenge_failed', reasons: ['expired', 'already_used'] }

describe('a log in past the threshold, with Turnstile', () => {
  it('is asked for its widget: the site key, the action, and nothing else', async () => {
    const desk = new Desk()
    const here = await challenged(desk)
    const { code, challenge } = await refused(here.logIn(here.name))
    expect({ code, challenge }).toEqual({ code: 'challenge_required', challenge: TURNSTILE })
    expect(await ok(here.call('GET', '/auth/challenge?action=login'))).toEqual(TURNSTILE)
    expect(await ok(here.call('GET', '/auth/challenge?action=register'))).toEqual({
      ...TURNSTILE,
      action: 'register',
    })
    expect(await desk.forms()).toEqual([])
  })

  it('passes with a token, which Turnstile is told the address of, once', async () => {
    const desk = new Desk()
    const here = await challenged(desk)
    const token = await desk.solve()
    await ok(here.logIn(here.name, PASSWORD, token))
    expect(await desk.forms()).toMatchObject([{ response: token, remoteip: here.address }])
    expect(await refusal(here.logIn(here.name, PASSWORD, token))).toEqual(USED)
  })

  it('counts when its password is wrong: each guess takes a token', async () => {
    const desk = new Desk()
    const here = await challenged(desk)
    const token = await desk.solve()
    await here.fail(here.name, token)
    expect(await refusal(here.logIn(here.name, WRONG, token))).toEqual(USED)
    expect(await refusal(here.logIn(here.name, PASSWORD))).toEqual({ code: 'challenge_required' })
  })

  it('has no price that rises: after any number of failures a token is as good as before', async () => {
    const desk = new Desk()
    const { name } = await newPerson()
    const LIMITS = { login_failures_per_ip: { threshold: 1 } }
    const here = visitor(workerWith(desk.settings({ LIMITS })))
    await here.fail(newName())
    for (let failure = 1; failure <= 5; failure++) await here.fail(name, await desk.solve())
    await ok(here.logIn(name, PASSWORD, await desk.solve()))
  })

  it('passes once with one token, however many send it at once', async () => {
    const desk = new Desk()
    const here = await challenged(desk)
    const token = await desk.solve()
    const codes = await Promise.all(
      Array.from({ length: 8 }, async () => (await refused(here.logIn(here.name, WRONG, token))).code),
    )
    expect(codes.toSorted()).toEqual([...Array(7).fill('challenge_failed'), 'invalid_credentials'])
  })

  it.each([
    ['of another action', { action: 'register' }, ['wrong_action']],
    ['of a page that is not listed', { action: 'login', hostname: 'evil.example' }, ['rejected']],
    ['of 300 s ago', { action: 'login', age_seconds: 300 }, USED.reasons],
  ])('is refused with a token %s, and asked again', async (_what, solved, reasons) => {
    const desk = new Desk()
    const here = await challenged(desk, { CHALLENGE_HOSTNAMES: 'app.example.test,localhost' })
    const problem = await refused(here.logIn(here.name, PASSWORD, await desk.solve(solved)))
    expect(problem).toMatchObject({ code: 'challenge_failed', reasons, challenge: TURNSTILE })
  })

  it.each([
    ['empty', ''],
    ['longer than a token can be', 'x'.repeat(2_049)],
    ['longer than an answer can be', 'x'.repeat(4_097)],
    ['no token', 'nö'],
  ])('is refused with an answer that is %s, without asking Turnstile', async (_what, answer) => {
    const desk = new Desk()
    const here = await challenged(desk)
    expect(await refusal(here.logIn(here.name, PASSWORD, answer))).toEqual({
      code: 'challenge_failed',
      reasons: ['malformed'],
    })
    expect(await desk.forms()).toEqual([])
  })

  it('asks Turnstile once where the address and the identifier both want a challenge', async () => {
    const desk = new Desk()
    const LIMITS = { login_failures_per_account: { threshold: 0 } }
    const name = newName()
    const here = visitor(
      workerWith(desk.settings({ LIMITS: { ...LIMITS, login_failures_per_ip: { threshold: 0 } } })),
    )
    await here.fail(name, await desk.solve())
    expect(await desk.forms()).toHaveLength(1)
  })

  it('writes neither token nor secret to the log', async () => {
    const desk = new Desk()
    const here = await challenged(desk)
    const token = await desk.solve()
    await here.fail(here.name, token)
    await here.logIn(here.name, WRONG, token)
    await desk.behave('hangs up')
    await here.logIn(here.name, WRONG, token)
    expect(lines.length).toBeGreaterThan(3)
    expect(lines.join()).not.toMatch(new RegExp(`${SECRET}|${token}`))
  })
})

describe('an answer that nobody asked for', () => {
  it('is not sent to Turnstile, and not used up', async () => {
    const desk = new Desk()
    const { name } = await newPerson()
    const here = visitor(workerWith(desk.settings()))
    const token = await desk.solve()
    await ok(here.logIn(name, PASSWORD, token))
    expect(await desk.forms()).toEqual([])
    await here.failTimes(3, name)
    await ok(here.logIn(name, PASSWORD, token))
  })

  it('is not sent to Turnstile by whom a rule blocks', async () => {
    const desk = new Desk()
    const here = await challenged(desk, { LIMITS: { login_failures_per_ip: { action: 'block' } } })
    expect(await refusal(here.logIn(here.name, PASSWORD, await desk.solve()))).toEqual({
      code: 'too_many_login_failures',
    })
    expect(await desk.forms()).toEqual([])
  })

  it('is not sent to Turnstile with a body that is wrong', async () => {
    const desk = new Desk()
    const here = await challenged(desk)
    const body = { identifier: here.name, password: 7, challenge: await desk.solve() }
    expect(await refusal(here.call('POST', '/auth/login', { body }))).toEqual({ code: 'invalid_request' })
    expect(await desk.forms()).toEqual([])
  })
})

describe('every other call that counts, with Turnstile', () => {
  it('passes with a token: a change of the account, of its password, and leaving', async () => {
    const desk = new Desk()
    const fetch = workerWith(desk.settings())
    const here = visitor(fetch)
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
      const challenge = await desk.solve()
      await ok(here.call(method, path, { bearer, body: { ...body, challenge } }), status)
    }
  })

  it('passes with a token of its action: a registration, which counts', async () => {
    const desk = new Desk()
    const here = visitor(workerWith(desk.settings({ LIMITS: CHALLENGED_REGISTRATION })))
    await ok(here.register({ username: newName() }), 201)
    const username = newName()
    const ofLogIn = await desk.solve({ action: 'login' })
    expect(await refusal(here.register({ username }, ofLogIn))).toEqual({
      code: 'challenge_failed',
      reasons: ['wrong_action'],
    })
    await ok<Tokens>(here.register({ username }, await desk.solve({ action: 'register' })), 201)
  })

  it('a registration that passed by a token counts before it is stored, whatever becomes of the rest', async () => {
    const desk = new Desk()
    const watched = watch()
    const settings = desk.settings({ LIMITS: CHALLENGED_REGISTRATION, ...watched.bindings })
    const here = visitor(workerWith(settings))
    await ok(here.register({ username: newName() }), 201)
    watched.fail('settle', { before: true })
    await here.register({ username: newName() }, await desk.solve({ action: 'register' }))
    watched.mend()
    const raised = { registrations_per_ip: { action: 'block', threshold: 2 } }
    const strict = visitor(workerWith(desk.settings({ LIMITS: raised })), here.address)
    expect(await refusal(strict.register({ username: newName() }))).toEqual({
      code: 'too_many_registrations',
    })
  })
})

describe('with hCaptcha', () => {
  it('a log in past the threshold passes with one of its tokens, whatever it was solved for, once', async () => {
    const desk = new Desk('hcaptcha')
    const here = await challenged(desk)
    expect((await refused(here.logIn(here.name))).challenge).toEqual({ ...TURNSTILE, provider: 'hcaptcha' })
    const token = await desk.solve({})
    await ok(here.logIn(here.name, PASSWORD, token))
    expect(await refusal(here.logIn(here.name, PASSWORD, token))).toEqual({
      code: 'challenge_failed',
      reasons: ['already_used'],
    })
  })
})

describe('while the provider is out of reach', () => {
  it('nobody passes: 503, before the password is looked at and with nothing counted', async () => {
    const desk = new Desk()
    const here = await challenged(desk)
    await desk.behave('status 500')
    const derived = vi.spyOn(crypto.subtle, 'deriveBits')
    const answer = await here.logIn(here.name, PASSWORD, await desk.solve())
    expect(answer.status).toBe(503)
    expect(answer.headers.get('Retry-After')).toBe('5')
    expect(await answer.json()).toMatchObject({ code: 'challenge_unavailable' })
    expect(derived.mock.calls.filter(([algorithm]) => 'iterations' in Object(algorithm))).toEqual([])
    const LIMITS = { login_failures_per_ip: { threshold: 4 } }
    await visitor(workerWith({ LIMITS }), here.address).fail(newName())
  })

  it('nobody is stopped who is not past a threshold', async () => {
    const desk = new Desk()
    await desk.behave('status 500')
    const { name } = await newPerson()
    const here = visitor(workerWith(desk.settings()))
    await here.fail(name)
    await ok(here.logIn(name))
  })

  it('a token that was not judged is good afterwards', async () => {
    const desk = new Desk()
    const here = await challenged(desk)
    const token = await desk.solve()
    await desk.behave('status 500')
    expect(await refusal(here.logIn(here.name, PASSWORD, token))).toEqual({ code: 'challenge_unavailable' })
    await desk.behave('right')
    await ok(here.logIn(here.name, PASSWORD, token))
  })

  it('a lost answer costs nobody anything: the second try is known for what it is', async () => {
    const desk = new Desk()
    const here = await challenged(desk)
    await desk.behave('lost', 'right')
    await ok(here.logIn(here.name, PASSWORD, await desk.solve()))
  })

  it('a proof of work is asked for where CHALLENGE_FALLBACK says so, and lets one attempt through', async () => {
    const desk = new Desk()
    const here = await challenged(desk, { CHALLENGE_FALLBACK: 'altcha' })
    await desk.behave('status 500')
    const { code, reasons, challenge } = await refused(here.logIn(here.name, PASSWORD, await desk.solve()))
    expect({ code, reasons }).toEqual({ code: 'challenge_failed', reasons: [] })
    const answer = await solve(challenge)
    await here.fail(here.name, answer)
    expect(await refusal(here.logIn(here.name, PASSWORD, answer))).toEqual({
      code: 'challenge_failed',
      reasons: ['already_used'],
    })
  })

  it('who asks for a challenge gets work at once where the widget could not be loaded either', async () => {
    const desk = new Desk()
    await desk.behave('hangs up')
    const here = await challenged(desk, { CHALLENGE_FALLBACK: 'altcha' })
    const { code, challenge } = await refused(here.logIn(here.name))
    expect(code).toBe('challenge_required')
    await ok(here.logIn(here.name, PASSWORD, await solve(challenge)))
    expect(await ok(here.call('GET', '/auth/challenge?action=login'))).toMatchObject({ provider: 'altcha' })
  })
})

describe('keys of the provider that are wrong', () => {
  it('are a wrong setting: the provider refuses them, and the log says which', async () => {
    const desk = new Desk()
    const secret = 'a secret key that the provider does not know'
    const here = await challenged(desk, { CHALLENGE_SECRET: secret })
    expect(await refusal(here.logIn(here.name, PASSWORD, await desk.solve()))).toEqual({
      code: 'misconfigured',
    })
    const [line = ''] = lines.filter((text) => text.includes('"misconfigured"'))
    expect(line).toContain('CHALLENGE_SECRET')
    expect(lines.join()).not.toContain(secret)
  })

  it.each(['CHALLENGE_SITE_KEY', 'CHALLENGE_SECRET'] as const)(
    'stop the service at once where one is missing: %s',
    async (variable) => {
      const fetch = workerWith(new Desk().settings({ [variable]: '' }))
      expect(await refusal(call('GET', '/healthz', {}, fetch))).toEqual({ code: 'misconfigured' })
      expect(lines.join()).toContain(`"variable":"${variable}","problem":"is missing"`)
    },
  )
})
