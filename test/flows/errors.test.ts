import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { ERRORS, type ErrorCode } from '../../src/errors/codes.ts'
import { EXPLANATIONS } from '../../src/errors/explanations.ts'
import { SCHEMA_VERSION } from '../../src/settings/settings-store.ts'
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
const CODES = Object.keys(ERRORS) as readonly ErrorCode[]
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" }
/** The text of a page, without its tags. */
const textOf = (html: string) =>
  html
    .replace(/<[^>]+>/g, '')
    .replace(/&(amp|lt|gt|quot|#39);/g, (_entity, name: string) => ENTITIES[name] ?? '')
const valid = () => ({ username: newName(), password: PASSWORD })

describe('a problem document', () => {
  it('returns type, title, status, detail and code of an error, and forbids caching it', async () => {
    const response = await call('GET', '/nowhere')
    expect(response.headers.get('Content-Type')).toBe('application/problem+json')
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    expect(await response.json()).toEqual({
      type: `${PUBLIC_URL}/errors/not_found`,
      title: 'Not found',
      status: 404,
      detail: 'No such resource.',
      code: 'not_found',
    })
  })

  it.each(CODES)('serves a page that explains the error code %s, its cause and what to do', async (code) => {
    const page = await call('GET', `/errors/${code}`)
    expect(page.status).toBe(200)
    expect(page.headers.get('Content-Type')).toMatch(/^text\/html/)
    expect(page.headers.get('Content-Security-Policy')).toContain("default-src 'none'")
    const html = await page.text()
    expect(html).toContain(`<code>${code}</code>`)
    const { cause, remedy } = EXPLANATIONS[code]
    for (const text of [cause, remedy]) expect(textOf(html)).toContain(text.replaceAll('`', ''))
  })

  it.each(['nope', 'toString', '__proto__', 'constructor'])(
    'answers 404 to the page of an unknown error code: %s',
    async (code) => {
      expect((await call('GET', `/errors/${code}`)).status).toBe(404)
    },
  )
})

describe('the precedence of errors', () => {
  const tooLarge = { 'Content-Type': 'text/plain', Authorization: 'Bearer bad' }

  it('reports 404 and 405 before it reads the body', async () => {
    const body = 'x'.repeat(20_000)
    expect(await refused(call('POST', '/nowhere', { body, headers: tooLarge }))).toMatchObject({
      status: 404,
    })
    expect(await refused(call('POST', '/auth/me', { body, headers: tooLarge }))).toMatchObject({
      status: 405,
    })
  })

  it('reports malformed_request before every other error, even misconfigured', async () => {
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

  it('reports 413 before 415 before 401 before 400 before 422', async () => {
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

  it('reports invalid fields before a weak password', async () => {
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
  ] as const)(
    'reports %s before a taken identifier',
    async (_what, current_password, disabled, status, code) => {
      const [one, other] = [await newPerson(), await newPerson()]
      if (disabled) await disable(one.user.id)
      const body = { username: other.name, current_password }
      expect(await refused(call('PATCH', '/auth/me', { bearer: one.access_token, body }))).toMatchObject({
        status,
        code,
      })
    },
  )

  it('reports a weak password before a taken identifier', async () => {
    const { name } = await newPerson()
    const body = { username: name, password: 'x' }
    expect(await refused(call('POST', '/auth/register', { body }))).toMatchObject({ code: 'weak_password' })
  })
})

describe('the Bearer scheme', () => {
  it.each([
    ['no Authorization header', undefined, false],
    ['another scheme', 'Basic dTpw', false],
    ['the scheme alone', 'Bearer', false],
    ['an invalid token', 'Bearer x.y.z', true],
    ['an invalid token after the scheme in lower case', 'bearer x', true],
  ])('answers 401 with a Bearer challenge to %s', async (_what, authorization, isInvalidToken) => {
    const headers: Record<string, string> =
      authorization === undefined ? {} : { Authorization: authorization }
    const response = await call('GET', '/auth/me', { headers })
    expect(response.status).toBe(401)
    const expected = `Bearer realm="gatehouse"${isInvalidToken ? ', error="invalid_token"' : ''}`
    expect(response.headers.get('WWW-Authenticate')).toBe(expected)
  })

  it('accepts the Bearer scheme in any case', async () => {
    const { access_token } = await newPerson()
    await ok(call('GET', '/auth/me', { headers: { Authorization: `bEARER ${access_token}` } }))
  })
})

describe('errors of the service', () => {
  it('answers 503 unavailable if D1 fails', async () => {
    const watched = watch()
    const worker = workerWith(watched.bindings)
    watched.fail('first', { before: true })
    const response = await call('GET', '/healthz', {}, worker)
    expect(response.headers.get('Retry-After')).toBe('5')
    expect(await response.json()).toMatchObject({ status: 503, code: 'unavailable', retry_after: 5 })
    watched.mend()
    expect(await ok(call('GET', '/healthz', {}, worker))).toEqual({ status: 'ok' })
  })

  it('answers 503 unavailable if the account object fails', async () => {
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

  it('answers 500 internal to an unexpected exception, without its message', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => {})
    vi.spyOn(env.ACCOUNT, 'getByName').mockImplementation(() => {
      throw new TypeError('a defect of the service')
    })
    const { status, code, detail } = await refused(call('POST', '/auth/register', { body: valid() }))
    expect([status, code]).toEqual([500, 'internal'])
    expect(detail).not.toContain('defect')
  })

  it.each([SCHEMA_VERSION - 1, SCHEMA_VERSION + 1])(
    'answers 503 misconfigured to a database with schema version %i',
    async (version) => {
      const error = vi.spyOn(console, 'error').mockImplementation(() => {})
      await env.DB.prepare('UPDATE schema_version SET version = ?1').bind(version).run()
      expect(await refused(call('GET', '/healthz'))).toMatchObject({ status: 503, code: 'misconfigured' })
      expect(String(error.mock.calls)).toContain(
        `schema version ${version}, this release needs ${SCHEMA_VERSION}`,
      )
      await env.DB.prepare('UPDATE schema_version SET version = ?1').bind(SCHEMA_VERSION).run()
    },
  )

  it('answers 503 misconfigured to a database without a schema, and logs what to apply', async () => {
    const error = vi.spyOn(console, 'error').mockImplementation(() => {})
    await env.DB.prepare('ALTER TABLE schema_version RENAME TO elsewhere').run()
    expect(await refused(call('GET', '/healthz'))).toMatchObject({ status: 503, code: 'misconfigured' })
    expect(String(error.mock.calls)).toContain('D1 has no schema, apply schema.sql')
    await env.DB.prepare('ALTER TABLE elsewhere RENAME TO schema_version').run()
  })
})

describe('a misconfigured service', () => {
  it.each([
    ['GET', '/healthz'],
    ['POST', '/auth/login'],
    ['OPTIONS', '/auth/login'],
    ['GET', '/nowhere'],
    ['GET', '/openapi.json'],
  ])('answers 503 misconfigured to every request: %s %s', async (method, path) => {
    const response = await call(method, path, {}, workerWith({ AUTH_SECRET: 'short' }))
    expect(response.status).toBe(503)
    expect(response.headers.get('Retry-After')).toBe('5')
    expect(response.headers.get('Vary')).toBe('Origin')
    expect(await response.json()).toMatchObject({
      code: 'misconfigured',
      type: `${PUBLIC_URL}/errors/misconfigured`,
    })
  })

  it('logs every invalid variable with its problem and an example, and no secret', async () => {
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
  /** @returns whether the response, and whether the log, says to run `npm run dev` */
  async function saysHowToSetUp(settings: object, url: string): Promise<readonly boolean[]> {
    const error = vi.spyOn(console, 'error').mockImplementation(() => {})
    const response = await workerWith(settings)(new Request(url))
    expect(response.status).toBe(503)
    return [await response.text(), String(error.mock.calls)].map((text) => text.includes('npm run dev'))
  }

  it.each<[string, object, string]>([
    ['a new clone at localhost', CLONE, 'http://localhost:8787/healthz'],
    ['a new clone at 127.0.0.1', CLONE, 'http://127.0.0.1:8787/'],
    ['a new clone at [::1]', CLONE, 'http://[::1]:8787/oauth2/introspect'],
  ])('says how to set up the service, in the response and the log, for %s', async (_what, settings, url) => {
    expect(await saysHowToSetUp(settings, url)).toEqual([true, true])
  })

  it.each<[string, object, string]>([
    ['at another host', CLONE, 'https://auth.example.test/healthz'],
    ['at a host whose name begins with localhost', CLONE, 'http://localhost.example/healthz'],
    ['that lacks only AUTH_SECRET', { AUTH_SECRET: '' }, 'http://localhost:8787/healthz'],
    ['that lacks only PUBLIC_URL', { PUBLIC_URL: '' }, 'http://localhost:8787/healthz'],
    ['that has only a development secret', { AUTH_SECRET: 'dev-0' }, 'http://localhost:8787/healthz'],
    ['with any other mistake', { MAX_SESSIONS: 'many' }, 'http://localhost:8787/healthz'],
  ])('does not say how to set up a service %s', async (_what, settings, url) => {
    expect(await saysHowToSetUp(settings, url)).toEqual([false, false])
  })

  it.each(['https://gatehouse.example', 'http://127.0.0.1.nip.io', 'http://localhost.example'])(
    'answers 503 to a host other than loopback in development: %s',
    async (origin) => {
      vi.spyOn(console, 'error').mockImplementation(() => {})
      const development = { ENVIRONMENT: 'development', PUBLIC_URL: 'http://localhost:8787' }
      const response = await workerWith(development)(new Request(`${origin}/healthz`))
      expect(response.status).toBe(503)
      expect(response.headers.get('Vary')).toBe('Origin')
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
    ['a response', '/healthz'],
    ['the key set', '/.well-known/jwks.json'],
    ['a page', '/login'],
    ['a redirect', '/account'],
    ['an error', '/auth/me'],
    ['an unknown path', '/nothing'],
    ['an OAuth error', '/oauth2/nothing'],
    ['a refusal of forward auth', '/auth/verify'],
  ])('sends Strict-Transport-Security with %s', async (_what, path) => {
    expect(await hstsOf(path)).toBe(HSTS)
  })

  it('sends Strict-Transport-Security with a preflight, with a 503 and if the service is misconfigured', async () => {
    const preflight = { 'Access-Control-Request-Method': 'POST', Origin: 'https://app.example.test' }
    const response = await call('OPTIONS', '/auth/login', { headers: preflight })
    expect(response.headers.get('Strict-Transport-Security')).toBe(HSTS)
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    expect(await hstsOf('/healthz', workerWith({ SIGNING_ALG: 'none' }))).toBe(HSTS)
    const watched = watch()
    watched.fail('first', { before: true })
    expect(await hstsOf('/healthz', workerWith(watched.bindings))).toBe(HSTS)
  })

  it('sends Strict-Transport-Security with refusals of the gateway, but not with proxied responses', async () => {
    const route = { origin: env.RAW_ORIGIN_URL, required: false }
    const gateway = workerWith({ GATEWAY: { '/api': route } })
    expect(await hstsOf('/api/x', gateway)).toBeNull()
    expect(await hstsOf('/api/x', gateway, { Authorization: 'Bearer x' })).toBe(HSTS)
  })

  it('sends no Strict-Transport-Security over plain HTTP', async () => {
    const development = { ENVIRONMENT: 'development', PUBLIC_URL: 'http://localhost:8787' }
    const response = await workerWith(development)(new Request('http://localhost:8787/healthz'))
    expect([response.status, response.headers.get('Strict-Transport-Security')]).toEqual([200, null])
  })
})
