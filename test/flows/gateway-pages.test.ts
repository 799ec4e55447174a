/** How the gateway keeps an origin from interfering with the hosted pages in a browser. */
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Env } from '../../src/config/env.ts'
import { type Fetch, newPerson, PUBLIC_URL, workerWith } from '../support/client.ts'
import { ORIGIN } from '../support/gateway.ts'

const APP = 'https://shop.example.test'

let bearer: string
beforeAll(async () => {
  bearer = (await newPerson()).access_token
})
beforeEach(() => {
  vi.spyOn(console, 'info').mockImplementation(() => undefined)
})
afterEach(() => {
  vi.restoreAllMocks()
})

const gateway = (changes: Partial<Env> = {}): Fetch =>
  workerWith({
    GATEWAY: {
      '/api': { origin: ORIGIN, audience: 'https://api.example' },
      '/shop': { origin: ORIGIN, audience: 'https://api.example', pages: true, required: false },
    },
    GATEWAY_HOSTS: 'other.example.test, shop.example.test',
    ...changes,
  })

const get = (url: string, fetch = gateway(), headers: Record<string, string> = {}) =>
  fetch(new Request(url, { headers: { Authorization: `Bearer ${bearer}`, ...headers }, redirect: 'manual' }))

const policies = (response: Response) => response.headers.get('Content-Security-Policy')

describe('an origin that serves no pages', () => {
  it.each(['/api/me', '/api/status-404', '/api/status-418', '/api/redirect', '/api/no-content', '/api/gzip'])(
    'sandboxes every document of an origin without pages: %s',
    async (path) => {
      for (const host of [PUBLIC_URL, APP, 'https://unknown.example.test']) {
        const response = await get(host + path)
        expect(policies(response)).toBe('sandbox')
        expect(response.headers.get('X-Content-Type-Options')).toBe('nosniff')
      }
    },
  )

  it('adds the sandbox to the policy of the origin', async () => {
    expect(policies(await get(`${PUBLIC_URL}/api/policy`))).toBe("default-src 'self', sandbox")
  })
})

describe('an origin that serves pages', () => {
  it('serves an origin with pages on GATEWAY_HOSTS, unchanged', async () => {
    for (const host of [APP, 'https://other.example.test', 'https://SHOP.example.test:8443', `${APP}.`]) {
      const response = await get(`${host}/shop/policy`)
      expect([response.status, policies(response)]).toEqual([200, "default-src 'self'"])
    }
  })

  it('forwards the host of GATEWAY_HOSTS that was requested to the origin', async () => {
    const text = await (await get(`${APP}/shop/me`)).text()
    expect(text).toMatch(/^forwarded: for=unknown;host="shop\.example\.test";proto=https\r$/im)
    expect(text).toMatch(/^x-forwarded-host: shop\.example\.test\r$/im)
  })

  it('answers 404 to an origin with pages on the host of the hosted pages and on any other host', async () => {
    for (const host of [PUBLIC_URL, 'https://unknown.example.test', 'https://a.shop.example.test']) {
      const response = await get(`${host}/shop/policy`)
      expect(response.status).toBe(404)
      expect(await response.json()).toMatchObject({ code: 'not_found' })
    }
  })

  it('serves an origin with pages on every host while hosted pages are disabled', async () => {
    for (const changes of [{}, { GATEWAY_HOSTS: '' }]) {
      const fetch = gateway({ PAGES: { enabled: false }, ...changes })
      for (const host of [PUBLIC_URL, APP]) expect((await get(`${host}/shop/policy`, fetch)).status).toBe(200)
    }
  })
})

describe('a header that a browser applies to a whole host', () => {
  it.each([
    'NEL',
    'Report-To',
    'Alt-Svc',
    'Strict-Transport-Security',
    'Accept-CH',
    'Set-Login',
    'Secure-Session-Registration',
    'Use-As-Dictionary',
  ])(
    'drops the header %s of an origin on the host of the hosted pages, but not on GATEWAY_HOSTS',
    async (name) => {
      const [onPagesHost, onGatewayHost] = [
        await get(`${PUBLIC_URL}/api/hostile`),
        await get(`${APP}/api/hostile`),
      ]
      expect(onPagesHost.headers.get(name)).toBe(null)
      expect(onGatewayHost.headers.get(name)).not.toBe(null)
    },
  )
})

describe('a service worker', () => {
  it.each(['/api/me', '/shop/policy'])(
    'serves no service worker of an origin on the host of the hosted pages: %s',
    async (path) => {
      const script = { 'Service-Worker': 'script' }
      for (const fetch of [gateway(), gateway({ PAGES: { enabled: false } })]) {
        expect((await get(PUBLIC_URL + path, fetch, script)).status).toBe(404)
        expect((await get(APP + path, fetch, script)).status).toBe(200)
      }
    },
  )
})

describe('a host of GATEWAY_HOSTS', () => {
  it('answers 404 to the front page on GATEWAY_HOSTS', async () => {
    expect((await get(`${APP}/`)).status).toBe(404)
  })

  it.each([
    '/login',
    '/login/continue',
    '/%6cogin',
    '/register',
    '/logout',
    '/account',
    '/account/x',
    '/language',
    '/auth/pages/login',
    '/auth/pages/account/password',
    '/console',
    '/oauth2/authorize',
    '/oauth2/logout',
  ])('answers 404 to the hosted page %s on GATEWAY_HOSTS', async (path) => {
    for (const [method, host] of [
      ['GET', APP],
      ['HEAD', APP],
      ['POST', APP],
      ['GET', `${APP}.`],
    ] as const) {
      const response = await gateway()(new Request(host + path, { method, redirect: 'manual' }))
      expect(response.status).toBe(404)
    }
  })

  it('serves the API on GATEWAY_HOSTS', async () => {
    expect((await get(`${APP}/auth/me`)).status).toBe(200)
    expect((await get(`${APP}/.well-known/jwks.json`)).status).toBe(200)
  })

  it('serves the front page of an origin on GATEWAY_HOSTS, and redirects to the account page elsewhere', async () => {
    const fetch = gateway({
      GATEWAY: { '/': { origin: ORIGIN, audience: 'https://api.example', pages: true, required: false } },
    })
    expect((await get(`${APP}/`, fetch)).status).toBe(200)
    const home = await get(`${PUBLIC_URL}/`, fetch)
    expect([home.status, home.headers.get('Location')]).toEqual([303, '/account'])
    expect((await get(`${PUBLIC_URL}/other`, fetch)).status).toBe(404)
  })
})
