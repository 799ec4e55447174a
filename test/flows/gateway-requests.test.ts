/** What the gateway forwards to an origin. */

import { decodeJwt } from 'jose'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { permit } from '../support/admin.ts'
import { type Call, call, newPerson, ok, PASSWORD } from '../support/client.ts'
import { thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
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

describe('a request with a valid token', () => {
  it('forwards method, path, query, headers and body unchanged', async () => {
    const body = 'x'.repeat(100_000)
    const headers = { 'Content-Type': 'text/plain', 'X-Own': 'of the client', Accept: 'text/html' }
    const received = await requestAtOrigin(
      through('/api/orders/a%20b;v=1?q=%2e%2e%2f&r=1&r=2', { body, headers }, workerWithGateway(), 'PATCH'),
    )
    expect(received).toMatchObject({ method: 'PATCH', target: '/api/orders/a%20b;v=1?q=%2e%2e%2f&r=1&r=2' })
    expect(received.body.match(/x/g)).toHaveLength(100_000)
    expect(valuesOf(received, 'x-own')).toEqual(['of the client'])
    expect(valuesOf(received, 'accept')).toEqual(['text/html'])
    expect(valuesOf(received, 'host')).toEqual([new URL(ORIGIN).host])
  })

  it('adds each identity header exactly once', async () => {
    const received = await requestAtOrigin(through('/api/me'))
    expect(valuesOf(received, 'x-auth-subject')).toEqual([person.user.id])
    expect(valuesOf(received, 'x-auth-session')).toEqual([decodeJwt(person.access_token).sid])
    expect(valuesOf(received, 'x-auth-roles')).toEqual([''])
    expect(valuesOf(received, 'x-auth-scope')).toEqual([''])
  })

  it('sets the forwarding headers, and drops those of the caller', async () => {
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
    const received = await requestAtOrigin(through('/api/me', { headers }))
    expect(valuesOf(received, 'forwarded')).toEqual([
      'for="[2001:db8::7]";host="auth.example.test";proto=https',
    ])
    expect(valuesOf(received, 'x-forwarded-for')).toEqual(['2001:db8::7'])
    expect(valuesOf(received, 'x-forwarded-host')).toEqual(['auth.example.test'])
    expect(valuesOf(received, 'x-forwarded-proto')).toEqual(['https'])
    expect(JSON.stringify(received.headers)).not.toMatch(/203\.0\.113\.1|evil/)
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
  ])('drops the header %s of the caller', async (name) => {
    const received = await requestAtOrigin(through('/api/me', { headers: { [name]: 'forged' } }))
    expect(JSON.stringify(received)).not.toContain('forged')
  })

  it('drops connection headers, and the headers that Connection names', async () => {
    const headers = {
      Connection: 'close, X-Mine',
      'X-Mine': 'mine',
      'Keep-Alive': '5',
      'Proxy-Authorization': 'Basic x',
      TE: 'gzip',
    }
    const received = await requestAtOrigin(through('/api/me', { headers }))
    for (const name of ['x-mine', 'keep-alive', 'proxy-authorization', 'te'])
      expect(valuesOf(received, name)).toEqual([])
  })

  it('drops the cookies of the service, and forwards the others', async () => {
    const own = [
      '__Secure-gatehouse_refresh',
      '__Host-gatehouse_pages',
      'gatehouse_pages',
      '=gatehouse_pages',
    ]
    const Cookie = `a=1; ${own.map((name) => `${name}=secret`).join('; ')}; b=2; gatehouse_refresh=secret`
    expect(valuesOf(await requestAtOrigin(through('/api/me', { headers: { Cookie } })), 'cookie')).toEqual([
      'a=1; b=2',
    ])
    const alone = await requestAtOrigin(
      through('/api/me', { headers: { Cookie: 'gatehouse_refresh=secret' } }),
    )
    expect(valuesOf(alone, 'cookie')).toEqual([])
  })

  it.each([
    ['joined by a comma', 'a=1, gatehouse_refresh=secret'],
    ['joined by a comma without a space', 'a=1,__Host-gatehouse_pages=secret'],
    ['the first of two that a comma joins', '__Secure-gatehouse_refresh=secret, a=1'],
    ['between commas and semicolons', 'a=1; b=2,gatehouse_pages=secret, __Host-gatehouse_x=secret; c=3'],
    ['after a no-break space', 'a=1;\u00a0gatehouse_refresh=secret'],
  ])('drops a cookie of the service that is %s', async (_how, Cookie) => {
    const received = await requestAtOrigin(through('/api/me', { headers: { Cookie } }))
    expect(JSON.stringify(received.headers)).not.toContain('secret')
    expect(valuesOf(received, 'cookie').join()).toContain('a=1')
  })

  it('keeps commas within other cookies', async () => {
    const Cookie = 'list=1,2,3; name="a, b"'
    expect(valuesOf(await requestAtOrigin(through('/api/me', { headers: { Cookie } })), 'cookie')).toEqual([
      Cookie,
    ])
  })

  it('drops the header that CLIENT_IP_HEADER names, in every spelling', async () => {
    const fetch = workerWithGateway({}, { CLIENT_IP_HEADER: 'X-Edge-Address' })
    const headers = { 'X-Edge-Address': '203.0.113.9', X_Edge_Address: 'forged', 'X.Edge.Address': 'forged' }
    const received = await requestAtOrigin(through('/api/me', { headers }, fetch))
    expect(JSON.stringify(received.headers)).not.toContain('forged')
    expect(valuesOf(received, 'x-forwarded-for')).toEqual(['203.0.113.9'])
  })

  it.each([
    'X-Request-Id',
    'X-Own',
    'X-User-Agent',
    'X-Requested-With',
    'traceparent',
    'If-Match',
    'Idempotency-Key',
  ])('forwards the header %s', async (name) => {
    const received = await requestAtOrigin(through('/api/me', { headers: { [name]: 'of the client' } }))
    expect(valuesOf(received, name.toLowerCase())).toEqual(['of the client'])
  })

  it('forwards no token if the authorization of the route is "drop"', async () => {
    const received = await requestAtOrigin(
      through('/api/me', {}, workerWithGateway({ authorization: 'drop' })),
    )
    expect(valuesOf(received, 'authorization')).toEqual([])
    expect(valuesOf(received, 'x-auth-subject')).toEqual([person.user.id])
  })

  it('never forwards a token with the scope admin', async () => {
    const fetch = workerWithGateway({ authorization: 'pass' })
    const { name, user } = await newPerson()
    await permit(user.id, { roles: ['admin'], scopes: ['admin'] })
    const body = { identifier: name, password: PASSWORD, scope: 'admin' }
    const { access_token } = await ok<Tokens>(call('POST', '/auth/login', { body }, fetch))
    const received = await requestAtOrigin(call('GET', '/api/me', { bearer: access_token }, fetch))
    expect(valuesOf(received, 'x-auth-scope')).toEqual(['admin'])
    expect(valuesOf(received, 'authorization')).toEqual([])
    expect(JSON.stringify(received)).not.toContain(access_token)
  })

  it('strips the prefix if the route says so, and appends the rest to the path of the origin', async () => {
    const fetch = workerWithGateway({ origin: `${ORIGIN}/base/`, strip_prefix: true })
    expect((await requestAtOrigin(through('/api/x/y?z', {}, fetch))).target).toBe('/base/x/y?z')
    expect((await requestAtOrigin(through('/api', {}, fetch))).target).toBe('/base/')
  })

  it('forwards a request without a query or RPC, or with one RPC if the route checks sessions', async () => {
    for (const [session, rpc] of [
      ['trust', 0],
      ['check', 1],
    ] as const) {
      const watched = watch()
      const fetch = workerWithGateway({ session }, watched.bindings)
      await requestAtOrigin(through('/api/me', {}, fetch))
      watched.reset()
      await requestAtOrigin(through('/api/me', {}, fetch))
      expect(watched.counts).toEqual({ d1: 0, rpc })
    }
  })
})
