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
})

describe('a path', () => {
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
  ])('is taken in the one spelling that everybody reads alike: %s', (path, plain) => {
    expect(canonicalPath(path)).toBe(plain)
  })

  it.each([
    ['an encoded slash', '/api/%2fadmin'],
    ['an encoded slash, in capitals', '/api/..%2Fadmin'],
    ['an encoded backslash', '/api/..%5cadmin'],
    ['a backslash', '/api/..\\admin'],
    ['two slashes', '/api//admin'],
    ['two slashes first', '//evil.example/api'],
    ['dot segments', '/api/../admin'],
    ['a dot segment', '/api/./admin'],
    ['a dot segment last', '/api/..'],
    ['encoded dot segments', '/api/%2e%2e/admin'],
    ['a dot segment encoded in part', '/api/.%2E/admin'],
    ['a dot segment with parameters', '/api/..;x=1/admin'],
    ['an encoded dot segment with parameters', '/api/%2e%2e;/admin'],
    ['an encoding of an encoding', '/api/%252e%252e/admin'],
    ['an encoded letter, encoded', '/%2561pi'],
    ['a NUL', '/api/%00'],
    ['a line break', '/api/%0d%0aX:1'],
    ['a DEL', '/api/%7f'],
    ['a slash in overlong UTF-8', '/api/%c0%af'],
    ['half a character', '/api/%C3'],
    ['no encoding at all', '/api/%zz'],
    ['a lone % before an encoded digit', '/x/%%32e%%32e/api'],
    ['a lone % that would encode a letter', '/%%36%31pi/x'],
    ['a lone % last', '/api/100%'],
    ['parameters of no segment', '/api/;/admin'],
    ['parameters of no segment first', '/;/api'],
    ['an encoded semicolon', '/api%3bx/y'],
    ['a dot behind a name', '/api./x'],
    ['a space behind a name', '/api%20/x'],
    ['a space behind dots', '/x/..%20/api'],
    ['a dot behind a name, with parameters', '/api.;x/y'],
  ])('is taken by nobody with %s', (_what, path) => {
    expect(canonicalPath(path)).toBe(null)
  })
})

describe('a route', () => {
  const routes = [route('/api/orders'), route('/api'), route('/shop')]

  it.each([
    ['/api', '/api'],
    ['/api/', '/api'],
    ['/api/x', '/api'],
    ['/api/orders', '/api/orders'],
    ['/api/orders/1', '/api/orders'],
    ['/api/ordersx', '/api'],
    ['/api;v=1/orders;w=2/1', '/api/orders'],
  ])('is the longest whose segments the path begins with: %s', (path, prefix) => {
    expect(routeOf(gatewayWith(routes), path)?.prefix).toBe(prefix)
  })

  it.each(['/', '/apix', '/ap', '/API', '/x/api'])('is none for %s', (path) => {
    expect(routeOf(gatewayWith(routes), path)).toBe(null)
  })

  it('of everything leads from everything but the paths of the service itself', () => {
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

  it('of everything leads from where the hosted pages would be, while there are none', () => {
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
  ])('%s, stripped: %s, makes of %s below %s the path %s', (prefix, strip, path, basePath, expected) => {
    expect(pathAtOrigin(route(prefix, strip), path, basePath)).toBe(expected)
  })

  it('is served on every host where its origin serves no pages', () => {
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
  ])('with pages is served on %s while they may be everywhere: %s, is %s', (host, everywhere, served) => {
    const gateway = gatewayWith([{ ...route('/shop'), pages: true }, route('/')], {
      hosts: new Set(['app.example']),
      pagesOnEveryHost: everywhere,
    })
    // Where it is not served no shorter prefix takes its place.
    expect(servedRoute(gateway, '/shop/x', host)?.prefix).toBe(served ? '/shop' : undefined)
  })
})
