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
  workerWith,
} from '../support/client.ts'
import { APP, byCookie, COOKIE_NAME, cookieOf, newCookieSession, OWN_PAGE } from '../support/cookies.ts'
import { useFastPasswords } from '../support/faults.ts'
import type { Tokens } from '../support/responses.ts'

beforeEach(useFastPasswords)
afterEach(() => vi.restoreAllMocks())

describe('a session with a cookie', () => {
  it('sends the refresh token only in a cookie that scripts cannot read and other sites do not send', async () => {
    const body = { username: newName(), password: PASSWORD, transport: 'cookie' }
    const response = await call('POST', '/auth/register', { body, headers: { Origin: APP } })
    const tokens = await response.json<Tokens>()
    expect(tokens).not.toHaveProperty('refresh_token')
    const [pair, ...attributes] = response.headers.get('Set-Cookie')?.split('; ') ?? []
    expect(pair).toMatch(new RegExp(`^${COOKIE_NAME}=[\\w-]{100,}$`))
    expect(attributes.toSorted()).toEqual(
      [
        'HttpOnly',
        `Max-Age=${tokens.refresh_expires_in}`,
        'Path=/auth',
        'SameSite=Strict',
        'Secure',
      ].toSorted(),
    )
    expect(response.headers.get('Access-Control-Allow-Credentials')).toBe('true')
  })

  it('opens a cookie session by a login without an Origin header', async () => {
    const { name } = await newPerson()
    const body = { identifier: name, password: PASSWORD, transport: 'cookie' }
    const response = await call('POST', '/auth/login', { body })
    expect(response.status).toBe(200)
    expect(await response.json()).not.toHaveProperty('refresh_token')
    expect(cookieOf(response)).toContain(COOKIE_NAME)
  })

  it('refreshes a session by its cookie and replaces the cookie', async () => {
    const { cookie, tokens } = await newCookieSession()
    const response = await byCookie('/auth/refresh', cookie)
    const refreshed = await ok<Tokens>(Promise.resolve(response))
    expect(refreshed).not.toHaveProperty('refresh_token')
    expect(cookieOf(response)).toMatch(new RegExp(`^${COOKIE_NAME}=`))
    expect(cookieOf(response)).not.toBe(cookie)
    expect(decodeJwt(refreshed.access_token).sid).toBe(decodeJwt(tokens.access_token).sid)
  })

  it('refreshes a session by its cookie despite a JSON type without a body, which many libraries send', async () => {
    const { cookie } = await newCookieSession()
    const headers = { ...OWN_PAGE, 'Content-Type': 'application/json' }
    expect((await byCookie('/auth/refresh', cookie, headers)).status).toBe(200)
  })

  it('returns no refresh token in the body when one from a body is sent as a cookie', async () => {
    const { refresh_token } = await newPerson()
    const response = await byCookie('/auth/refresh', `${COOKIE_NAME}=${refresh_token}`)
    expect(await response.json()).not.toHaveProperty('refresh_token')
    expect(cookieOf(response)).toContain(COOKIE_NAME)
  })

  it("refreshes a session by its cookie from the service's own pages", async () => {
    const { cookie } = await newCookieSession()
    const headers = { ...OWN_PAGE, Origin: PUBLIC_URL }
    expect((await byCookie('/auth/refresh', cookie, headers)).status).toBe(200)
  })

  it('ends a session by its cookie and clears the cookie', async () => {
    const { cookie, tokens } = await newCookieSession()
    const response = await byCookie('/auth/logout', cookie)
    expect(response.status).toBe(204)
    expect(response.headers.get('Set-Cookie')).toMatch(new RegExp(`^${COOKIE_NAME}=; Max-Age=0; Path=/auth;`))
    expect(await isAlive(tokens.access_token)).toBe(false)
  })

  it.each([
    ['a logout', 'POST', '/auth/logout', undefined],
    ['the end of all sessions', 'DELETE', '/auth/sessions', undefined],
    ['the deletion of the account', 'DELETE', '/auth/me', { current_password: PASSWORD }],
  ])('clears the cookie with %s by Bearer token', async (_what, method, path, body) => {
    const { tokens } = await newCookieSession()
    const response = await call(method, path, { bearer: tokens.access_token, body })
    expect(response.status).toBe(204)
    expect(response.headers.get('Set-Cookie')).toContain('Max-Age=0')
  })

  it('clears the cookie of a session that ends itself, and keeps it when it ends another', async () => {
    const { name, tokens } = await newCookieSession()
    const body = { identifier: name, password: PASSWORD }
    const other = await ok<Tokens>(call('POST', '/auth/login', { body }))
    const end = ({ access_token }: Tokens) =>
      call('DELETE', `/auth/sessions/${decodeJwt(access_token).sid}`, { bearer: tokens.access_token })
    expect((await end(other)).headers.get('Set-Cookie')).toBeNull()
    expect((await end(tokens)).headers.get('Set-Cookie')).toContain('Max-Age=0')
  })

  it('keeps the cookie of a session that ends all others', async () => {
    const { cookie, tokens } = await newCookieSession()
    const response = await call('DELETE', '/auth/sessions?except=current', { bearer: tokens.access_token })
    expect([response.status, response.headers.get('Set-Cookie')]).toEqual([204, null])
    expect((await byCookie('/auth/refresh', cookie)).status).toBe(200)
  })

  it('replaces the cookie when the password changes, and rejects the old cookie', async () => {
    const { cookie, tokens } = await newCookieSession()
    const response = await changePassword(tokens.access_token)
    expect(response.status).toBe(200)
    expect(await response.json()).not.toHaveProperty('refresh_token')
    const renewed = cookieOf(response)
    expect(await refused(byCookie('/auth/refresh', cookie))).toMatchObject({ code: 'invalid_refresh_token' })
    expect((await byCookie('/auth/refresh', renewed)).status).toBe(200)
  })

  it('limits Max-Age of the cookie to the 400 days that browsers allow when the session lasts longer', async () => {
    const fetch = workerWith({ REFRESH_IDLE_SECONDS: '80000000', REFRESH_MAX_SECONDS: '80000000' })
    const body = { username: newName(), password: PASSWORD, transport: 'cookie' }
    const response = await call('POST', '/auth/register', { body }, fetch)
    expect(response.status).toBe(201)
    expect(response.headers.get('Set-Cookie')).toContain('; Max-Age=34560000;')
  })

  it('names the cookie without a prefix in development over plain HTTP, where browsers reject the prefix', async () => {
    const development = { ENVIRONMENT: 'development', PUBLIC_URL: 'http://localhost:8787' }
    const body = { username: newName(), password: PASSWORD, transport: 'cookie' }
    const headers = { 'Content-Type': 'application/json', 'CF-Connecting-IP': '192.0.2.1' }
    const request = { method: 'POST', headers, body: JSON.stringify(body) }
    const response = await workerWith(development)(
      new Request('http://localhost:8787/auth/register', request),
    )
    expect(response.headers.get('Set-Cookie')).toMatch(/^gatehouse_refresh=/)
    expect(response.headers.get('Set-Cookie')).not.toContain('Secure')
  })
})

describe('a call with a cookie', () => {
  it.each([
    ['from an origin that is not configured', { ...OWN_PAGE, Origin: 'https://evil.example' }],
    ['from an opaque origin', { ...OWN_PAGE, Origin: 'null' }],
    ['without an Origin header', { 'X-Gatehouse-CSRF': '1' }],
    ['without the CSRF header', { Origin: APP }],
    ['with another value of the CSRF header', { ...OWN_PAGE, 'X-Gatehouse-CSRF': 'true' }],
    ['with an empty CSRF header', { ...OWN_PAGE, 'X-Gatehouse-CSRF': '' }],
  ])(
    'rejects a cookie %s, and neither rotates nor ends its session',
    async (_what, headers: Record<string, string>) => {
      const { cookie, tokens } = await newCookieSession()
      for (const path of ['/auth/refresh', '/auth/logout']) {
        const response = await byCookie(path, cookie, headers)
        expect(response.headers.get('Set-Cookie')).toBeNull()
        expect(await refused(Promise.resolve(response))).toMatchObject({
          status: 403,
          code: 'origin_not_allowed',
        })
      }
      expect(await isAlive(tokens.access_token)).toBe(true)
      const refreshed = decodeJwt((await ok<Tokens>(byCookie('/auth/refresh', cookie))).access_token)
      expect(refreshed.sid).toBe(decodeJwt(tokens.access_token).sid)
    },
  )

  it.each(['', 'garbage', 'a'.repeat(2_000)])(
    'answers 401 to a refresh with the cookie %j',
    async (value) => {
      const response = await byCookie('/auth/refresh', `${COOKIE_NAME}=${value}`)
      expect(await refused(Promise.resolve(response))).toMatchObject({
        status: 401,
        code: 'invalid_refresh_token',
      })
    },
  )

  it('answers 401 to two cookies of the name, since another host of the site may have set either', async () => {
    const [own, tossed] = [await newCookieSession(), await newCookieSession()]
    for (const Cookie of [`${tossed.cookie}; ${own.cookie}`, `${own.cookie}; a=1;${tossed.cookie}`]) {
      const response = byCookie('/auth/refresh', Cookie)
      expect(await refused(response)).toMatchObject({ status: 401, code: 'invalid_refresh_token' })
    }
    expect((await byCookie('/auth/refresh', `x${tossed.cookie}; ${own.cookie}`)).status).toBe(200)
  })

  it.each([
    ['a no-break space before its name', `\u00a0${COOKIE_NAME}=forged`],
    ['a no-break space after its name', `${COOKIE_NAME}\u00a0=forged`],
    ['a byte order mark before its name', `\ufeff${COOKIE_NAME}=forged`],
    ['a vertical tab before its name', `\v${COOKIE_NAME}=forged`],
    ['its name in capitals', `${COOKIE_NAME.toUpperCase()}=forged`],
    ['an encoded name', `%5f_Secure-gatehouse_refresh=forged`],
    ['its name in the value', `a=${COOKIE_NAME}=forged`],
  ])('accepts the cookie next to one of another host with %s', async (_what, tossed) => {
    const { cookie } = await newCookieSession()
    expect((await byCookie('/auth/refresh', `${tossed}; ${cookie}`)).status).toBe(200)
  })

  it('reads the value of the cookie as sent, without decoding quotes or percent signs', async () => {
    const { cookie } = await newCookieSession()
    const value = cookie.slice(`${COOKIE_NAME}=`.length)
    for (const other of [`"${value}"`, `%${value.charCodeAt(0).toString(16)}${value.slice(1)}`]) {
      expect(await refused(byCookie('/auth/refresh', `${COOKIE_NAME}=${other}`))).toMatchObject({
        code: 'invalid_refresh_token',
      })
    }
    expect((await byCookie('/auth/refresh', `a=1;\t${COOKIE_NAME} =\t${value}\t`)).status).toBe(200)
  })

  it('answers 401 to a refresh and 204 to a logout when the browser blocks the cookie', async () => {
    const blocked = call('POST', '/auth/refresh', { headers: OWN_PAGE })
    expect(await refused(blocked)).toMatchObject({ status: 401, code: 'invalid_refresh_token' })
    expect((await call('POST', '/auth/logout', { headers: OWN_PAGE })).status).toBe(204)
  })

  it('ignores the cookie when a body or a Bearer token names the session', async () => {
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

  it('opens no cookie session for a foreign page', async () => {
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

  it('rejects an unknown transport', async () => {
    const body = { identifier: 'x', password: NEW_PASSWORD, transport: 'Cookie' }
    const problem = await refused(call('POST', '/auth/login', { body }))
    expect(problem.errors).toEqual([{ field: 'transport', message: 'Must be "body" or "cookie".' }])
  })
})
