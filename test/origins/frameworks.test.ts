/** The built package in real frameworks, over real HTTP, with the running service. */

import { createRequire } from 'node:module'
import { getRequestListener } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { createVerifier, type KeyStore, type Verifier, type VerifierOptions } from 'gatehouse-edge/verify'
import { requireBearer as forExpress } from 'gatehouse-edge/verify/express'
import { requireBearer as forFastify } from 'gatehouse-edge/verify/fastify'
import { requireBearer as forHono } from 'gatehouse-edge/verify/hono'
import { Hono } from 'hono'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Tokens } from '../support/responses.ts'
import { closeAll, listen } from './listening.ts'
import { Service } from './service.ts'

let service: Service
let person: Tokens
/** How far the clocks of the origins are ahead. */
let aheadMs = 0
let reads = 0
const keys = { text: null as string | null }
const keyStore: KeyStore = {
  get: async () => keys.text,
  put: async (text) => {
    keys.text = text
  },
}

const newVerifier = (options: Partial<VerifierOptions> = {}): Verifier =>
  createVerifier({
    issuer: service.url,
    audience: service.url,
    now: () => Date.now() + aheadMs,
    fetch: (url, init) => {
      reads += 1
      return fetch(url, init)
    },
    ...options,
  })

const REQUIRED = { scope: ['orders:write'], roles: ['editor'] }

/** Express 4 does not handle rejected promises of middleware. */
const express4 = createRequire(import.meta.url)('express-4') as typeof express

function serveWith(app: express.Express, verifier: Verifier): Promise<string> {
  app.get('/', forExpress(verifier), (request, response) => {
    response.send(request.auth.sub)
  })
  app.get('/orders', forExpress(verifier, REQUIRED), (request, response) => {
    response.send(request.auth.roles[0])
  })
  return listen(app)
}

/** Each origin serves the account id at /, and requires permissions at /orders. Each function returns the URL of its origin. */
const FRAMEWORKS: Readonly<Record<string, (verifier: Verifier) => Promise<string>>> = {
  'Express 5': (verifier) => serveWith(express(), verifier),
  'Express 4': (verifier) => serveWith(express4(), verifier),
  Fastify: async (verifier) => {
    const app = fastify()
    app.get('/', { onRequest: forFastify(verifier) }, async (request) => request.user.sub)
    app.get(
      '/orders',
      { onRequest: forFastify(verifier, REQUIRED) },
      async (request) => request.user.roles[0],
    )
    await app.ready()
    return listen(app.routing)
  },
  Hono: (verifier) => {
    const app = new Hono()
    app.get('/', forHono(verifier), (c) => c.text(c.get('jwtPayload').sub))
    app.get('/orders', forHono(verifier, REQUIRED), (c) => c.text(c.get('jwtPayload').roles[0] ?? ''))
    return listen(getRequestListener(app.fetch))
  },
}

const origins = new Map<string, string>()
const get = (framework: string, token: string | undefined, path = '/') =>
  fetch(origins.get(framework) + path, {
    headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
  })

beforeAll(async () => {
  service = await Service.start()
  person = await service.register('ada')
  for (const [name, serve] of Object.entries(FRAMEWORKS))
    origins.set(name, await serve(newVerifier({ keyStore })))
})
afterAll(async () => {
  closeAll()
  await service.stop()
  service.remove()
})

const each = Object.keys(FRAMEWORKS)

describe.each(Object.entries(FRAMEWORKS))('%s', (framework, serve) => {
  it('accepts a request with a token, and exposes the claims where the framework expects them', async () => {
    const response = await get(framework, person.access_token)
    expect([response.status, await response.text()]).toEqual([200, person.user.id])
  })

  it('reads the key set once for all concurrent first requests', async () => {
    reads = 0
    origins.set(framework, await serve(newVerifier()))
    const all = await Promise.all(Array.from({ length: 40 }, () => get(framework, person.access_token)))
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set([200]))
    expect(reads).toBe(1)
  })

  it.each([
    ['no token', undefined, 'Bearer realm="gatehouse"'],
    ['an invalid token', 'x', 'Bearer realm="gatehouse", error="invalid_token"'],
  ])('answers 401 with the challenge of RFC 6750 to a request with %s', async (_what, token, header) => {
    const response = await get(framework, token)
    expect([response.status, response.headers.get('WWW-Authenticate')]).toEqual([401, header])
    expect(response.headers.get('Content-Type')).toContain('application/problem+json')
    expect(await response.json()).toMatchObject({ status: 401 })
  })

  it('answers 401 to a token of another audience', async () => {
    const elsewhere = await serve(newVerifier({ audience: 'https://elsewhere.example' }))
    const headers = { Authorization: `Bearer ${person.access_token}` }
    expect((await fetch(elsewhere, { headers })).status).toBe(401)
  })

  it('answers 403 to a request without a required role or scope, and names the scope', async () => {
    const response = await get(framework, person.access_token, '/orders')
    expect([response.status, response.headers.get('WWW-Authenticate')]).toEqual([
      403,
      'Bearer realm="gatehouse", error="insufficient_scope", scope="orders:write"',
    ])
  })

  it('accepts a request with the required roles and scopes', async () => {
    const { user, refresh_token } = await service.register(`editor.${framework.replace(' ', '.')}`)
    const permissions = { roles: ['editor'], scopes: ['orders:read', 'orders:write'] }
    await service.admin('PATCH', `/admin/users/${user.id}`, permissions)
    const { access_token } = await service.post<Tokens>('/auth/refresh', { refresh_token })
    const response = await get(framework, access_token, '/orders')
    expect([response.status, await response.text()]).toEqual([200, 'editor'])
  })
})

describe.each([
  ['Express 5', express],
  ['Express 4', express4],
])('%s', (_name, make) => {
  it('keeps running if another middleware responds before the key set is reported as unavailable', async () => {
    const { promise: responded, resolve } = Promise.withResolvers<void>()
    const verifier = newVerifier({
      fetch: async () => {
        await responded
        throw new Error('down')
      },
    })
    const app = make()
    app.use((_request, response, next) => {
      response.once('finish', resolve)
      next()
      response.sendStatus(504)
    })
    app.get('/', forExpress(verifier))
    const url = await listen(app)
    const headers = { Authorization: `Bearer ${person.access_token}` }
    expect((await fetch(url, { headers })).status).toBe(504)
    await verifier.verify(person.access_token).catch(() => undefined)
    expect((await fetch(url, { headers })).status).toBe(504)
  })
})

describe('key rotation', () => {
  it('accepts tokens of the next key at once, and rejects those of a removed key once the key set is stale', async () => {
    await service.rotateAway(person.access_token)
    const next = await service.logIn('ada')
    reads = 0
    for (const framework of each) expect((await get(framework, next.access_token)).status).toBe(200)
    expect(reads).toBe(0)
    aheadMs += 300_000
    for (const framework of each) {
      expect((await get(framework, person.access_token)).status).toBe(401)
      expect((await get(framework, next.access_token)).status).toBe(200)
    }
    expect(reads).toBe(each.length)
  })

  it('reads the key set again for an unknown key id', async () => {
    await service.rotateAway((await service.logIn('ada')).access_token)
    await service.rotateAway((await service.logIn('ada')).access_token)
    person = await service.logIn('ada')
    aheadMs += 10_000
    for (const framework of each) expect((await get(framework, person.access_token)).status).toBe(200)
  })

  it('uses known keys during an outage, answers 503 without any, and starts from the key store', async () => {
    const warm = newVerifier({ keyStore })
    await warm.verify(person.access_token)
    await service.stop()
    aheadMs += 60_000
    for (const framework of each) expect((await get(framework, person.access_token)).status).toBe(200)
    for (const [name, serve] of Object.entries(FRAMEWORKS)) origins.set(name, await serve(newVerifier()))
    for (const framework of each) {
      const response = await get(framework, person.access_token)
      expect([response.status, response.headers.get('Retry-After')]).toEqual([503, '5'])
    }
    for (const [name, serve] of Object.entries(FRAMEWORKS))
      origins.set(name, await serve(newVerifier({ keyStore })))
    for (const framework of each) expect((await get(framework, person.access_token)).status).toBe(200)
  })
})
