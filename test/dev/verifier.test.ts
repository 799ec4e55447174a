/** Two Workers that wrangler runs together, one of which calls the other over a service binding. */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TokenResponse } from '../../src/client/wire.ts'
import { freePort, Project } from './project.ts'

const project = new Project()
const port = await freePort()
const url = `http://localhost:${port}`

/** A Worker that returns the result of the verifier at /orders, and passes /auth/ to the service. */
const OTHER = `
export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    if (pathname.startsWith('/auth/')) return env.GATEHOUSE.fetch(request)
    const session = pathname === '/orders/checked' ? 'check' : 'trust'
    const result = await env.VERIFIER.verify(request.headers.get('Authorization'), { session })
    return Response.json(result, { status: result.ok ? 200 : result.status })
  },
}
`
const OTHER_CONFIG = `
name = "orders"
main = "index.js"
compatibility_date = "2026-10-23"
[[services]]
binding = "VERIFIER"
service = "gatehouse"
entrypoint = "Verifier"
[[services]]
binding = "GATEHOUSE"
service = "gatehouse"
`

beforeAll(async () => {
  const first = await freePort()
  const setUp = project.dev(first)
  await setUp.says('Gatehouse serves')
  await setUp.stop()
  mkdirSync(project.path('orders'))
  writeFileSync(project.path('orders/index.js'), OTHER)
  writeFileSync(project.path('orders/wrangler.toml'), OTHER_CONFIG)
  appendFileSync(project.path('.dev.vars'), `PUBLIC_URL=${url}\n`)
  await project.wranglerDev(port, ['orders/wrangler.toml', 'wrangler.toml']).says('Ready on')
})
afterAll(async () => {
  await project.stop()
  project.remove()
})

const get = (path: string, bearer?: string) =>
  fetch(url + path, { headers: bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` } })

describe('a Worker with a service binding', () => {
  it('verifies tokens over its service binding and learns that a session has ended', async () => {
    const registered = await fetch(`${url}/auth/register`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ username: 'ada', password: 'correct horse battery staple' }),
    })
    const { access_token, user } = (await registered.json()) as TokenResponse
    const accepted = await get('/orders', access_token)
    expect([accepted.status, await accepted.json()]).toEqual([
      200,
      {
        ok: true,
        claims: expect.objectContaining({ sub: user.id, iss: url, aud: url, preferred_username: 'ada' }),
      },
    ])
    const refused = await get('/orders')
    expect([refused.status, await refused.json()]).toEqual([
      401,
      { ok: false, code: 'invalid_token', status: 401 },
    ])
    const headers = { Authorization: `Bearer ${access_token}` }
    expect((await fetch(`${url}/auth/logout`, { method: 'POST', headers })).status).toBe(204)
    expect((await get('/orders', access_token)).status).toBe(200)
    expect((await get('/orders/checked', access_token)).status).toBe(401)
  })
})
