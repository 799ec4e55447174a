import { describe, expect, it } from 'vitest'
import { type GatewayConfig, readGateway } from '../../src/config/gateway.ts'
import type { GatewayRoute } from '../../src/config/gateway-route.ts'
import { SettingsReader } from '../../src/config/settings-reader.ts'
import { canonicalPath, pathAtOrigin, routeOf, servedRoute } from '../../src/gateway/origins.ts'

const emptyGateway = (enabled: boolean): GatewayConfig =>
  readGateway(new SettingsReader({}), {
    deployment: { publicUrl: 'https://auth.example' },
    tokens: { audience: 'https://auth.example' },
    pages: { enabled },
  })
const gatewayWith = (routes: readonly GatewayRoute[], changes: Partial<GatewayConfig> = {}) => ({
  ...emptyGateway(true),
  routes,
  ...changes,
})

const route = (prefix: string, stripPrefix = false): GatewayRoute => ({
  prefix,
  stripPrefix,
  origin: { kind: 'address', url: 'https://origin.example' },
  audience: 'https://origin.example',
  clientId: null,
  required: true,
  session: 'trust',
  roles: [],
  scope: [],
  authorization: 'exchange',
  pages: false,
  timeoutMs: 30_000,
  cache: 'no-store',
  log: 'all',
})

describe('canonical path', () => {
  it.each([
    ['/api/orders', '/api/orders'],
    ['/', '/'],
    ['/api/', '/api/'],
    ['/%61pi/%7Euser', '/api/~user'],
    ['/api/a%20b', '/api/a%20b'],
    ['/api/100%25', '/api/100%25'],
    ['/api/%C3%A4', '/api/%C3%A4'],
    ['/api/a;v=1/b', '/api/a;v=1/b'],
    ['/api/..x/.hidden/a..b', '/api/..x/.hidden/a..b'],
    ['/api/@:!$&()*+,=', '/api/@:!$&()*+,='],
  ])('returns the canonical spelling of the path %s', (path, canonical) => {
    expect(canonicalPath(path)).toBe(canonical)
  })

  it.each([
    ['an encoded slash', '/api/%2fadmin'],
    ['an encoded slash in upper case', '/api/..%2Fadmin'],
    ['an encoded backslash', '/api/..%5cadmin'],
    ['a backslash', '/api/..\\admin'],
    ['two slashes', '/api//admin'],
    ['two leading slashes', '//evil.example/api'],
    ['dot segments', '/api/../admin'],
    ['a dot segment', '/api/./admin'],
    ['a dot segment at the end', '/api/..'],
    ['encoded dot segments', '/api/%2e%2e/admin'],
    ['a dot segment encoded in part', '/api/.%2E/admin'],
    ['a dot segment with parameters', '/api/..;x=1/admin'],
    ['an encoded dot segment with parameters', '/api/%2e%2e;/admin'],
    ['a double encoding', '/api/%252e%252e/admin'],
    ['a double encoding of a letter', '/%2561pi'],
    ['a NUL', '/api/%00'],
    ['a line break', '/api/%0d%0aX:1'],
    ['a DEL', '/api/%7f'],
    ['a slash in overlong UTF-8', '/api/%c0%af'],
    ['an incomplete UTF-8 sequence', '/api/%C3'],
    ['an invalid encoding', '/api/%zz'],
    ['a lone % before encoded digits', '/x/%%32e%%32e/api'],
    ['a lone % before digits that would encode a letter', '/%%36%31pi/x'],
    ['a lone % at the end', '/api/100%'],
    ['parameters of an empty segment', '/api/;/admin'],
    ['parameters of an empty first segment', '/;/api'],
    ['an encoded semicolon', '/api%3bx/y'],
    ['a dot after a name', '/api./x'],
    ['a space after a name', '/api%20/x'],
    ['a space after dots', '/x/..%20/api'],
    ['a dot after a name, with parameters', '/api.;x/y'],
  ])('rejects a path with %s', (_what, path) => {
    expect(canonicalPath(path)).toBe(null)
  })
})

describe('gateway route', () => {
  const routes = [route('/api/orders'), route('/api'), route('/shop')]

  it.each([
    ['/api', '/api'],
    ['/api/', '/api'],
    ['/api/x', '/api'],
    ['/api/orders', '/api/orders'],
    ['/api/orders/1', '/api/orders'],
    ['/api/ordersx', '/api'],
    ['/api;v=1/orders;w=2/1', '/api/orders'],
  ])('selects the route with the longest prefix, by whole segments, for the path %s', (path, prefix) => {
    expect(routeOf(gatewayWith(routes), path)?.prefix).toBe(prefix)
  })

  it.each(['/', '/apix', '/ap', '/API', '/x/api'])('selects no route for the path %s', (path) => {
    expect(routeOf(gatewayWith(routes), path)).toBe(null)
  })

  it('selects the route "/" for every path except the paths of the service', () => {
    const all = [route('/api'), route('/')]
    expect(routeOf(gatewayWith(all), '/')?.prefix).toBe('/')
    expect(routeOf(gatewayWith(all), '/x/y')?.prefix).toBe('/')
    expect(routeOf(gatewayWith(all), '/api/y')?.prefix).toBe('/api')
    for (const path of [
      '/auth/x',
      '/auth;x/login',
      '/admin',
      '/oauth2/x',
      '/.well-known/x',
      '/healthz',
      '/errors/x',
      '/login',
      '/account/x',
      '/assets/x',
      '/docs/x',
      '/favicon.ico',
    ]) {
      expect(routeOf(gatewayWith(all), path)).toBe(null)
    }
  })

  it('selects the route "/" for the paths of the hosted pages if these are disabled', () => {
    const gateway = { ...emptyGateway(false), routes: [route('/')] }
    for (const path of ['/login', '/register', '/logout', '/account']) {
      expect(routeOf(gateway, path)?.prefix).toBe('/')
    }
    expect(routeOf(gateway, '/auth/login')).toBe(null)
  })

  it.each([
    ['/api', false, '/api/x/', '/', '/api/x/'],
    ['/api', true, '/api/x/', '/', '/x/'],
    ['/api', true, '/api', '/', '/'],
    ['/api/v1', true, '/api;a/v1;b/x;c', '/base/', '/base/x;c'],
    ['/', true, '/x', '/base', '/base/x'],
    ['/api', false, '/api', '/base', '/base/api'],
  ])(
    'maps by the prefix %s, stripped: %s, the path %s to an origin at %s as %s',
    (prefix, strip, path, basePath, expected) => {
      expect(pathAtOrigin(route(prefix, strip), path, basePath)).toBe(expected)
    },
  )

  it('serves a route without pages on every host', () => {
    const gateway = gatewayWith([route('/api')], { hosts: new Set(['app.example']) })
    for (const host of ['auth.example', 'app.example', 'other.example']) {
      expect(servedRoute(gateway, '/api/x', host)?.prefix).toBe('/api')
    }
  })

  it.each([
    ['app.example', false, true],
    ['auth.example', false, false],
    ['other.example', false, false],
    ['sub.app.example', false, false],
    ['app.example.', false, false],
    ['auth.example', true, true],
    ['other.example', true, true],
  ])(
    'serves a route with pages on the host %s, with pagesOnEveryHost %s: %s',
    (host, onEveryHost, served) => {
      const gateway = gatewayWith([{ ...route('/shop'), pages: true }, route('/')], {
        hosts: new Set(['app.example']),
        pagesOnEveryHost: onEveryHost,
      })
      // If the route is not served, no route with a shorter prefix replaces it.
      expect(servedRoute(gateway, '/shop/x', host)?.prefix).toBe(served ? '/shop' : undefined)
    },
  )
})
