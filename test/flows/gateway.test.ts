import { decodeJwt } from 'jose'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Env } from '../../src/config/env.ts'
import { permit } from '../support/admin.ts'
import {
  type Call,
  call,
  newPerson,
  ok,
  PUBLIC_URL,
  refused,
  type Tokens,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { arrived, gate, ORIGIN, valuesOf } from '../support/gateway.ts'

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

const through = (path: string, request: Call = {}, fetch = gate(), method = 'GET') =>
  call(method, path, { bearer: person.access_token, ...request }, fetch)

/** Lets an origin that is silent be too late at once. */
function hurry(): void {
  const set = globalThis.setTimeout.bind(globalThis)
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(((work: () => void, ms: number) =>
    set(work, ms === 30_000 ? 500 : ms)) as typeof setTimeout)
}

describe('an answer of the origin', () => {
  it('comes back with its status, headers and body, and none of ours', async () => {
    const answer = await through('/api/status-418')
    expect([answer.status, answer.headers.get('X-Own')]).toEqual([418, 'of the origin'])
    expect(answer.headers.get('Cache-Control')).toBe(null)
    expect(answer.headers.get('X-Request-Id')).not.toBe(null)
    const missing = await through('/api/status-404')
    expect([missing.status, missing.headers.get('Cache-Control'), await missing.text()]).toEqual([
      404,
      'public, max-age=60',
      'none here',
    ])
    expect((await through('/api/no-content')).status).toBe(204)
  })

  it('that leads elsewhere is passed on, not followed', async () => {
    const answer = await through('/api/redirect')
    expect([answer.status, answer.headers.get('Location')]).toEqual([302, 'https://elsewhere.example/x?y#z'])
  })

  it('keeps each of its cookies, and loses what speaks of the connection', async () => {
    const { headers } = await through('/api/cookies')
    expect(headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect([headers.get('Connection'), headers.get('X-Hop')]).toEqual([null, null])
  })

  it('sets no cookie of the service, and clears nothing of the address that all origins share', async () => {
    const { status, headers } = await through('/api/hostile')
    expect([status, headers.getSetCookie()]).toEqual([200, ['own=1']])
    expect([headers.get('Clear-Site-Data'), headers.get('Service-Worker-Allowed')]).toEqual([null, null])
  })

  it('that is compressed is readable', async () => {
    expect(await (await through('/api/gzip')).text()).toBe('plain text')
  })

  it('begins before it has ended: server-sent events', async () => {
    const answer = await through('/api/events')
    const reader = answer.body?.getReader()
    const { value } = (await reader?.read()) ?? {}
    expect(new TextDecoder().decode(value)).toBe('data: first\n')
    await reader?.cancel()
  })

  it('may be a WebSocket', async () => {
    const answer = await through('/api/websocket', { headers: { Upgrade: 'websocket' } })
    expect(answer.status).toBe(101)
    const socket = answer.webSocket
    if (!socket) throw new Error('no socket')
    socket.accept()
    const said = new Promise((resolve) => socket.addEventListener('message', ({ data }) => resolve(data)))
    socket.send('hello')
    expect(await said).toBe('hello')
    socket.close()
  })

  it.each([
    ['/api/hangs-up', 502, 'bad_gateway'],
    ['/api/garbage', 502, 'bad_gateway'],
    ['/api/status-999', 502, 'bad_gateway'],
    ['/api/status-101', 502, 'bad_gateway'],
    ['/api/silent', 504, 'gateway_timeout'],
  ])('that does not come is a problem: %s', async (path, status, code) => {
    if (code === 'gateway_timeout') hurry()
    const answer = await through(path)
    expect(answer.status).toBe(status)
    expect(answer.headers.get('Cache-Control')).toBe('no-store')
    expect(await answer.json()).toMatchObject({ code })
  })

  it('is a problem where nothing listens', async () => {
    expect(await refused(through('/api/x', {}, gate({ origin: 'http://127.0.0.1:9' })))).toMatchObject({
      code: 'bad_gateway',
    })
  })
})

describe('who does not pass', () => {
  it.each([
    ['nothing', {}],
    ['another scheme', { Authorization: 'Basic eDp5' }],
    ['a token that is none', { Authorization: 'Bearer none' }],
    ['two tokens', { Authorization: 'Bearer a, Bearer b' }],
  ])('is told so, without a look at the origin: %s', async (_what, headers) => {
    const answer = await call('GET', '/api/me', { headers }, gate())
    expect(answer.status).toBe(401)
    expect(answer.headers.get('WWW-Authenticate')).toMatch(/^Bearer realm="gatehouse"/)
    expect(await answer.json()).toMatchObject({ code: 'invalid_token' })
  })

  it('may pass without a token where none is required, as nobody, and never with a bad one', async () => {
    const fetch = gate({ required: false })
    const headers = { 'X-Auth-Subject': 'forged', Authorization: 'Basic eDp5' }
    const came = await arrived(call('GET', '/api/me', { headers }, fetch))
    expect(came.headers.filter(([name]) => name.startsWith('x-auth') || name === 'authorization')).toEqual([])
    expect((await refused(call('GET', '/api/me', { bearer: 'none' }, fetch))).code).toBe('invalid_token')
  })

  it('is who lacks a role or a scope that the route needs', async () => {
    const { user, refresh_token } = await newPerson()
    await permit(user.id, { roles: ['editor', 'reader'], scopes: ['orders:read'] })
    const body = { refresh_token }
    const { access_token: bearer } = await ok<Tokens>(call('POST', '/auth/refresh', { body }))
    const asked = (route: object) => call('GET', '/api/me', { bearer }, gate(route))
    const came = await arrived(asked({ roles: ['editor'], scope: 'orders:read' }))
    expect(valuesOf(came, 'x-auth-roles')).toEqual(['editor reader'])
    expect(valuesOf(came, 'x-auth-scope')).toEqual(['orders:read'])
    for (const [route, missing] of [
      [{ roles: 'editor owner' }, { roles: ['owner'], scope: [] }],
      [{ scope: ['orders:read', 'orders:write'] }, { roles: [], scope: ['orders:write'] }],
    ] as const) {
      expect(await refused(asked(route))).toMatchObject({ code: 'insufficient_scope', missing })
    }
  })

  it('is whose session has ended, at once where it is checked, and when the token expires where it is trusted', async () => {
    freeze()
    const { access_token: bearer } = await newPerson()
    await ok(call('POST', '/auth/logout', { bearer }), 204)
    expect((await refused(call('GET', '/api/me', { bearer }, gate({ session: 'check' })))).code).toBe(
      'invalid_token',
    )
    await arrived(call('GET', '/api/me', { bearer }, gate()))
    advance(600)
    expect((await refused(call('GET', '/api/me', { bearer }, gate()))).code).toBe('invalid_token')
  })

  it('passes with what the account still has where the session is checked', async () => {
    const { user, refresh_token } = await newPerson()
    await permit(user.id, { roles: ['editor'] })
    const { access_token: bearer } = await ok<Tokens>(
      call('POST', '/auth/refresh', { body: { refresh_token } }),
    )
    await permit(user.id, { roles: [] })
    const asked = (route: object) => call('GET', '/api/me', { bearer }, gate(route))
    expect(valuesOf(await arrived(asked({})), 'x-auth-roles')).toEqual(['editor'])
    expect(valuesOf(await arrived(asked({ session: 'check' })), 'x-auth-roles')).toEqual([''])
    expect((await refused(asked({ session: 'check', roles: 'editor' }))).code).toBe('insufficient_scope')
  })
})

describe('a path', () => {
  const two = () =>
    workerWith({
      GATEWAY: { '/api': { origin: ORIGIN, roles: 'nobody' }, '/': { origin: ORIGIN, required: false } },
    })

  it.each(['/api/x', '/%61pi/x', '/api;v=1/x', '/x/../api/x', '/x/%2e%2e/api/x', '/%41PI/../api/x'])(
    'does not escape what its route needs: %s',
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
  ])('that means different things to different servers leads nowhere: %s', async (path) => {
    expect((await refused(through(path, {}, two()))).code).toBe('not_found')
  })

  it("that the service has is the service's", async () => {
    expect(await ok(call('GET', '/healthz', {}, two()))).toEqual({ status: 'ok' })
    expect((await arrived(call('GET', '/healthzz', {}, two()))).target).toBe('/healthzz')
  })

  it('that no route leads from is not found', async () => {
    expect((await refused(through('/apix'))).code).toBe('not_found')
  })
})

describe('a method', () => {
  it('that would show the client what the gate says is not passed on', async () => {
    // The standard's own Request takes no TRACE.
    const request = new Proxy(new Request(`${PUBLIC_URL}/api/me`), {
      get: (target, name) => (name === 'method' ? 'TRACE' : Reflect.get(target, name, target)),
    })
    const answer = await gate()(request)
    expect([answer.status, answer.headers.get('Allow')]).toEqual([
      405,
      'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
    ])
  })
})

describe('a preflight', () => {
  it('of a protected path is answered at the gate', async () => {
    const headers = {
      Origin: 'https://app.example.test',
      'Access-Control-Request-Method': 'PUT',
      'Access-Control-Request-Headers': 'authorization',
    }
    const answer = await call('OPTIONS', '/api/hangs-up', { headers }, gate())
    expect(answer.status).toBe(204)
    expect(answer.headers.get('Access-Control-Allow-Headers')).toContain('Authorization')
  })

  const preflight = async (path: string, asked: string | null, Origin = 'https://app.example.test') => {
    const headers = {
      Origin,
      'Access-Control-Request-Method': 'PUT',
      ...(asked === null ? {} : { 'Access-Control-Request-Headers': asked }),
    }
    const answer = await call('OPTIONS', path, { headers }, gate())
    return answer.headers.get('Access-Control-Allow-Headers')
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
  ])('below a prefix allows the valid names that it asks for: %j', async (asked, allowed) => {
    expect(await preflight('/api/x', asked)).toEqual(allowed)
  })

  it('elsewhere, or of an origin that is not configured, is answered as before', async () => {
    expect(await preflight('/auth/me', 'idempotency-key')).toBe(OWN)
    expect(await preflight('/apix', 'idempotency-key')).toBe(OWN)
    expect(await preflight('/api/x', 'idempotency-key', 'https://evil.example')).toBe(null)
  })

  it("is followed by an answer that exposes the origin's own headers, too", async () => {
    const headers = { Origin: 'https://app.example.test' }
    const exposedBy = async (path: string) =>
      (await through(path, { headers })).headers.get('Access-Control-Expose-Headers')
    const own = 'WWW-Authenticate, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, Location'
    expect(await exposedBy('/api/me')).toBe(own)
    expect(await exposedBy('/api/exposes')).toBe(`${own}, X-Total, ETag`)
    const answer = await through('/api/exposes-to-all', { headers })
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe('*')
    expect(answer.headers.get('Access-Control-Expose-Headers')).toBe(`${own}, X-Total`)
  })

  it('is followed by an answer that the page may read', async () => {
    const answer = await through('/api/me', { headers: { Origin: 'https://app.example.test' } })
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe('https://app.example.test')
  })
})

describe('an origin by service binding', () => {
  it('is reached like any other, under the public name of the gate', async () => {
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
