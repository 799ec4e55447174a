import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  call,
  changePassword,
  isAlive,
  logIn,
  NEW_PASSWORD,
  newPerson,
  ok,
  PASSWORD,
  refresh,
  refused,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { disable } from '../support/database.ts'
import { useFastPasswords } from '../support/faults.ts'
import { intercept } from '../support/intercept.ts'
import { newRequester, WRONG } from '../support/requester.ts'
import { sessionIdOf, type Tokens } from '../support/responses.ts'

beforeEach(useFastPasswords)
afterEach(() => {
  vi.restoreAllMocks()
  thaw()
})

describe('ending sessions after an old login', () => {
  const PATHS = ['/auth/sessions', '/auth/sessions?except=current', '/auth/sessions/{id}']

  /** An account with two sessions. @param path of a request with which the first one ends the second */
  async function twoSessions(path: string) {
    const person = await newPerson()
    const other = await ok<Tokens>(logIn(person.name))
    const address = path.replace('{id}', sessionIdOf(other))
    const end = (body?: unknown, bearer = person.access_token) => call('DELETE', address, { bearer, body })
    return { person, other, end }
  }

  it.each(PATHS)('requires a login within 15 minutes to end sessions: %s', async (path) => {
    freeze()
    const { person, other, end } = await twoSessions(path)
    advance(600)
    const { access_token } = await ok<Tokens>(refresh(person.refresh_token))
    advance(301)
    const response = await end(undefined, access_token)
    expect(response.headers.get('WWW-Authenticate')).toBe(
      'Bearer realm="gatehouse", error="insufficient_user_authentication", max_age="900"',
    )
    expect(await response.json()).toMatchObject({
      status: 401,
      code: 'insufficient_user_authentication',
      max_age: 900,
    })
    await ok(refresh(other.refresh_token))
    advance(-1)
    await ok(end(undefined, access_token), 204)
    expect(await refused(refresh(other.refresh_token))).toMatchObject({ code: 'invalid_refresh_token' })
  })

  it.each(PATHS)('accepts the password in place of a recent login: %s', async (path) => {
    freeze()
    const { person, other, end } = await twoSessions(path)
    advance(86_400)
    const { access_token } = await ok<Tokens>(refresh(person.refresh_token))
    await ok(end({ current_password: PASSWORD }, access_token), 204)
    expect(await refused(refresh(other.refresh_token))).toMatchObject({ code: 'invalid_refresh_token' })
  })

  it('counts a change of the password as a recent login', async () => {
    freeze()
    const { person, end } = await twoSessions('/auth/sessions')
    advance(86_400)
    const { access_token: old } = await ok<Tokens>(refresh(person.refresh_token))
    expect(await refused(end(undefined, old))).toMatchObject({ code: 'insufficient_user_authentication' })
    const { access_token } = await ok<Tokens>(changePassword(old))
    await ok(end(undefined, access_token), 204)
    await ok(logIn(person.name, NEW_PASSWORD))
  })

  it('ends the current session after an old login without the password', async () => {
    freeze()
    const { person, other } = await twoSessions('/auth/sessions')
    advance(86_400)
    const { access_token: bearer } = await ok<Tokens>(refresh(person.refresh_token))
    await ok(call('DELETE', `/auth/sessions/${sessionIdOf(person)}`, { bearer }), 204)
    expect(await isAlive(bearer)).toBe(false)
    await ok(refresh(other.refresh_token))
  })

  it('requires a recent login before it reveals whether a session id exists', async () => {
    freeze()
    const [one, other] = [await newPerson(), await newPerson()]
    advance(86_400)
    const { access_token: bearer } = await ok<Tokens>(refresh(one.refresh_token))
    for (const id of [sessionIdOf(other), 'x']) {
      const path = `/auth/sessions/${id}`
      expect(await refused(call('DELETE', path, { bearer }))).toMatchObject({
        code: 'insufficient_user_authentication',
      })
      const body = { current_password: PASSWORD }
      expect(await refused(call('DELETE', path, { bearer, body }))).toMatchObject({ code: 'not_found' })
    }
  })
})

describe('a password that is sent to end sessions', () => {
  it.each(['/auth/sessions', '/auth/sessions?except=current', '/auth/sessions/{id}'])(
    'answers 401 to a wrong password even after a recent login, and ends no session: %s',
    async (path) => {
      const first = await newPerson()
      const second = await ok<Tokens>(logIn(first.name))
      const body = { current_password: WRONG }
      const response = await call('DELETE', path.replace('{id}', sessionIdOf(second)), {
        bearer: first.access_token,
        body,
      })
      expect(response.headers.get('WWW-Authenticate')).toBe('Bearer realm="gatehouse"')
      expect(await response.json()).toMatchObject({ status: 401, code: 'invalid_credentials' })
      expect(await isAlive(first.access_token)).toBe(true)
      expect(await isAlive(second.access_token)).toBe(true)
    },
  )

  it('counts a wrong password as a failed login and requires a challenge above the threshold', async () => {
    const { access_token: bearer, name } = await newPerson()
    const here = newRequester()
    const guess = (current_password: string) =>
      refused(here.call('DELETE', '/auth/sessions', { bearer, body: { current_password } }))
    for (let times = 1; times <= 3; times++)
      expect(await guess(WRONG)).toMatchObject({ code: 'invalid_credentials' })
    expect(await guess(PASSWORD)).toMatchObject({
      status: 403,
      code: 'challenge_required',
      challenge: { action: 'login' },
    })
    expect(await refused(here.logIn(name))).toMatchObject({ code: 'challenge_required' })
    expect(await isAlive(bearer)).toBe(true)
    await ok(here.call('DELETE', '/auth/sessions', { bearer }), 204)
  })

  it('counts wrong passwords for the account from any IP address', async () => {
    const { access_token: bearer, name } = await newPerson()
    const guess = () =>
      refused(call('DELETE', '/auth/sessions', { bearer, body: { current_password: WRONG } }))
    for (let times = 1; times <= 10; times++) expect((await guess()).code).toBe('invalid_credentials')
    expect((await guess()).code).toBe('challenge_required')
    expect((await refused(logIn(name))).code).toBe('challenge_required')
  })

  it('checks the password against the current account, not the state that the session has', async () => {
    const { access_token: bearer, user } = await newPerson()
    const end = (current_password: string) =>
      refused(call('DELETE', '/auth/sessions', { bearer, body: { current_password } }))
    await disable(user.id)
    expect(await end(PASSWORD)).toMatchObject({ status: 403, code: 'account_disabled' })
    expect(await end(WRONG)).toMatchObject({ code: 'invalid_credentials' })
    await env.DB.prepare('DELETE FROM accounts WHERE id = ?1').bind(user.id).run()
    expect(await end(PASSWORD)).toMatchObject({ code: 'invalid_credentials' })
  })
})

describe('the body of a request that ends sessions', () => {
  it.each([
    ['is missing', undefined, {}],
    ['is missing, with a type of JSON', undefined, { 'Content-Type': 'application/json' }],
    ['is missing, with another type', undefined, { 'Content-Type': 'text/plain' }],
    ['is an empty object', '{}', { 'Content-Type': 'application/json; charset=utf-8' }],
    ['has null in each field', { current_password: null, challenge: null }, {}],
    ['has a challenge that was not required', { challenge: 'x' }, {}],
  ])('ends sessions with a body that %s', async (_what, body, headers: Record<string, string>) => {
    for (const path of ['/auth/sessions', '/auth/sessions/{id}']) {
      const first = await newPerson()
      const second = await ok<Tokens>(logIn(first.name))
      const address = path.replace('{id}', sessionIdOf(second))
      await ok(call('DELETE', address, { bearer: first.access_token, body, headers }), 204)
      expect(await isAlive(second.access_token)).toBe(false)
    }
  })

  it.each([
    ['an unknown field', { password: PASSWORD }, ['password']],
    ['an empty password', { current_password: '' }, ['current_password']],
    ['a password that is not a string', { current_password: 1 }, ['current_password']],
    ['half a character', { current_password: 'x\ud800' }, ['current_password']],
    [
      'several invalid fields',
      { current_password: [], challenge: 5, more: 1 },
      ['current_password', 'challenge', 'more'],
    ],
  ])('answers 422 to %s and ends no session', async (_what, body, fields) => {
    const { access_token: bearer } = await newPerson()
    const { status, errors } = await refused(call('DELETE', '/auth/sessions', { bearer, body }))
    expect([status, errors?.map(({ field }) => field)]).toEqual([422, fields])
    expect(await isAlive(bearer)).toBe(true)
  })

  it.each(['/auth/sessions', '/auth/sessions/x'])(
    'reports the errors of a request to end sessions in order, an old login last: %s',
    async (path) => {
      freeze()
      const { refresh_token } = await newPerson()
      advance(901)
      const { access_token } = await ok<Tokens>(refresh(refresh_token))
      const codeOf = async (body: string, bearer: string, type = 'application/json') => {
        const headers = { 'Content-Type': type }
        return (await refused(call('DELETE', path, { bearer, body, headers }))).code
      }
      expect(await codeOf('x'.repeat(16_385), 'bad', 'text/plain')).toBe('body_too_large')
      expect(await codeOf('x', 'bad', 'text/plain')).toBe('unsupported_media_type')
      expect(await codeOf('x', 'bad')).toBe('invalid_token')
      expect(await codeOf('x', access_token)).toBe('malformed_json')
      expect(await codeOf('[]', access_token)).toBe('malformed_json')
      expect(await codeOf('{"x":1}', access_token)).toBe('invalid_request')
      expect(await codeOf('{}', access_token)).toBe('insufficient_user_authentication')
    },
  )
})

describe('a session that ends during its request to end others', () => {
  /** The Worker, which completes other work before its first call of a method of the account object. */
  function workerAfter(method: string, work: () => Promise<unknown>) {
    let done = false
    const bindings = intercept(async ({ name }, proceed) => {
      if (name === method && !done) {
        done = true
        await work()
      }
      return proceed()
    })
    return workerWith(bindings)
  }

  it.each([
    ['all others', '/auth/sessions?except=current', 'endAll'],
    ['all', '/auth/sessions', 'endAll'],
    ['one', '/auth/sessions/{id}', 'end'],
  ])('ends no session with the token of a session that was ended before: %s', async (_what, path, method) => {
    const first = await newPerson()
    const second = await ok<Tokens>(logIn(first.name))
    const endOthers = () =>
      ok(call('DELETE', '/auth/sessions?except=current', { bearer: first.access_token }), 204)
    const address = path.replace('{id}', sessionIdOf(first))
    const asked = call('DELETE', address, { bearer: second.access_token }, workerAfter(method, endOthers))
    expect(await refused(asked)).toMatchObject({ status: 401, code: 'invalid_token' })
    expect(await isAlive(first.access_token)).toBe(true)
    expect(await isAlive(second.access_token)).toBe(false)
  })

  it('ends no session with a password that was changed before', async () => {
    const first = await newPerson()
    const second = await ok<Tokens>(logIn(first.name))
    const change = () => ok(changePassword(first.access_token))
    const sent = { bearer: second.access_token, body: { current_password: PASSWORD } }
    const asked = call('DELETE', '/auth/sessions?except=current', sent, workerAfter('endAll', change))
    expect(await refused(asked)).toMatchObject({ status: 401, code: 'invalid_token' })
    expect(await isAlive(first.access_token)).toBe(true)
  })
})
