import { decodeJwt } from 'jose'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Env } from '../../src/config/env.ts'
import { permit } from '../support/admin.ts'
import { type Call, call, newPerson, ok, PUBLIC_URL, refused, workerWith } from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { ORIGIN, requestAtOrigin, valuesOf, workerWithGateway } from '../support/gateway.ts'
import type { Tokens } from '../support/responses.ts'

let person: Tokens & { readonly name: string }
beforeAll(async () => {
  person = await newPerson()
})
beforeEach(() => {
  for (const level of ['info', 'warn', 'error'] as const)
    vi.spyOn(console, level).mockImplementation(() => undefined)
})
afterEach(() => {
  thaw()
  vi.restoreAllMocks()
})

const through = (path: string, request: Call = {}, fetch = workerWithGateway(), method = 'GET') =>
  call(method, path, { bearer: person.access_token, ...request }, fetch)

/** Shortens the timeout of an origin to half a second. */
function shortenOriginTimeout(): void {
  const set = globalThis.setTimeout.bind(globalThis)
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(((work: () => void, ms: number) =>
    set(work, ms === 30_000 ? 500 : ms)) as typeof setTimeout)
}

describe('a response of the origin', () => {
  it('passes on status, headers and body of the origin, and adds no Cache-Control', async () => {
    const response = await through('/api/status-418')
    expect([response.status, response.headers.get('X-Own')]).toEqual([418, 'of the origin'])
    expect(response.headers.get('Cache-Control')).toBe(null)
    expect(response.headers.get('X-Request-Id')).not.toBe(null)
    const missing = await through('/api/status-404')
    expect([missing.status, missing.headers.get('Cache-Control'), await missing.text()]).toEqual([
      404,
      'public, max-age=60',
      'none here',
    ])
    expect((await through('/api/no-content')).status).toBe(204)
  })

  it('passes on a redirect of the origin without following it', async () => {
    const response = await through('/api/redirect')
    expect([response.status, response.headers.get('Location')]).toEqual([
      302,
      'https://elsewhere.example/x?y#z',
    ])
  })

  it('keeps every cookie of the origin, and drops its connection headers', async () => {
    const { headers } = await through('/api/cookies')
    expect(headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect([headers.get('Connection'), headers.get('X-Hop')]).toEqual([null, null])
  })

  it('drops cookies of the service, Clear-Site-Data and Service-Worker-Allowed that an origin sends', async () => {
    const { status, headers } = await through('/api/hostile')
    expect([status, headers.getSetCookie()]).toEqual([200, ['own=1']])
    expect([headers.get('Clear-Site-Data'), headers.get('Service-Worker-Allowed')]).toEqual([null, null])
  })

  it('returns a readable body if the origin compresses it', async () => {
    expect(await (await through('/api/gzip')).text()).toBe('plain text')
  })

  it('streams a response that has not ended: server-sent events', async () => {
    const response = await through('/api/events')
    const reader = response.body?.getReader()
    const { value } = (await reader?.read()) ?? {}
    expect(new TextDecoder().decode(value)).toBe('data: first\n')
    await reader?.cancel()
  })

  it('connects a WebSocket to the origin', async () => {
    const response = await through('/api/websocket', { headers: { Upgrade: 'websocket' } })
    expect(response.status).toBe(101)
    const socket = response.webSocket
    if (!socket) throw new Error('no socket')
    socket.accept()
    const echoed = new Promise((resolve) => socket.addEventListener('message', ({ data }) => resolve(data)))
    socket.send('hello')
    expect(await echoed).toBe('hello')
    socket.close()
  })

  it.each([
    ['/api/hangs-up', 502, 'bad_gateway'],
    ['/api/garbage', 502, 'bad_gateway'],
    ['/api/status-999', 502, 'bad_gateway'],
    ['/api/status-101', 502, 'bad_gateway'],
    ['/api/silent', 504, 'gateway_timeout'],
  ])('answers 502 or 504 if the origin sends no valid response: %s', async (path, status, code) => {
    if (code === 'gateway_timeout') shortenOriginTimeout()
    const response = await through(path)
    expect(response.status).toBe(status)
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    expect(await response.json()).toMatchObject({ code })
  })

  it("answers bad_gateway if nothing listens at the origin's address", async () => {
    expect(
      await refused(through('/api/x', {}, workerWithGateway({ origin: 'http://127.0.0.1:9' }))),
    ).toMatchObject({
      code: 'bad_gateway',
    })
  })
})

describe('access to a route', () => {
  it.each([
    ['a request without credentials', {}],
    ['another scheme', { Authorization: 'Basic eDp5' }],
    ['an invalid token', { Authorization: 'Bearer none' }],
    ['two tokens', { Authorization: 'Bearer a, Bearer b' }],
  ])('answers 401 to %s, without calling the origin', async (_what, headers) => {
    const response = await call('GET', '/api/me', { headers }, workerWithGateway())
    expect(response.status).toBe(401)
    expect(response.headers.get('WWW-Authenticate')).toMatch(/^Bearer realm="gatehouse"/)
    expect(await response.json()).toMatchObject({ code: 'invalid_token' })
  })

  it('forwards a request without a token and without identity if the route requires none, but rejects an invalid token', async () => {
    const fetch = workerWithGateway({ required: false })
    const headers = { 'X-Auth-Subject': 'forged', Authorization: 'Basic eDp5' }
    const received = await requestAtOrigin(call('GET', '/api/me', { headers }, fetch))
    expect(
      received.headers.filter(([name]) => name.startsWith('x-auth') || name === 'authorization'),
    ).toEqual([])
    expect((await refused(call('GET', '/api/me', { bearer: 'none' }, fetch))).code).toBe('invalid_token')
  })

  it('rejects a token that lacks a role or a scope that the route requires', async () => {
    const { user, refresh_token } = await newPerson()
    await permit(user.id, { roles: ['editor', 'reader'], scopes: ['orders:read'] })
    const body = { refresh_token }
    const { access_token: bearer } = await ok<Tokens>(call('POST', '/auth/refresh', { body }))
    const asked = (route: object) => call('GET', '/api/me', { bearer }, workerWithGateway(route))
    const received = await requestAtOrigin(asked({ roles: ['editor'], scope: 'orders:read' }))
    expect(valuesOf(received, 'x-auth-roles')).toEqual(['editor reader'])
    expect(valuesOf(received, 'x-auth-scope')).toEqual(['orders:read'])
    for (const [route, missing] of [
      [{ roles: 'editor owner' }, { roles: ['owner'], scope: [] }],
      [{ scope: ['orders:read', 'orders:write'] }, { roles: [], scope: ['orders:write'] }],
    ] as const) {
      expect(await refused(asked(route))).toMatchObject({ code: 'insufficient_scope', missing })
    }
  })

  it('rejects the token of an ended session at once if the route checks sessions, otherwise when it expires', async () => {
    freeze()
    const { access_token: bearer } = await newPerson()
    await ok(call('POST', '/auth/logout', { bearer }), 204)
    expect(
      (await refused(call('GET', '/api/me', { bearer }, workerWithGateway({ session: 'check' })))).code,
    ).toBe('invalid_token')
    await requestAtOrigin(call('GET', '/api/me', { bearer }, workerWithGateway()))
    advance(600)
    expect((await refused(call('GET', '/api/me', { bearer }, workerWithGateway()))).code).toBe(
      'invalid_token',
    )
  })

  it('forwards the current roles of the account if the route checks sessions', async () => {
    const { user, refresh_token } = await newPerson()
    await permit(user.id, { roles: ['editor'] })
    const { access_token: bearer } = await ok<Tokens>(
      call('POST', '/auth/refresh', { body: { refresh_token } }),
    )
    await permit(user.id, { roles: [] })
    const asked = (route: object) => call('GET', '/api/me', { bearer }, workerWithGateway(route))
    expect(valuesOf(await requestAtOrigin(asked({})), 'x-auth-roles')).toEqual(['editor'])
    expect(valuesOf(await requestAtOrigin(asked({ session: 'check' })), 'x-auth-roles')).toEqual([''])
    expect((await refused(asked({ session: 'check', roles: 'editor' }))).code).toBe('insufficient_scope')
  })
})

describe('paths of the gateway', () => {
  const two = () =>
    workerWith({
      GATEWAY: { '/api': { origin: ORIGIN, roles: 'nobody' }, '/': { origin: ORIGIN, required: false } },
    })

  it.each(['/api/x', '/%61pi/x', '/api;v=1/x', '/x/../api/x', '/x/%2e%2e/api/x', '/%41PI/../api/x'])(
    'applies route requirements to every spelling of the path: %s',
    async (path) => {
      expect((await refused(through(path, {}, two()))).code).toBe('insufficient_scope')
    },
  )

  it.each([
    '/x/%%32e%%32e/api/x',
    '/%%36%31pi/x',
    '/x/;/api/x',
    '/x./api',
    '/x//api/x',
    '//api/x',
    '/x/..%2fapi/x',
    '/x/%252e%252e/api/x',
    '/x/..;/api/x',
    '/x/%00',
    '/auth/nothing',
    '/admin/x',
  ])('answers not_found to a path that servers read in different ways: %s', async (path) => {
    expect((await refused(through(path, {}, two()))).code).toBe('not_found')
  })

  it('serves the paths of the service itself, even if a route covers them', async () => {
    expect(await ok(call('GET', '/healthz', {}, two()))).toEqual({ status: 'ok' })
    expect((await requestAtOrigin(call('GET', '/healthzz', {}, two()))).target).toBe('/healthzz')
  })

  it('answers not_found to a path that no route covers', async () => {
    expect((await refused(through('/apix'))).code).toBe('not_found')
  })
})

describe('methods of the gateway', () => {
  it('answers 405 to TRACE, which would show the caller what the gateway adds', async () => {
    // The constructor of Request accepts no TRACE.
    const request = new Proxy(new Request(`${PUBLIC_URL}/api/me`), {
      get: (target, name) => (name === 'method' ? 'TRACE' : Reflect.get(target, name, target)),
    })
    const response = await workerWithGateway()(request)
    expect([response.status, response.headers.get('Allow')]).toEqual([
      405,
      'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
    ])
  })
})

describe('CORS at the gateway', () => {
  it('answers the preflight of a protected path without calling the origin', async () => {
    const headers = {
      Origin: 'https://app.example.test',
      'Access-Control-Request-Method': 'PUT',
      'Access-Control-Request-Headers': 'authorization',
    }
    const response = await call('OPTIONS', '/api/hangs-up', { headers }, workerWithGateway())
    expect(response.status).toBe(204)
    expect(response.headers.get('Access-Control-Allow-Headers')).toContain('Authorization')
  })

  const preflight = async (path: string, asked: string | null, Origin = 'https://app.example.test') => {
    const headers = {
      Origin,
      'Access-Control-Request-Method': 'PUT',
      ...(asked === null ? {} : { 'Access-Control-Request-Headers': asked }),
    }
    const response = await call('OPTIONS', path, { headers }, workerWithGateway())
    return response.headers.get('Access-Control-Allow-Headers')
  }
  const OWN = 'Authorization, Content-Type, X-Gatehouse-CSRF'

  it.each([
    ['idempotency-key', `${OWN}, idempotency-key`],
    ['if-match,traceparent, sentry-trace', `${OWN}, if-match, traceparent, sentry-trace`],
    ['authorization, content-type, x-a', `${OWN}, x-a`],
    ['x-a, X-A', `${OWN}, x-a`],
    ['x a, x\u00e4, x:b, "x", , x-a', `${OWN}, x-a`],
    [null, OWN],
    [`x-${'a'.repeat(5_000)}, x-b`, expect.stringContaining(OWN)],
  ])('allows the valid header names that a preflight below a prefix requests: %j', async (asked, allowed) => {
    expect(await preflight('/api/x', asked)).toEqual(allowed)
  })

  it('allows no requested header names elsewhere, or to an origin that is not configured', async () => {
    expect(await preflight('/auth/me', 'idempotency-key')).toBe(OWN)
    expect(await preflight('/apix', 'idempotency-key')).toBe(OWN)
    expect(await preflight('/api/x', 'idempotency-key', 'https://evil.example')).toBe(null)
  })

  it('exposes the headers that the origin exposes, in addition to those of the service', async () => {
    const headers = { Origin: 'https://app.example.test' }
    const exposedBy = async (path: string) =>
      (await through(path, { headers })).headers.get('Access-Control-Expose-Headers')
    const own = 'WWW-Authenticate, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, Location'
    expect(await exposedBy('/api/me')).toBe(own)
    expect(await exposedBy('/api/exposes')).toBe(`${own}, X-Total, ETag`)
    const response = await through('/api/exposes-to-all', { headers })
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe('*')
    expect(response.headers.get('Access-Control-Expose-Headers')).toBe(`${own}, X-Total`)
  })

  it('allows a page of a configured origin to read the response', async () => {
    const response = await through('/api/me', { headers: { Origin: 'https://app.example.test' } })
    expect(response.headers.get('Access-Control-Allow-Origin')).toBe('https://app.example.test')
  })
})

describe('an origin behind a service binding', () => {
  it('forwards a request to a service binding under the public URL, with an assertion', async () => {
    const seen: Request[] = []
    const ORDERS = { fetch: async (request: Request) => seen.push(request) && new Response('ok') }
    const fetch = workerWith({
      GATEWAY: { '/api': { service: 'ORDERS', audience: 'orders' } },
      ORDERS,
    } as unknown as Partial<Env>)
    expect(await (await through('/api/x?y', {}, fetch)).text()).toBe('ok')
    expect(seen[0]?.url).toBe(`${PUBLIC_URL}/api/x?y`)
    expect(decodeJwt(seen[0]?.headers.get('X-Auth-Assertion') ?? '').aud).toBe('orders')
  })
})
