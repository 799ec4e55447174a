import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Env } from '../../src/config/env.ts'
import { admin } from '../support/admin.ts'
import {
  type Call,
  call,
  type Fetch,
  newPerson,
  ok,
  PASSWORD,
  PUBLIC_URL,
  refused,
  type Tokens,
  worker,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { AUDIENCE, arrived, gate, ORIGIN, valuesOf } from '../support/gateway.ts'

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

const permit = (id: string, body: object) => ok(admin('PATCH', `/admin/users/${id}`, body))

const through = (path: string, request: Call = {}, fetch = gate(), method = 'GET') =>
  call(method, path, { bearer: person.access_token, ...request }, fetch)

describe('a request with a right token', () => {
  it('reaches the origin with its method, path, query, headers and body as they are', async () => {
    const body = 'x'.repeat(100_000)
    const headers = { 'Content-Type': 'text/plain', 'X-Own': 'of the client', Accept: 'text/html' }
    const came = await arrived(
      through('/api/orders/a%20b;v=1?q=%2e%2e%2f&r=1&r=2', { body, headers }, gate(), 'PATCH'),
    )
    expect(came).toMatchObject({ method: 'PATCH', target: '/api/orders/a%20b;v=1?q=%2e%2e%2f&r=1&r=2' })
    expect(came.body.match(/x/g)).toHaveLength(100_000)
    expect(valuesOf(came, 'x-own')).toEqual(['of the client'])
    expect(valuesOf(came, 'accept')).toEqual(['text/html'])
    expect(valuesOf(came, 'host')).toEqual([new URL(ORIGIN).host])
  })

  it('says whom it comes from, each thing once', async () => {
    const came = await arrived(through('/api/me'))
    expect(valuesOf(came, 'x-auth-subject')).toEqual([person.user.id])
    expect(valuesOf(came, 'x-auth-session')).toEqual([decodeJwt(person.access_token).sid])
    expect(valuesOf(came, 'x-auth-roles')).toEqual([''])
    expect(valuesOf(came, 'x-auth-scope')).toEqual([''])
  })

  it('says where it comes from, whatever the client said of that', async () => {
    const headers = {
      'CF-Connecting-IP': '2001:db8::7',
      'X-Forwarded-For': '203.0.113.1',
      'X-Forwarded-Host': 'evil.example',
      'X-Forwarded-Prefix': '/evil',
      Forwarded: 'for=203.0.113.1',
      'X-Real-IP': '203.0.113.1',
      'True-Client-IP': '203.0.113.1',
      X_Forwarded_For: '203.0.113.1',
    }
    const came = await arrived(through('/api/me', { headers }))
    expect(valuesOf(came, 'forwarded')).toEqual(['for="[2001:db8::7]";host="auth.example.test";proto=https'])
    expect(valuesOf(came, 'x-forwarded-for')).toEqual(['2001:db8::7'])
    expect(valuesOf(came, 'x-forwarded-host')).toEqual(['auth.example.test'])
    expect(valuesOf(came, 'x-forwarded-proto')).toEqual(['https'])
    expect(JSON.stringify(came.headers)).not.toMatch(/203\.0\.113\.1|evil/)
  })

  it.each([
    'X-Auth-Subject',
    'x-auth-subject',
    'X_Auth_Subject',
    'X-Auth_Roles',
    'x.auth.roles',
    'X_AUTH_SCOPE',
    'X-Auth-Session',
    'X-Auth-Assertion',
    'X-Auth-Whatever-Comes',
    'X-Original-URL',
    'X-Rewrite-URL',
    'Client-IP',
    'CLIENT_IP',
    'Fastly-Client-IP',
    'fastly.client.ip',
    'X-Originating-IP',
    'X-Remote-IP',
    'X-Remote-Addr',
    'x_remote_addr',
    'X-ProxyUser-Ip',
    'X-Remote-User',
    'Remote-User',
    'Remote_User',
    'REMOTE.USER',
    'Remote-Groups',
    'X-WebAuth-User',
    'X-Authenticated-User',
    'X-Authentik-Username',
    'X-Goog-Authenticated-User-Email',
    'X-Amzn-Oidc-Data',
    'X-MS-CLIENT-PRINCIPAL',
    'OIDC_CLAIM_sub',
    'SM_USER',
    'Client-Cert',
    'X-SSL-Client-S-DN',
    'Forwarded-For',
    'X-Forwarded',
    'X-Forward-For',
    'X-Cluster-Client-IP',
    'CF_Connecting_IP',
    'CF-Pseudo-IPv4',
    'WL-Proxy-Client-IP',
    'X-True-IP',
    'X-Custom-IP-Authorization',
    'Proxy',
    'X-Override-URL',
    'X_Override_URL',
    'X-Envoy-Original-Path',
    'X-Envoy-External-Address',
    'x~envoy~anything',
    'X-HTTP-Method-Override',
    'X-Method-Override',
    'X-Host',
    'X-HTTP-Host-Override',
    'X-Accel-Mapping',
    'X-Middleware-Subrequest',
    'x_middleware_rewrite',
    'X-Invoke-Path',
    'MS-ASPNETCORE-WINAUTHTOKEN',
    'MS_ASPNETCORE_CLIENTCERT',
    'Shib-Identity-Provider',
    'OAM_REMOTE_USER',
    'Impersonate-User',
    'X-Scope-OrgID',
    'X-User-Role',
    'Proxy-Remote-User',
    'SSL-Cert',
    'X-ClientIP',
    'X-Sucuri-ClientIP',
    'CloudFront-Viewer-Address',
    'X-Vercel-Forwarded-For',
    'Akamai-Client-IP',
    'X-Script-Name',
    'Front-End-Https',
  ])('leaves behind what the client sent as %s', async (name) => {
    const came = await arrived(through('/api/me', { headers: { [name]: 'forged' } }))
    expect(JSON.stringify(came)).not.toContain('forged')
  })

  it('leaves behind what speaks of the connection, and what Connection names', async () => {
    const headers = {
      Connection: 'close, X-Mine',
      'X-Mine': 'mine',
      'Keep-Alive': '5',
      'Proxy-Authorization': 'Basic x',
      TE: 'gzip',
    }
    const came = await arrived(through('/api/me', { headers }))
    for (const name of ['x-mine', 'keep-alive', 'proxy-authorization', 'te'])
      expect(valuesOf(came, name)).toEqual([])
  })

  it('leaves behind the cookies of the service, and keeps the others', async () => {
    const own = [
      '__Secure-gatehouse_refresh',
      '__Host-gatehouse_pages',
      'gatehouse_pages',
      '=gatehouse_pages',
    ]
    const Cookie = `a=1; ${own.map((name) => `${name}=secret`).join('; ')}; b=2; gatehouse_refresh=secret`
    expect(valuesOf(await arrived(through('/api/me', { headers: { Cookie } })), 'cookie')).toEqual([
      'a=1; b=2',
    ])
    const alone = await arrived(through('/api/me', { headers: { Cookie: 'gatehouse_refresh=secret' } }))
    expect(valuesOf(alone, 'cookie')).toEqual([])
  })

  it.each([
    ['joined by a comma', 'a=1, gatehouse_refresh=secret'],
    ['joined by a comma without a space', 'a=1,__Host-gatehouse_pages=secret'],
    ['first of two that were joined', '__Secure-gatehouse_refresh=secret, a=1'],
    ['between commas and semicolons', 'a=1; b=2,gatehouse_pages=secret, __Host-gatehouse_x=secret; c=3'],
    ['behind a space of another kind', 'a=1;\u00a0gatehouse_refresh=secret'],
  ])('leaves behind the cookies of the service %s', async (_how, Cookie) => {
    const came = await arrived(through('/api/me', { headers: { Cookie } }))
    expect(JSON.stringify(came.headers)).not.toContain('secret')
    expect(valuesOf(came, 'cookie').join()).toContain('a=1')
  })

  it('keeps the commas within the cookies of others', async () => {
    const Cookie = 'list=1,2,3; name="a, b"'
    expect(valuesOf(await arrived(through('/api/me', { headers: { Cookie } })), 'cookie')).toEqual([Cookie])
  })

  it("leaves behind the header that has the client's address for the service, in every spelling", async () => {
    const fetch = gate({}, { CLIENT_IP_HEADER: 'X-Edge-Address' })
    const headers = { 'X-Edge-Address': '203.0.113.9', X_Edge_Address: 'forged', 'X.Edge.Address': 'forged' }
    const came = await arrived(through('/api/me', { headers }, fetch))
    expect(JSON.stringify(came.headers)).not.toContain('forged')
    expect(valuesOf(came, 'x-forwarded-for')).toEqual(['203.0.113.9'])
  })

  it.each([
    'X-Request-Id',
    'X-Own',
    'X-User-Agent',
    'X-Requested-With',
    'traceparent',
    'If-Match',
    'Idempotency-Key',
  ])('passes on what is none of that: %s', async (name) => {
    const came = await arrived(through('/api/me', { headers: { [name]: 'of the client' } }))
    expect(valuesOf(came, name.toLowerCase())).toEqual(['of the client'])
  })

  it('keeps the token to itself where the route says so', async () => {
    const came = await arrived(through('/api/me', {}, gate({ authorization: 'drop' })))
    expect(valuesOf(came, 'authorization')).toEqual([])
    expect(valuesOf(came, 'x-auth-subject')).toEqual([person.user.id])
  })

  it('never passes on a token with the scope admin', async () => {
    const fetch = gate({ authorization: 'pass' })
    const { name, user } = await newPerson()
    await permit(user.id, { roles: ['admin'], scopes: ['admin'] })
    const body = { identifier: name, password: PASSWORD, scope: 'admin' }
    const { access_token } = await ok<Tokens>(call('POST', '/auth/login', { body }, fetch))
    const came = await arrived(call('GET', '/api/me', { bearer: access_token }, fetch))
    expect(valuesOf(came, 'x-auth-scope')).toEqual(['admin'])
    expect(valuesOf(came, 'authorization')).toEqual([])
    expect(JSON.stringify(came)).not.toContain(access_token)
  })

  it("goes to the path behind the prefix where the route says so, below the origin's own path", async () => {
    const fetch = gate({ origin: `${ORIGIN}/base/`, strip_prefix: true })
    expect((await arrived(through('/api/x/y?z', {}, fetch))).target).toBe('/base/x/y?z')
    expect((await arrived(through('/api', {}, fetch))).target).toBe('/base/')
  })

  it('costs no query and no RPC while the keys are known, one RPC where the session is checked', async () => {
    for (const [session, rpc] of [
      ['trust', 0],
      ['check', 1],
    ] as const) {
      const watched = watch()
      const fetch = gate({ session }, watched.bindings)
      await arrived(through('/api/me', {}, fetch))
      watched.reset()
      await arrived(through('/api/me', {}, fetch))
      expect(watched.counts).toEqual({ d1: 0, rpc })
    }
  })
})

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

describe('an assertion', () => {
  const assertionOf = async (fetch: Fetch, bearer = person.access_token) =>
    valuesOf(await arrived(call('GET', '/api/me', { bearer }, fetch)), 'x-auth-assertion')[0] ?? ''

  it('proves to its origin, by the public keys, whom the request comes from, for 60 s at most', async () => {
    freeze()
    const { access_token, user } = await newPerson()
    const assertion = await assertionOf(gate(), access_token)
    const { keys } = await ok<{ keys: (JsonWebKey & { kid: string })[] }>(
      call('GET', '/.well-known/jwks.json'),
    )
    const { kid } = decodeProtectedHeader(assertion)
    const jwk = keys.find((key) => key.kid === kid)
    if (jwk === undefined) throw new Error('signed with an unknown key')
    const { payload, protectedHeader } = await jwtVerify(assertion, jwk, {
      issuer: PUBLIC_URL,
      audience: AUDIENCE,
      typ: 'edge-assertion+jwt',
      currentDate: new Date(),
    })
    expect(protectedHeader).toEqual({ typ: 'edge-assertion+jwt', alg: 'ES256', kid })
    const now = Date.now() / 1000
    expect(payload).toEqual({
      iss: PUBLIC_URL,
      aud: AUDIENCE,
      sub: user.id,
      sid: decodeJwt(access_token).sid,
      roles: [],
      scope: '',
      iat: now,
      exp: now + 60,
      jti: expect.any(String),
    })
  })

  it('is for one origin alone: by default its address', async () => {
    const fetch = workerWith({ GATEWAY: { '/api': { origin: `${ORIGIN}/base` } } })
    expect(decodeJwt(await assertionOf(fetch)).aud).toBe(ORIGIN)
  })

  it('is used again within the first half of its life, by the same token at the same origin', async () => {
    freeze()
    const GATEWAY = {
      '/api': { origin: ORIGIN, audience: AUDIENCE },
      '/api/me/too': { origin: ORIGIN, audience: 'https://too.example' },
    }
    const fetch = workerWith({ GATEWAY })
    const [one, other] = [await newPerson(), await newPerson()]
    const first = await assertionOf(fetch, one.access_token)
    advance(29)
    expect(await assertionOf(fetch, one.access_token)).toBe(first)
    expect(await assertionOf(fetch, other.access_token)).not.toBe(first)
    const too = await arrived(call('GET', '/api/me/too', { bearer: one.access_token }, fetch))
    expect(decodeJwt(valuesOf(too, 'x-auth-assertion')[0] ?? '').aud).toBe('https://too.example')
    advance(1)
    expect(await assertionOf(fetch, one.access_token)).not.toBe(first)
  })

  it('does not outlive the token that it speaks of', async () => {
    freeze()
    const { access_token } = await newPerson()
    advance(590)
    expect(decodeJwt(await assertionOf(gate(), access_token)).exp).toBe(decodeJwt(access_token).exp)
  })

  it('is signed anew where its key was taken away', async () => {
    freeze()
    const { access_token } = await newPerson()
    const fetch = gate()
    const first = await assertionOf(fetch, access_token)
    const { kid } = decodeProtectedHeader(first)
    await ok(admin('DELETE', `/admin/keys/${kid}`, undefined, fetch), 204)
    const next = await newPerson(fetch)
    expect(decodeProtectedHeader(await assertionOf(fetch, next.access_token)).kid).not.toBe(kid)
  })

  it('is no access token', async () => {
    const bearer = await assertionOf(gate())
    for (const [path, fetch] of [
      ['/auth/me', worker],
      ['/api/me', gate()],
      ['/auth/verify', gate()],
    ] as const) {
      expect((await refused(call('GET', path, { bearer }, fetch))).code).toBe('invalid_token')
    }
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
