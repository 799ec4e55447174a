import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  call,
  isAlive,
  logIn,
  newName,
  newPerson,
  ok,
  PASSWORD,
  refresh,
  refused,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { useFastPasswords } from '../support/faults.ts'
import { type SessionList, sessionIdOf, type Tokens } from '../support/responses.ts'

beforeEach(useFastPasswords)
afterEach(() => {
  vi.restoreAllMocks()
  thaw()
})

const list = (bearer: string) => ok<SessionList>(call('GET', '/auth/sessions', { bearer }))

describe('the list of sessions', () => {
  it('lists each live session with its times, IP address and user agent, the most recently used first', async () => {
    freeze()
    const address = { 'CF-Connecting-IP': '203.0.113.7' }
    const name = newName()
    const identity = { username: name, password: PASSWORD }
    const first = await ok<Tokens>(call('POST', '/auth/register', { body: identity, headers: address }), 201)
    advance(60)
    const headers = { 'CF-Connecting-IP': '2001:0DB8:0::7', 'User-Agent': `browser ${'x'.repeat(300)}` }
    const body = { identifier: name, password: PASSWORD }
    const second = await ok<Tokens>(call('POST', '/auth/login', { body, headers }))
    expect((await list(first.access_token)).sessions).toEqual([
      {
        id: sessionIdOf(second),
        created_at: '2096-10-02T07:07:40Z',
        last_used_at: '2096-10-02T07:07:40Z',
        expires_at: '2096-11-01T07:07:40Z',
        ip: '2001:db8::7',
        user_agent: `browser ${'x'.repeat(248)}`,
        country: null,
        city: null,
        current: false,
      },
      {
        id: sessionIdOf(first),
        created_at: '2096-10-02T07:06:40Z',
        last_used_at: '2096-10-02T07:06:40Z',
        expires_at: '2096-11-01T07:06:40Z',
        ip: '203.0.113.7',
        user_agent: null,
        country: null,
        city: null,
        current: true,
      },
    ])
    advance(60)
    await ok(refresh(first.refresh_token))
    const { sessions } = await list(second.access_token)
    expect(sessions.map(({ id, current }) => [id, current])).toEqual([
      [sessionIdOf(first), false],
      [sessionIdOf(second), true],
    ])
    expect(sessions[0]?.last_used_at).toBe('2096-10-02T07:08:40Z')
  })

  it('truncates the user agent of a session between characters', async () => {
    const { name } = await newPerson()
    const headers = { 'User-Agent': `${'x'.repeat(255)}\u{1f511}\u{1f511}` }
    const body = { identifier: name, password: PASSWORD }
    const { access_token } = await ok<Tokens>(call('POST', '/auth/login', { body, headers }, workerWith({})))
    const [current] = (await list(access_token)).sessions
    expect(current?.user_agent?.isWellFormed()).toBe(true)
    expect([...(current?.user_agent ?? '')]).toHaveLength(256)
  })

  describe('the country and the city of a session', () => {
    const placeOf = async (cf: object, headers: Record<string, string> = {}) => {
      const { name } = await newPerson()
      const body = JSON.stringify({ identifier: name, password: PASSWORD })
      const login = call('POST', '/auth/login', { body, headers, cf }, workerWith({}))
      const { access_token } = await ok<Tokens>(login)
      const [current] = (await list(access_token)).sessions
      return { country: current?.country, city: current?.city }
    }

    it('records the place of a registration', async () => {
      const body = { username: newName(), password: PASSWORD }
      const cf = { country: 'FR', city: 'Paris' }
      const registration = call('POST', '/auth/register', { body, cf }, workerWith({}))
      const { access_token } = await ok<Tokens>(registration, 201)
      expect((await list(access_token)).sessions).toMatchObject([cf])
    })

    it('records the place of a login, with any parameters of its Content-Type', async () => {
      const cf = { country: 'BR', city: 'S\u00e3o Paulo' }
      expect(await placeOf(cf)).toEqual(cf)
      expect(await placeOf(cf, { 'Content-Type': 'application/json; charset=utf-8' })).toEqual(cf)
    })

    it('records no place in development, where the runtime invents one', async () => {
      const url = 'http://localhost:8787'
      const fetch = workerWith({ ENVIRONMENT: 'development', PUBLIC_URL: url })
      const headers = { 'Content-Type': 'application/json', 'CF-Connecting-IP': '192.0.2.1' }
      const body = JSON.stringify({ username: newName(), password: PASSWORD })
      const cf = { country: 'US', city: 'Austin' }
      const registration = new Request(`${url}/auth/register`, { method: 'POST', headers, body, cf })
      const { access_token } = await ok<Tokens>(fetch(registration), 201)
      const listing = new Request(`${url}/auth/sessions`, {
        headers: { Authorization: `Bearer ${access_token}` },
      })
      expect((await ok<SessionList>(fetch(listing))).sessions).toMatchObject([{ country: null, city: null }])
    })

    it('keeps the place of the login when the session is refreshed from elsewhere', async () => {
      const { name } = await newPerson()
      const body = { identifier: name, password: PASSWORD }
      const there = { country: 'FR', city: 'Paris' }
      const first = await ok<Tokens>(call('POST', '/auth/login', { body, cf: there }, workerWith({})))
      const request = { body: { refresh_token: first.refresh_token }, cf: { country: 'DE', city: 'Ulm' } }
      const { access_token } = await ok<Tokens>(call('POST', '/auth/refresh', request, workerWith({})))
      expect((await list(access_token)).sessions).toContainEqual(expect.objectContaining(there))
    })

    it.each([
      ['nothing', {}, null, null],
      ['a country alone', { country: 'T1' }, 'T1', null],
      ['a city alone', { city: 'Ulm' }, null, 'Ulm'],
      ['an unknown country', { country: 'XX', city: 'Ulm' }, null, 'Ulm'],
      ['a country that is no code', { country: 'France', city: 'Paris' }, null, 'Paris'],
      ['a country in lower case', { country: 'fr', city: 'Paris' }, null, 'Paris'],
      ['numbers', { country: 33, city: 75 }, null, null],
      ['objects', { country: { code: 'FR' }, city: ['Paris'] }, null, null],
      ['empty strings', { country: '', city: '' }, null, null],
      ['half a character', { country: 'FR', city: 'Par\ud83c' }, 'FR', null],
      ['a control character', { country: 'FR', city: 'Par\u0007is' }, 'FR', null],
      [
        'a city of any length',
        { country: 'FR', city: '\u{1f3d9}'.repeat(101) },
        'FR',
        '\u{1f3d9}'.repeat(100),
      ],
    ])('records the place of a login if Cloudflare reports %s', async (_what, cf, country, city) => {
      expect(await placeOf(cf)).toEqual({ country, city })
    })
  })

  it('omits expired sessions from the list', async () => {
    freeze()
    const first = await newPerson()
    advance(86_400)
    const second = await ok<Tokens>(logIn(first.name))
    advance(29 * 86_400)
    const { access_token } = await ok<Tokens>(refresh(second.refresh_token))
    expect((await list(access_token)).sessions.map(({ id }) => id)).toEqual([sessionIdOf(second)])
  })

  it('ends the least recently used session when a login exceeds MAX_SESSIONS', async () => {
    freeze()
    const small = workerWith({ MAX_SESSIONS: '2' })
    const first = await newPerson(small)
    advance(1)
    const second = await ok<Tokens>(logIn(first.name, PASSWORD, small))
    advance(1)
    await ok(refresh(first.refresh_token, small))
    advance(1)
    const third = await ok<Tokens>(logIn(first.name, PASSWORD, small))
    const { sessions } = await list(third.access_token)
    expect(sessions.map(({ id }) => id)).toEqual([sessionIdOf(third), sessionIdOf(first)])
    expect(await refused(refresh(second.refresh_token))).toMatchObject({ code: 'invalid_refresh_token' })
  })
})

describe('ending sessions', () => {
  it('ends a session by its id', async () => {
    const first = await newPerson()
    const second = await ok<Tokens>(logIn(first.name))
    await ok(call('DELETE', `/auth/sessions/${sessionIdOf(second)}`, { bearer: first.access_token }), 204)
    expect(await isAlive(second.access_token)).toBe(false)
    expect(await isAlive(first.access_token)).toBe(true)
    expect(await refused(refresh(second.refresh_token))).toMatchObject({ code: 'invalid_refresh_token' })
  })

  it('answers 404 to ending a session of another user, an ended one and a malformed id', async () => {
    const [one, other] = [await newPerson(), await newPerson()]
    const ended = await ok<Tokens>(logIn(one.name))
    await ok(call('POST', '/auth/logout', { bearer: ended.access_token }), 204)
    for (const id of [sessionIdOf(other), sessionIdOf(ended), 'x', encodeURIComponent('../me'), '%']) {
      expect(
        await refused(call('DELETE', `/auth/sessions/${id}`, { bearer: one.access_token })),
      ).toMatchObject({
        status: 404,
        code: 'not_found',
      })
    }
    expect(await isAlive(other.access_token)).toBe(true)
  })

  it('ends all sessions including the current one', async () => {
    const first = await newPerson()
    const second = await ok<Tokens>(logIn(first.name))
    await ok(call('DELETE', '/auth/sessions', { bearer: first.access_token }), 204)
    expect(await isAlive(first.access_token)).toBe(false)
    expect(await isAlive(second.access_token)).toBe(false)
    expect((await logIn(first.name)).status).toBe(200)
  })
})

describe('ending all other sessions', () => {
  const endOthers = (bearer: string, body?: object) =>
    call('DELETE', '/auth/sessions?except=current', { bearer, body })

  it('keeps the current session and its refresh token when all others end', async () => {
    const first = await newPerson()
    const others = [await ok<Tokens>(logIn(first.name)), await ok<Tokens>(logIn(first.name))]
    await ok(endOthers(first.access_token), 204)
    expect((await list(first.access_token)).sessions.map(({ id }) => id)).toEqual([sessionIdOf(first)])
    await ok(refresh(first.refresh_token))
    for (const other of others) {
      expect(await isAlive(other.access_token)).toBe(false)
      expect(await refused(refresh(other.refresh_token))).toMatchObject({ code: 'invalid_refresh_token' })
    }
  })

  it('succeeds in ending all other sessions if no other exists', async () => {
    const { access_token } = await newPerson()
    await ok(endOthers(access_token), 204)
    expect(await isAlive(access_token)).toBe(true)
  })

  it.each(['except=', 'except=others', 'except=Current', 'except=current&except=current', 'except=all'])(
    'rejects ?%s, since ending all sessions could be more than was intended',
    async (query) => {
      const first = await newPerson()
      const second = await ok<Tokens>(logIn(first.name))
      const asked = call('DELETE', `/auth/sessions?${query}`, { bearer: first.access_token })
      const { status, code, errors } = await refused(asked)
      expect([status, code, errors?.map(({ field }) => field)]).toEqual([422, 'invalid_request', ['except']])
      expect(await isAlive(first.access_token)).toBe(true)
      expect(await isAlive(second.access_token)).toBe(true)
    },
  )

  it('ends no session while the account object is unavailable, and all others when tried again', async () => {
    const first = await newPerson()
    const second = await ok<Tokens>(logIn(first.name))
    const watched = watch()
    const fetch = workerWith(watched.bindings)
    const asked = () => call('DELETE', '/auth/sessions?except=current', { bearer: first.access_token }, fetch)
    watched.fail('endAll', { before: true })
    expect(await refused(asked())).toMatchObject({ status: 503, code: 'unavailable' })
    expect(await isAlive(second.access_token)).toBe(true)
    watched.mend()
    await ok(asked(), 204)
    expect(await isAlive(second.access_token)).toBe(false)
    expect(await isAlive(first.access_token)).toBe(true)
  })
})

describe('logout', () => {
  const logOut = (options: Parameters<typeof call>[2]) => call('POST', '/auth/logout', options)

  it('accepts a refresh token of any generation for a logout', async () => {
    freeze()
    const { refresh_token } = await newPerson()
    const { access_token } = await ok<Tokens>(refresh(refresh_token))
    advance(3_600)
    await ok(logOut({ body: { refresh_token } }), 204)
    advance(-3_600)
    expect(await isAlive(access_token)).toBe(false)
  })

  it.each(['garbage', ''])(
    'answers 204 to a logout with a malformed refresh token: %j',
    async (refresh_token) => {
      await ok(logOut({ body: { refresh_token } }), 204)
    },
  )

  it('ends the session of the refresh token, not that of the bearer token', async () => {
    const [one, other] = [await newPerson(), await newPerson()]
    await ok(logOut({ bearer: one.access_token, body: { refresh_token: other.refresh_token } }), 204)
    expect(await isAlive(one.access_token)).toBe(true)
    expect(await isAlive(other.access_token)).toBe(false)
    await ok(logOut({ bearer: 'not a token', body: { refresh_token: one.refresh_token } }), 204)
    expect(await isAlive(one.access_token)).toBe(false)
  })

  it.each([
    ['no body', undefined],
    ['an empty object', {}],
    ['null', { refresh_token: null }],
  ])('ends the session of the bearer token at a logout with %s', async (_what, body) => {
    const { access_token } = await newPerson()
    await ok(logOut({ bearer: access_token, body }), 204)
    expect(await isAlive(access_token)).toBe(false)
  })

  it('answers 401 to a logout with an invalid bearer token and to one without any token', async () => {
    const bad = await logOut({ bearer: 'not a token' })
    expect(bad.headers.get('WWW-Authenticate')).toBe('Bearer realm="gatehouse", error="invalid_token"')
    expect(await bad.json()).toMatchObject({ status: 401, code: 'invalid_token' })
    const neither = await logOut({})
    expect(neither.headers.get('WWW-Authenticate')).toBe('Bearer realm="gatehouse"')
    expect(await neither.json()).toMatchObject({ status: 401, code: 'invalid_token' })
  })

  it('rejects an unknown field of a logout and a refresh token that is not a string', async () => {
    expect(await refused(logOut({ body: { token: newName() } }))).toMatchObject({
      errors: [{ field: 'token', message: 'Unknown field.' }],
    })
    expect(await refused(logOut({ body: { refresh_token: 1 } }))).toMatchObject({
      errors: [{ field: 'refresh_token' }],
    })
  })
})
