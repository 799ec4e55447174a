/** Which requests at a route of the gateway have a log line. */
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { type Call, call, newPerson } from '../support/client.ts'
import { ORIGIN, workerWithGateway } from '../support/gateway.ts'
import { captureLog, clearLog, lines, requests } from '../support/log.ts'
import type { Tokens } from '../support/responses.ts'

captureLog()
let person: Tokens
beforeAll(async () => {
  person = await newPerson()
})

const through = (path: string, route: object, request: Call = {}, method = 'GET') =>
  call(method, path, { bearer: person.access_token, ...request }, workerWithGateway(route))

/** The origin's timeout is 30 s. */
function shortenOriginTimeout(): void {
  const set = globalThis.setTimeout.bind(globalThis)
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(((work: () => void, ms: number) =>
    set(work, ms === 30_000 ? 500 : ms)) as typeof setTimeout)
}

const SUCCESSES = [
  ['/api/no-content', 204],
  ['/api/redirect', 302],
  ['/api/echo', 200],
] as const

describe('a route of the gateway with log = "failures"', () => {
  const quiet = { log: 'failures' }

  it.each(SUCCESSES)('writes no line for a request that succeeds: %s', async (path, status) => {
    const response = await through(path, quiet)
    expect(response.status).toBe(status)
    expect(response.headers.get('X-Request-Id')).not.toBeNull()
    expect(lines).toEqual([])
  })

  it('writes no line for a WebSocket that opens', async () => {
    const { status, webSocket } = await through('/api/websocket', quiet, {
      headers: { Upgrade: 'websocket' },
    })
    webSocket?.accept()
    webSocket?.close()
    expect(status).toBe(101)
    expect(lines).toEqual([])
  })

  it.each([401, 404, 418, 500])(
    'writes the line of an error that the origin responds: %s',
    async (status) => {
      expect((await through(`/api/status-${status}`, quiet)).status).toBe(status)
      expect(requests()).toMatchObject([{ route: '/api/*', status, account_id: person.user.id }])
    },
  )

  it.each([
    ['an origin that hangs up', '/api/hangs-up', 502, 'bad_gateway'],
    ['an origin that responds too late', '/api/silent', 504, 'gateway_timeout'],
  ])('writes the line of a request to %s', async (_what, path, status, code) => {
    shortenOriginTimeout()
    expect((await through(path, quiet)).status).toBe(status)
    expect(requests()).toMatchObject([{ route: '/api/*', status, code }])
  })

  it.each([
    ['without a token', 401, 'invalid_token', {}, { bearer: '' }, 'GET'],
    ['without a required role', 403, 'insufficient_scope', { roles: 'editor' }, {}, 'GET'],
    ['with the method TRACE', 405, 'method_not_allowed', {}, {}, 'TRACE'],
    ['for a service worker', 404, 'not_found', {}, { headers: { 'Service-Worker': 'script' } }, 'GET'],
  ])(
    'writes the line of a request that the gateway refuses: %s',
    async (_what, status, code, route, request, method) => {
      expect((await through('/api/echo', { ...quiet, ...route }, request, method)).status).toBe(status)
      expect(requests()).toMatchObject([{ route: '/api/*', method, status, code }])
    },
  )

  it('writes no line at that route only', async () => {
    const routes = { '/api': { origin: ORIGIN, ...quiet }, '/other': { origin: ORIGIN } }
    const fetch = workerWithGateway({}, { GATEWAY: routes })
    for (const path of ['/api/echo', '/other/echo', '/healthz'])
      await call('GET', path, { bearer: person.access_token }, fetch)
    expect(requests().map(({ route }) => route)).toEqual(['/other/*', '/healthz'])
  })
})

describe('a route of the gateway', () => {
  it('writes the line of every request by default, and with log = "all"', async () => {
    for (const route of [{}, { log: 'all' }]) {
      clearLog()
      for (const [path] of SUCCESSES) await through(path, route)
      expect(requests().map(({ status }) => status)).toEqual(SUCCESSES.map(([, status]) => status))
    }
  })
})
