/** What an origin behind the gateway can do beside the hosted pages in a browser. */
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

const policies = (answer: Response) => answer.headers.get('Content-Security-Policy')

describe('an origin that serves no pages', () => {
  it.each(['/api/me', '/api/status-404', '/api/status-418', '/api/redirect', '/api/no-content', '/api/gzip'])(
    'has each of its documents sandboxed: %s',
    async (path) => {
      for (const host of [PUBLIC_URL, APP, 'https://unknown.example.test']) {
        const answer = await get(host + path)
        expect(policies(answer)).toBe('sandbox')
        expect(answer.headers.get('X-Content-Type-Options')).toBe('nosniff')
      }
    },
  )

  it('keeps its own policy beside the sandbox', async () => {
    expect(policies(await get(`${PUBLIC_URL}/api/policy`))).toBe("default-src 'self', sandbox")
  })
})

describe('an origin that serves pages', () => {
  it('is served on the hosts for it, as it is', async () => {
    for (const host of [APP, 'https://other.example.test', 'https://SHOP.example.test:8443', `${APP}.`]) {
      const answer = await get(`${host}/shop/policy`)
      expect([answer.status, policies(answer)]).toEqual([200, "default-src 'self'"])
    }
  })

  it('learns under which of them it was reached', async () => {
    const text = await (await get(`${APP}/shop/me`)).text()
    expect(text).toMatch(/^forwarded: for=unknown;host="shop\.example\.test";proto=https\r$/im)
    expect(text).toMatch(/^x-forwarded-host: shop\.example\.test\r$/im)
  })

  it('is not found on the host of the hosted pages, nor on any other', async () => {
    for (const host of [PUBLIC_URL, 'https://unknown.example.test', 'https://a.shop.example.test']) {
      const answer = await get(`${host}/shop/policy`)
      expect(answer.status).toBe(404)
      expect(await answer.json()).toMatchObject({ code: 'not_found' })
    }
  })

  it('is served everywhere while hosted pages are off', async () => {
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
    'comes from no origin on the host of the hosted pages, and from one on a host for origins: %s',
    async (name) => {
      const [beside, apart] = [await get(`${PUBLIC_URL}/api/hostile`), await get(`${APP}/api/hostile`)]
      expect(beside.headers.get(name)).toBe(null)
      expect(apart.headers.get(name)).not.toBe(null)
    },
  )
})

describe('a service worker', () => {
  it.each(['/api/me', '/shop/policy'])(
    'is never fetched from an origin for the host of the pages: %s',
    async (path) => {
      const script = { 'Service-Worker': 'script' }
      for (const fetch of [gateway(), gateway({ PAGES: { enabled: false } })]) {
        expect((await get(PUBLIC_URL + path, fetch, script)).status).toBe(404)
        expect((await get(APP + path, fetch, script)).status).toBe(200)
      }
    },
  )
})

describe('a host of the gateway', () => {
  it('has no front page of the service', async () => {
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
    '/auth/pages/login',
    '/auth/pages/account/password',
    '/console',
    '/oauth2/authorize',
    '/oauth2/logout',
  ])('has no hosted page: %s', async (path) => {
    for (const [method, host] of [
      ['GET', APP],
      ['HEAD', APP],
      ['POST', APP],
      ['GET', `${APP}.`],
    ] as const) {
      const answer = await gateway()(new Request(host + path, { method, redirect: 'manual' }))
      expect(answer.status).toBe(404)
    }
  })

  it('has the API', async () => {
    expect((await get(`${APP}/auth/me`)).status).toBe(200)
    expect((await get(`${APP}/.well-known/jwks.json`)).status).toBe(200)
  })

  it("leaves the front page to an origin there, and the account's elsewhere", async () => {
    const fetch = gateway({
      GATEWAY: { '/': { origin: ORIGIN, audience: 'https://api.example', pages: true, required: false } },
    })
    expect((await get(`${APP}/`, fetch)).status).toBe(200)
    const home = await get(`${PUBLIC_URL}/`, fetch)
    expect([home.status, home.headers.get('Location')]).toEqual([303, '/account'])
    expect((await get(`${PUBLIC_URL}/other`, fetch)).status).toBe(404)
  })
})
