import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  call,
  changePassword,
  isAlive,
  NEW_PASSWORD,
  newName,
  newPerson,
  ok,
  PASSWORD,
  PUBLIC_URL,
  refused,
  type Tokens,
  workerWith,
} from '../support/client.ts'
import { APP, byCookie, cookieOf, NAME, newCookieSession, OWN_PAGE } from '../support/cookies.ts'
import { cheapenPasswords } from '../support/faults.ts'

beforeEach(cheapenPasswords)
afterEach(() => vi.restoreAllMocks())

describe('a session with a cookie', () => {
  it('has its refresh token in a cookie that no script reads and no other site sends, and nowhere else', async () => {
    const body = { username: newName(), password: PASSWORD, transport: 'cookie' }
    const answer = await call('POST', '/auth/register', { body, headers: { Origin: APP } })
    const tokens = await answer.json<Tokens>()
    expect(tokens).not.toHaveProperty('refresh_token')
    const [pair, ...attributes] = answer.headers.get('Set-Cookie')?.split('; ') ?? []
    expect(pair).toMatch(new RegExp(`^${NAME}=[\\w-]{100,}$`))
    expect(attributes.toSorted()).toEqual(
      [
        'HttpOnly',
        `Max-Age=${tokens.refresh_expires_in}`,
        'Path=/auth',
        'SameSite=Strict',
        'Secure',
      ].toSorted(),
    )
    expect(answer.headers.get('Access-Control-Allow-Credentials')).toBe('true')
  })

  it('is opened by a log in as well, which may come from no page at all', async () => {
    const { name } = await newPerson()
    const body = { identifier: name, password: PASSWORD, transport: 'cookie' }
    const answer = await call('POST', '/auth/login', { body })
    expect(answer.status).toBe(200)
    expect(await answer.json()).not.toHaveProperty('refresh_token')
    expect(cookieOf(answer)).toContain(NAME)
  })

  it('is refreshed by its cookie, which is replaced', async () => {
    const { cookie, tokens } = await newCookieSession()
    const answer = await byCookie('/auth/refresh', cookie)
    const refreshed = await ok<Tokens>(Promise.resolve(answer))
    expect(refreshed).not.toHaveProperty('refresh_token')
    expect(cookieOf(answer)).toMatch(new RegExp(`^${NAME}=`))
    expect(cookieOf(answer)).not.toBe(cookie)
    expect(decodeJwt(refreshed.access_token).sid).toBe(decodeJwt(tokens.access_token).sid)
  })

  it('is refreshed by a JSON type without a body, as many libraries send it', async () => {
    const { cookie } = await newCookieSession()
    const headers = { ...OWN_PAGE, 'Content-Type': 'application/json' }
    expect((await byCookie('/auth/refresh', cookie, headers)).status).toBe(200)
  })

  it('stays in a cookie where one was put there that had gone to a script', async () => {
    const { refresh_token } = await newPerson()
    const answer = await byCookie('/auth/refresh', `${NAME}=${refresh_token}`)
    expect(await answer.json()).not.toHaveProperty('refresh_token')
    expect(cookieOf(answer)).toContain(NAME)
  })

  it("is refreshed from the service's own pages", async () => {
    const { cookie } = await newCookieSession()
    const headers = { ...OWN_PAGE, Origin: PUBLIC_URL }
    expect((await byCookie('/auth/refresh', cookie, headers)).status).toBe(200)
  })

  it('is ended by its cookie, which goes too', async () => {
    const { cookie, tokens } = await newCookieSession()
    const answer = await byCookie('/auth/logout', cookie)
    expect(answer.status).toBe(204)
    expect(answer.headers.get('Set-Cookie')).toMatch(new RegExp(`^${NAME}=; Max-Age=0; Path=/auth;`))
    expect(await isAlive(tokens.access_token)).toBe(false)
  })

  it.each([
    ['log out', 'POST', '/auth/logout', undefined],
    ['end of all sessions', 'DELETE', '/auth/sessions', undefined],
    ['deletion of the account', 'DELETE', '/auth/me', { current_password: PASSWORD }],
  ])('loses its cookie with a %s by Bearer token', async (_what, method, path, body) => {
    const { tokens } = await newCookieSession()
    const answer = await call(method, path, { bearer: tokens.access_token, body })
    expect(answer.status).toBe(204)
    expect(answer.headers.get('Set-Cookie')).toContain('Max-Age=0')
  })

  it('loses its cookie when it ends itself, and not when it ends another', async () => {
    const { name, tokens } = await newCookieSession()
    const body = { identifier: name, password: PASSWORD }
    const other = await ok<Tokens>(call('POST', '/auth/login', { body }))
    const end = ({ access_token }: Tokens) =>
      call('DELETE', `/auth/sessions/${decodeJwt(access_token).sid}`, { bearer: tokens.access_token })
    expect((await end(other)).headers.get('Set-Cookie')).toBeNull()
    expect((await end(tokens)).headers.get('Set-Cookie')).toContain('Max-Age=0')
  })

  it('keeps its cookie when it ends all others', async () => {
    const { cookie, tokens } = await newCookieSession()
    const answer = await call('DELETE', '/auth/sessions?except=current', { bearer: tokens.access_token })
    expect([answer.status, answer.headers.get('Set-Cookie')]).toEqual([204, null])
    expect((await byCookie('/auth/refresh', cookie)).status).toBe(200)
  })

  it('gets a new cookie with a new password, and the old one is worth nothing', async () => {
    const { cookie, tokens } = await newCookieSession()
    const answer = await changePassword(tokens.access_token)
    expect(answer.status).toBe(200)
    expect(await answer.json()).not.toHaveProperty('refresh_token')
    const renewed = cookieOf(answer)
    expect(await refused(byCookie('/auth/refresh', cookie))).toMatchObject({ code: 'invalid_refresh_token' })
    expect((await byCookie('/auth/refresh', renewed)).status).toBe(200)
  })

  it('may outlive its cookie, which no browser keeps for longer than 400 days', async () => {
    const fetch = workerWith({ REFRESH_IDLE_SECONDS: '80000000', REFRESH_MAX_SECONDS: '80000000' })
    const body = { username: newName(), password: PASSWORD, transport: 'cookie' }
    const answer = await call('POST', '/auth/register', { body }, fetch)
    expect(answer.status).toBe(201)
    expect(answer.headers.get('Set-Cookie')).toContain('; Max-Age=34560000;')
  })

  it('is called in development, over plain http, by a name without a promise that a browser would refuse', async () => {
    const development = { ENVIRONMENT: 'development', PUBLIC_URL: 'http://localhost:8787' }
    const body = { username: newName(), password: PASSWORD, transport: 'cookie' }
    const headers = { 'Content-Type': 'application/json', 'CF-Connecting-IP': '192.0.2.1' }
    const request = { method: 'POST', headers, body: JSON.stringify(body) }
    const answer = await workerWith(development)(new Request('http://localhost:8787/auth/register', request))
    expect(answer.headers.get('Set-Cookie')).toMatch(/^gatehouse_refresh=/)
    expect(answer.headers.get('Set-Cookie')).not.toContain('Secure')
  })
})

describe('a call that lives by a cookie', () => {
  it.each([
    ['from an origin that is not configured', { ...OWN_PAGE, Origin: 'https://evil.example' }],
    ['from an origin that hides', { ...OWN_PAGE, Origin: 'null' }],
    ['from nowhere', { 'X-Gatehouse-CSRF': '1' }],
    ['without the header', { Origin: APP }],
    ['with another value of the header', { ...OWN_PAGE, 'X-Gatehouse-CSRF': 'true' }],
    ['with an empty header', { ...OWN_PAGE, 'X-Gatehouse-CSRF': '' }],
  ])(
    'is refused %s, and neither rotates nor ends anything',
    async (_what, headers: Record<string, string>) => {
      const { cookie, tokens } = await newCookieSession()
      for (const path of ['/auth/refresh', '/auth/logout']) {
        const answer = await byCookie(path, cookie, headers)
        expect(answer.headers.get('Set-Cookie')).toBeNull()
        expect(await refused(Promise.resolve(answer))).toMatchObject({
          status: 403,
          code: 'origin_not_allowed',
        })
      }
      expect(await isAlive(tokens.access_token)).toBe(true)
      const refreshed = decodeJwt((await ok<Tokens>(byCookie('/auth/refresh', cookie))).access_token)
      expect(refreshed.sid).toBe(decodeJwt(tokens.access_token).sid)
    },
  )

  it.each(['', 'garbage', 'a'.repeat(2_000)])('is 401 where the cookie is %j', async (value) => {
    const answer = await byCookie('/auth/refresh', `${NAME}=${value}`)
    expect(await refused(Promise.resolve(answer))).toMatchObject({
      status: 401,
      code: 'invalid_refresh_token',
    })
  })

  it('is 401 with two cookies of the name: another host of the site has set one, and nothing tells which', async () => {
    const [own, tossed] = [await newCookieSession(), await newCookieSession()]
    for (const Cookie of [`${tossed.cookie}; ${own.cookie}`, `${own.cookie}; a=1;${tossed.cookie}`]) {
      const answer = byCookie('/auth/refresh', Cookie)
      expect(await refused(answer)).toMatchObject({ status: 401, code: 'invalid_refresh_token' })
    }
    expect((await byCookie('/auth/refresh', `x${tossed.cookie}; ${own.cookie}`)).status).toBe(200)
  })

  it.each([
    ['a no-break space before its name', `\u00a0${NAME}=forged`],
    ['a no-break space behind its name', `${NAME}\u00a0=forged`],
    ['a byte order mark before its name', `\ufeff${NAME}=forged`],
    ['a vertical tab before its name', `\v${NAME}=forged`],
    ['its name in capitals', `${NAME.toUpperCase()}=forged`],
    ['an encoded name', `%5f_Secure-gatehouse_refresh=forged`],
    ['its name in the value', `a=${NAME}=forged`],
  ])('goes on beside the cookie of another host with %s', async (_what, tossed) => {
    const { cookie } = await newCookieSession()
    expect((await byCookie('/auth/refresh', `${tossed}; ${cookie}`)).status).toBe(200)
  })

  it('takes a value as it was sent, without what quotes or percent signs could stand for', async () => {
    const { cookie } = await newCookieSession()
    const value = cookie.slice(`${NAME}=`.length)
    for (const other of [`"${value}"`, `%${value.charCodeAt(0).toString(16)}${value.slice(1)}`]) {
      expect(await refused(byCookie('/auth/refresh', `${NAME}=${other}`))).toMatchObject({
        code: 'invalid_refresh_token',
      })
    }
    expect((await byCookie('/auth/refresh', `a=1;\t${NAME} =\t${value}\t`)).status).toBe(200)
  })

  it('is 401 where a browser blocks the cookie, and its log out still a log out', async () => {
    const blocked = call('POST', '/auth/refresh', { headers: OWN_PAGE })
    expect(await refused(blocked)).toMatchObject({ status: 401, code: 'invalid_refresh_token' })
    expect((await call('POST', '/auth/logout', { headers: OWN_PAGE })).status).toBe(204)
  })

  it('leaves a body, and a Bearer token that ends its own session, to speak for themselves', async () => {
    const { cookie, tokens } = await newCookieSession()
    const other = await newPerson()
    const headers = { Cookie: cookie }
    const body = { refresh_token: other.refresh_token }
    const refreshed = await call('POST', '/auth/refresh', { headers, body })
    expect(refreshed.headers.get('Set-Cookie')).toBeNull()
    expect(await refreshed.json()).toHaveProperty('refresh_token')
    expect((await call('POST', '/auth/logout', { headers, bearer: other.access_token })).status).toBe(204)
    expect(await isAlive(other.access_token)).toBe(false)
    expect(await isAlive(tokens.access_token)).toBe(true)
  })

  it('is no way to start a session from a foreign page', async () => {
    const { name } = await newPerson()
    const headers = { Origin: 'https://evil.example' }
    for (const [path, body] of [
      ['/auth/login', { identifier: name }],
      ['/auth/register', { username: newName() }],
    ] as const) {
      const sent = { ...body, password: PASSWORD, transport: 'cookie' }
      expect(await refused(call('POST', path, { headers, body: sent }))).toMatchObject({
        code: 'origin_not_allowed',
      })
    }
  })

  it('is asked for by name alone', async () => {
    const body = { identifier: 'x', password: NEW_PASSWORD, transport: 'Cookie' }
    const problem = await refused(call('POST', '/auth/login', { body }))
    expect(problem.errors).toEqual([{ field: 'transport', message: 'Must be "body" or "cookie".' }])
  })
})
