import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { ERRORS } from '../../src/errors/service-error.ts'
import { SCHEMA_VERSION } from '../../src/settings/schema-store.ts'
import {
  call,
  newName,
  newPerson,
  ok,
  PASSWORD,
  PUBLIC_URL,
  refused,
  worker,
  workerWith,
} from '../support/client.ts'
import { watch } from '../support/counting.ts'
import { disable } from '../support/database.ts'

afterEach(() => vi.restoreAllMocks())

const JSON_TYPE = { 'Content-Type': 'application/json' }
const valid = () => ({ username: newName(), password: PASSWORD })

describe('a problem answer', () => {
  it('has type, title, status, detail and code, and is never cached', async () => {
    const answer = await call('GET', '/nowhere')
    expect(answer.headers.get('Content-Type')).toBe('application/problem+json')
    expect(answer.headers.get('Cache-Control')).toBe('no-store')
    expect(await answer.json()).toEqual({
      type: `${PUBLIC_URL}/errors/not_found`,
      title: 'Not found',
      status: 404,
      detail: 'There is nothing at this address.',
      code: 'not_found',
    })
  })

  it.each(Object.keys(ERRORS))('is explained by a page: %s', async (code) => {
    const page = await call('GET', `/errors/${code}`)
    expect(page.status).toBe(200)
    expect(page.headers.get('Content-Type')).toMatch(/^text\/html/)
    expect(page.headers.get('Content-Security-Policy')).toContain("default-src 'none'")
    expect(await page.text()).toContain(`<code>${code}</code>`)
  })

  it.each(['nope', 'toString', '__proto__', 'constructor'])(
    'has no page for what is no code: %s',
    async (code) => {
      expect((await call('GET', `/errors/${code}`)).status).toBe(404)
    },
  )
})

describe('the order in which errors win', () => {
  const tooLarge = { 'Content-Type': 'text/plain', Authorization: 'Bearer bad' }

  it('404 and 405 before the body is looked at', async () => {
    const body = 'x'.repeat(20_000)
    expect(await refused(call('POST', '/nowhere', { body, headers: tooLarge }))).toMatchObject({
      status: 404,
    })
    expect(await refused(call('POST', '/auth/me', { body, headers: tooLarge }))).toMatchObject({
      status: 405,
    })
  })

  it('malformed_request before all others, misconfigured too', async () => {
    const of = (url: string, host: string, fetch = workerWith({})) => {
      const request = new Request(`${PUBLIC_URL}/auth/login`, { method: 'POST', headers: { Host: host } })
      return refused(fetch(Object.defineProperty(request, 'url', { value: url })))
    }
    const malformed = { status: 400, code: 'malformed_request' }
    expect(await of('http://a b/nowhere', 'a b')).toMatchObject(malformed)
    expect(await of('http://localhost:99999/auth/login', 'localhost:99999')).toMatchObject(malformed)
    expect(await of(`${PUBLIC_URL}/auth/login`, 'user@auth.example.test')).toMatchObject(malformed)
    const misconfigured = workerWith({ AUTH_SECRET: 'short' })
    expect(await of('http://a b/nowhere', 'a b', misconfigured)).toMatchObject(malformed)
    const development = { ENVIRONMENT: 'development', PUBLIC_URL: 'http://localhost:8787' }
    expect(await of('http://a b/nowhere', 'a b', workerWith(development))).toMatchObject(malformed)
  })

  it('413 before 415 before 401 before 400 before 422', async () => {
    const { access_token } = await newPerson()
    const patch = (body: string, headers: Record<string, string>) =>
      refused(call('PATCH', '/auth/me', { body, headers }))
    const bad = { ...JSON_TYPE, Authorization: 'Bearer bad' }
    const good = { ...JSON_TYPE, Authorization: `Bearer ${access_token}` }
    expect(await patch('x'.repeat(16_385), tooLarge)).toMatchObject({ status: 413 })
    expect(await patch('x', tooLarge)).toMatchObject({ status: 415 })
    expect(await patch('x', bad)).toMatchObject({ status: 401, code: 'invalid_token' })
    expect(await patch('x', good)).toMatchObject({ status: 400 })
    expect(await patch('{}', good)).toMatchObject({ status: 422, code: 'invalid_request' })
  })

  it('field problems before a weak password', async () => {
    const weak = { username: newName(), password: 'x' }
    expect(await refused(call('POST', '/auth/register', { body: { ...weak, extra: 1 } }))).toMatchObject({
      code: 'invalid_request',
    })
    expect(await refused(call('POST', '/auth/register', { body: weak }))).toMatchObject({
      code: 'weak_password',
    })
  })

  it.each([
    ['a wrong password', 'not the password', false, 401, 'invalid_credentials'],
    ['a disabled account', PASSWORD, true, 403, 'account_disabled'],
  ] as const)('%s before a taken identifier', async (_what, current_password, disabled, status, code) => {
    const [one, other] = [await newPerson(), await newPerson()]
    if (disabled) await disable(one.user.id)
    const body = { username: other.name, current_password }
    expect(await refused(call('PATCH', '/auth/me', { bearer: one.access_token, body }))).toMatchObject({
      status,
      code,
    })
  })

  it('a weak password before a taken identifier', async () => {
    const { name } = await newPerson()
    const body = { username: name, password: 'x' }
    expect(await refused(call('POST', '/auth/register', { body }))).toMatchObject({ code: 'weak_password' })
  })
})

describe('Bearer', () => {
  it.each([
    ['none', undefined, false],
    ['another scheme', 'Basic dTpw', false],
    ['the scheme alone', 'Bearer', false],
    ['garbage', 'Bearer x.y.z', true],
    ['the scheme in lower case', 'bearer x', true],
  ])('is refused: %s', async (_what, authorization, atFault) => {
    const headers: Record<string, string> =
      authorization === undefined ? {} : { Authorization: authorization }
    const answer = await call('GET', '/auth/me', { headers })
    expect(answer.status).toBe(401)
    const expected = `Bearer realm="gatehouse"${atFault ? ', error="invalid_token"' : ''}`
    expect(answer.headers.get('WWW-Authenticate')).toBe(expected)
  })

  it('is taken whatever the case of the scheme', async () => {
    const { access_token } = await newPerson()
    await ok(call('GET', '/auth/me', { headers: { Authorization: `bEARER ${access_token}` } }))
  })
})

describe('faults', () => {
  it('answers 503 unavailable where the database is out of reach', async () => {
    const watched = watch()
    const worker = workerWith(watched.bindings)
    watched.fail('first', { before: true })
    const answer = await call('GET', '/healthz', {}, worker)
    expect(answer.headers.get('Retry-After')).toBe('5')
    expect(await answer.json()).toMatchObject({ status: 503, code: 'unavailable', retry_after: 5 })
    watched.mend()
    expect(await ok(call('GET', '/healthz', {}, worker))).toEqual({ status: 'ok' })
  })

  it('answers 503 unavailable where the object is out of reach', async () => {
    const { access_token, refresh_token } = await newPerson()
    const watched = watch()
    const worker = workerWith(watched.bindings)
    watched.fail('check', { before: true })
    watched.fail('rotate', { before: true })
    expect(await refused(call('GET', '/auth/me', { bearer: access_token }, worker))).toMatchObject({
      status: 503,
    })
    const refreshing = call('POST', '/auth/refresh', { body: { refresh_token } }, worker)
    expect(await refused(refreshing)).toMatchObject({ code: 'unavailable' })
  })

  it('answers 500 internal to a defect, and says nothing of it', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    vi.spyOn(env.ACCOUNT, 'getByName').mockImplementation(() => {
      throw new TypeError('a defect of the service')
    })
    const { status, code, detail } = await refused(call('POST', '/auth/register', { body: valid() }))
    expect([status, code]).toEqual([500, 'internal'])
    expect(detail).not.toContain('defect')
  })

  it('answers 503 misconfigured where the schema is not the one of this release', async () => {
    await env.DB.prepare('UPDATE schema_version SET version = 0').run()
    expect(await refused(call('GET', '/healthz'))).toMatchObject({ status: 503, code: 'misconfigured' })
    await env.DB.prepare('UPDATE schema_version SET version = ?1').bind(SCHEMA_VERSION).run()
  })
})

describe('a misconfigured service', () => {
  it.each([
    ['GET', '/healthz'],
    ['POST', '/auth/login'],
    ['OPTIONS', '/auth/login'],
    ['GET', '/nowhere'],
    ['GET', '/openapi.json'],
  ])('answers 503 to everything: %s %s', async (method, path) => {
    const answer = await call(method, path, {}, workerWith({ AUTH_SECRET: 'short' }))
    expect(answer.status).toBe(503)
    expect(answer.headers.get('Retry-After')).toBe('5')
    expect(answer.headers.get('Vary')).toBe('Origin')
    expect(await answer.json()).toMatchObject({
      code: 'misconfigured',
      type: `${PUBLIC_URL}/errors/misconfigured`,
    })
  })

  it('names every variable, what is wrong and a right value in the log, and no secret', async () => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => {})
    const wrong = { AUTH_SECRET: 'short', PUBLIC_URL: 'http://auth.example.test', MAX_SESSIONS: 'many' }
    await call('GET', '/healthz', {}, workerWith(wrong))
    const [line] = error.mock.calls.map(([text]) => JSON.parse(String(text)))
    expect(line).toMatchObject({ event: 'misconfigured' })
    expect(line.problems.map(({ variable }: { variable: string }) => variable).toSorted()).toEqual(
      Object.keys(wrong).toSorted(),
    )
    for (const problem of line.problems) {
      expect(problem).toEqual({
        variable: expect.any(String),
        problem: expect.any(String),
        example: expect.any(String),
      })
      expect(problem.problem).not.toContain('short')
    }
  })

  const CLONE = { PUBLIC_URL: '', AUTH_SECRET: '' }
  /** @returns whether the answer, and whether the log, says to run `npm run dev` */
  async function saysHowToSetUp(settings: object, url: string): Promise<readonly boolean[]> {
    const error = vi.spyOn(console, 'error').mockImplementation(() => {})
    const answer = await workerWith(settings)(new Request(url))
    expect(answer.status).toBe(503)
    return [await answer.text(), String(error.mock.calls)].map((text) => text.includes('npm run dev'))
  }

  it.each<[string, object, string]>([
    ['a clone', CLONE, 'http://localhost:8787/healthz'],
    ['a clone', CLONE, 'http://127.0.0.1:8787/'],
    ['a clone', CLONE, 'http://[::1]:8787/oauth2/introspect'],
  ])('says how to set it up, in the answer and the log, where it is %s', async (_what, settings, url) => {
    expect(await saysHowToSetUp(settings, url)).toEqual([true, true])
  })

  it.each<[string, object, string]>([
    ['at another host', CLONE, 'https://auth.example.test/healthz'],
    ['at a host that only looks like this machine', CLONE, 'http://localhost.example/healthz'],
    ['without its secret alone', { AUTH_SECRET: '' }, 'http://localhost:8787/healthz'],
    ['without its address alone', { PUBLIC_URL: '' }, 'http://localhost:8787/healthz'],
    ['with a secret of development alone', { AUTH_SECRET: 'dev-0' }, 'http://localhost:8787/healthz'],
    ['with any other mistake', { MAX_SESSIONS: 'many' }, 'http://localhost:8787/healthz'],
  ])('says nothing of that %s', async (_what, settings, url) => {
    expect(await saysHowToSetUp(settings, url)).toEqual([false, false])
  })

  it.each(['https://gatehouse.example', 'http://127.0.0.1.nip.io', 'http://localhost.example'])(
    'serves no host but loopback in development: %s',
    async (origin) => {
      vi.spyOn(console, 'error').mockImplementation(() => {})
      const development = { ENVIRONMENT: 'development', PUBLIC_URL: 'http://localhost:8787' }
      const answer = await workerWith(development)(new Request(`${origin}/healthz`))
      expect(answer.status).toBe(503)
      expect(answer.headers.get('Vary')).toBe('Origin')
      const preflight = { method: 'OPTIONS', headers: { 'Access-Control-Request-Method': 'POST' } }
      const preflighted = await workerWith(development)(new Request(`${origin}/auth/login`, preflight))
      expect(preflighted.status).toBe(503)
      expect((await workerWith(development)(new Request('http://127.0.0.1:8787/healthz'))).status).toBe(200)
    },
  )
})

describe('Strict-Transport-Security', () => {
  const HSTS = 'max-age=31536000'
  const hstsOf = async (path: string, fetch = worker, headers: Record<string, string> = {}) =>
    (await call('GET', path, { headers }, fetch)).headers.get('Strict-Transport-Security')

  it.each([
    ['an answer', '/healthz'],
    ['the key set', '/.well-known/jwks.json'],
    ['a page', '/login'],
    ['a redirect', '/account'],
    ['an error', '/auth/me'],
    ['a path that is not there', '/nothing'],
    ['an error of OAuth', '/oauth2/nothing'],
    ['a refusal of forward auth', '/auth/verify'],
  ])('is on %s', async (_what, path) => {
    expect(await hstsOf(path)).toBe(HSTS)
  })

  it('is on a preflight, on a fault and where the deployment is misconfigured', async () => {
    const preflight = { 'Access-Control-Request-Method': 'POST', Origin: 'https://app.example.test' }
    const answer = await call('OPTIONS', '/auth/login', { headers: preflight })
    expect(answer.headers.get('Strict-Transport-Security')).toBe(HSTS)
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    expect(await hstsOf('/healthz', workerWith({ SIGNING_ALG: 'none' }))).toBe(HSTS)
    const watched = watch()
    watched.fail('first', { before: true })
    expect(await hstsOf('/healthz', workerWith(watched.bindings))).toBe(HSTS)
  })

  it('is not on what an origin answers through the gateway, and on what the gate refuses', async () => {
    const route = { origin: env.RAW_ORIGIN_URL, required: false }
    const gateway = workerWith({ GATEWAY: { '/api': route } })
    expect(await hstsOf('/api/x', gateway)).toBeNull()
    expect(await hstsOf('/api/x', gateway, { Authorization: 'Bearer x' })).toBe(HSTS)
  })

  it('is never sent over plain http', async () => {
    const development = { ENVIRONMENT: 'development', PUBLIC_URL: 'http://localhost:8787' }
    const answer = await workerWith(development)(new Request('http://localhost:8787/healthz'))
    expect([answer.status, answer.headers.get('Strict-Transport-Security')]).toEqual([200, null])
  })
})
