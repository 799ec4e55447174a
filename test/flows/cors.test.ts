import { describe, expect, it } from 'vitest'
import { call, newPerson } from '../support/client.ts'
import { workerWithGateway } from '../support/gateway.ts'

const ALLOWED = 'https://app.example.test'
const EXPOSED = 'WWW-Authenticate, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, Location'

const corsOf = ({ headers }: Response) =>
  Object.fromEntries([...headers].filter(([name]) => name.startsWith('access-control-')))

const preflight = (origin: string, path = '/auth/me') =>
  call('OPTIONS', path, {
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': 'PATCH',
      'Access-Control-Request-Headers': 'authorization,content-type',
    },
  })

describe('a configured origin', () => {
  it.each([ALLOWED, 'https://www.example.test'])(
    'echoes a configured origin with credentials and exposed headers: %s',
    async (Origin) => {
      const response = await call('GET', '/healthz', { headers: { Origin } })
      expect(corsOf(response)).toEqual({
        'access-control-allow-origin': Origin,
        'access-control-allow-credentials': 'true',
        'access-control-expose-headers': EXPOSED,
      })
    },
  )

  it('echoes a configured origin in error responses', async () => {
    const headers = { Origin: ALLOWED }
    const responses = [
      await call('GET', '/nowhere', { headers }),
      await call('GET', '/auth/login', { headers }),
      await call('GET', '/auth/me', { headers }),
      await call('POST', '/auth/login', { headers, body: '{' }),
      await call('POST', '/auth/login', { headers, body: {} }),
      await call('POST', '/auth/login', { headers, body: { identifier: 'unknown', password: 'x' } }),
    ]
    expect(responses.map(({ status }) => status)).toEqual([404, 405, 401, 400, 422, 401])
    for (const response of responses) expect(corsOf(response)['access-control-allow-origin']).toBe(ALLOWED)
  })

  it('lists the allowed methods and headers in a preflight response', async () => {
    const response = await preflight(ALLOWED)
    expect(response.status).toBe(204)
    expect(corsOf(response)).toEqual({
      'access-control-allow-origin': ALLOWED,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
      'access-control-allow-headers': 'Authorization, Content-Type, X-Gatehouse-CSRF',
      'access-control-max-age': '600',
      'access-control-expose-headers': EXPOSED,
    })
  })
})

describe('an origin that is not configured', () => {
  it.each([
    'https://evil.example',
    'https://app.example.test.evil.example',
    'https://APP.example.test',
    'http://app.example.test',
    'https://app.example.test:444',
    'https://app.example.test/',
    'null',
    '*',
    '',
  ])('serves an origin that is not configured without CORS headers: %j', async (Origin) => {
    const { access_token } = await newPerson()
    const response = await call('GET', '/auth/me', { bearer: access_token, headers: { Origin } })
    expect(response.status).toBe(200)
    expect(corsOf(response)).toEqual({})
    expect(corsOf(await preflight(Origin))).toEqual({})
  })
})

describe('an error of the gateway', () => {
  it.each([
    [ALLOWED, ALLOWED],
    ['https://evil.example', null],
  ])('echoes only a configured origin in errors of the gateway: %s', async (origin, expected) => {
    const response = await call('GET', '/api/x', { headers: { Origin: origin } }, workerWithGateway())
    expect(response.status).toBe(401)
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe(expected)
    expect(response.headers.get('Vary')).toBe('Origin')
  })
})

describe('Vary: Origin', () => {
  it.each([
    ['GET', '/healthz', undefined],
    ['GET', '/healthz', ALLOWED],
    ['GET', '/nowhere', 'https://evil.example'],
    ['GET', '/.well-known/jwks.json', undefined],
    ['OPTIONS', '/auth/me', ALLOWED],
  ])('sends Vary: Origin with every response: %s %s from %s', async (method, path, origin) => {
    const response = await call(method, path, { headers: origin === undefined ? {} : { Origin: origin } })
    expect(response.headers.get('Vary')).toBe('Origin')
  })
})
