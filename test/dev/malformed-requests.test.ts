/**
 * Requests that no HTTP library sends, to the Worker in the runtime alone: the server of `wrangler dev`, which is in front of
 * the Worker otherwise, rejects some of them itself.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startRawOrigin } from '../support/raw-origin.ts'
import { freePort } from './project.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'gatehouse-malformed-'))
const ports = { production: await freePort(), development: await freePort(), misconfigured: await freePort() }
type Deployment = keyof typeof ports
const DEPLOYMENTS = Object.keys(ports) as Deployment[]
const SECRET = 'a secret of the tests, long enough for production'
let runtime: ChildProcess

/** What an origin that never responds received. */
let uploaded = ''
const uploads = createServer((socket) => {
  socket.on('error', () => undefined)
  socket.on('data', (chunk) => {
    uploaded += chunk
  })
})

beforeAll(async () => {
  const uploadPort = await freePort()
  await new Promise<void>((resolve) => uploads.listen(uploadPort, '127.0.0.1', resolve))
  const GATEWAY = JSON.stringify({
    '/api': { origin: await startRawOrigin(), required: false },
    '/uploads': { origin: `http://127.0.0.1:${uploadPort}`, required: false },
  })
  const production = { PUBLIC_URL: 'https://auth.example.test', AUTH_SECRET: SECRET, GATEWAY }
  const settings: Readonly<Record<Deployment, Readonly<Record<string, string>>>> = {
    production,
    development: {
      ...production,
      ENVIRONMENT: 'development',
      PUBLIC_URL: `http://localhost:${ports.development}`,
    },
    misconfigured: { ...production, AUTH_SECRET: 'short' },
  }
  await build({
    entryPoints: [join(ROOT, 'src/index.ts')],
    outfile: join(folder, 'worker.js'),
    bundle: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:*'],
    jsx: 'automatic',
    jsxImportSource: 'hono/jsx',
    loader: { '.txt': 'text' },
  })
  writeFileSync(join(folder, 'config.capnp'), toConfig(settings))
  runtime = spawn(join(ROOT, 'node_modules/.bin/workerd'), ['serve', 'config.capnp'], { cwd: folder })
  await Promise.all(Object.values(ports).map(untilItListens))
})
afterAll(() => {
  runtime.kill()
  uploads.close()
  rmSync(folder, { recursive: true, force: true })
})

function toConfig(settings: Readonly<Record<Deployment, Readonly<Record<string, string>>>>): string {
  const services = DEPLOYMENTS.map((name) => {
    const bindings = Object.entries(settings[name]).map(
      ([variable, value]) => `(name = "${variable}", text = ${JSON.stringify(value)})`,
    )
    return `(name = "${name}", worker = (
      modules = [(name = "worker", esModule = embed "worker.js")], compatibilityDate = "2026-10-23",
      bindings = [${bindings.join(', ')}], globalOutbound = "loopback"))`
  })
  const sockets = DEPLOYMENTS.map(
    (name) => `(name = "${name}", address = "127.0.0.1:${ports[name]}", http = (), service = "${name}")`,
  )
  return `using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      services = [${services.join(', ')}, (name = "loopback", network = (allow = ["private"]))],
      sockets = [${sockets.join(', ')}]);`
}

async function untilItListens(port: number): Promise<void> {
  for (;;) {
    const isListening = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false))
      socket.once('connect', () => socket.destroy())
    })
    if (isListening) return
    if (runtime.exitCode !== null) throw new Error(`the runtime ended with ${runtime.exitCode}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

interface RawResponse {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** @param end whether to end the connection after the text */
function send(deployment: Deployment, text: string, end = false): Promise<RawResponse> {
  const socket = connect(ports[deployment], '127.0.0.1')
  socket.write(text)
  if (end) socket.end()
  return new Promise((resolve, reject) => {
    let received = ''
    socket.on('data', (chunk) => {
      received += chunk
    })
    socket.once('error', reject)
    socket.once('close', () => {
      const [head = '', ...rest] = received.split('\r\n\r\n')
      resolve({ status: Number(head.split(' ')[1]), head, body: rest.join('\r\n\r\n') })
    })
  })
}

const get = (host: string, path = '/openapi.json') =>
  `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`

const HEADERS = ['Host: localhost', 'Connection: close', 'Origin: https://auth.example.test']
const withBody = (method: string, path: string, headers: readonly string[], body: string) =>
  [`${method} ${path} HTTP/1.1`, ...HEADERS, ...headers, '', body].join('\r\n')

function expectMalformed({ status, head, body }: RawResponse): void {
  expect(status).toBe(400)
  expect(head).toMatch(/^X-Request-Id: [\w-]+\r?$/m)
  expect(head).toMatch(/^Content-Type: application\/problem\+json\r?$/m)
  expect(JSON.parse(body)).toMatchObject({ status: 400, code: 'malformed_request' })
}

describe.each(DEPLOYMENTS)('a malformed Host in a deployment for %s', (deployment) => {
  it.each([
    'localhost:99999',
    'localhost:-1',
    'localhost:http',
    'localhost:80:80',
    'a b',
    'a,b',
    'localhost, localhost',
    ':80',
    'a..b',
    '.localhost',
    '1.2.3.999',
    '[::1',
    '[::g]',
    '::1',
    '%zz',
    '%6cocalhost',
    'user@localhost',
    'localhost/auth',
    'localhost?x',
    'localhost#x',
    'localhost\\x',
    'a<b',
    'http://localhost',
    'lo\u00e9calhost',
    `${'x.'.repeat(130)}localhost`,
  ])('rejects a malformed Host: %s', async (host) => {
    expectMalformed(await send(deployment, get(host)))
  })

  it('rejects two Host headers, and a malformed one at any path', async () => {
    expectMalformed(await send(deployment, get('localhost\r\nHost: localhost')))
    expectMalformed(await send(deployment, get('a b', '/nowhere')))
    expectMalformed(await send(deployment, get('a b', '/api/x')))
  })
})

it.each([
  'localhost',
  'localhost:80',
  'localhost:',
  'LOCALHOST.',
  '127.0.0.1:65535',
  '[::1]:80',
  'a_b.localhost',
])('accepts a valid Host: %s', async (host) => {
  expect((await send('production', get(host))).status).toBe(200)
})

const BROKEN: readonly (readonly [string, readonly string[], string])[] = [
  ['a malformed chunk length', ['Transfer-Encoding: chunked'], 'zz\r\nhello\r\n0\r\n\r\n'],
  ['a chunk longer than its length', ['Transfer-Encoding: chunked'], '5\r\nhelloX\r\n0\r\n\r\n'],
  ['a negative chunk length', ['Transfer-Encoding: chunked'], '-5\r\nhello\r\n0\r\n\r\n'],
  ['an incomplete chunk', ['Transfer-Encoding: chunked'], '5\r\nhel'],
  ['no last chunk', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n'],
  ['fewer bytes than Content-Length', ['Content-Length: 10'], 'hello'],
]

describe.each(BROKEN)('a body with %s', (what, headers, body) => {
  const request = (path: string, type: string) =>
    withBody('POST', path, [...headers, `Content-Type: ${type}`], body)

  it.each(['/auth/login', '/auth/refresh', '/api/x'])(`rejects a body with ${what} at %s`, async (path) => {
    expectMalformed(await send('production', request(path, 'application/json'), true))
  })

  it(`never completes a body with ${what} at an origin`, async () => {
    uploaded = ''
    expectMalformed(await send('production', request('/uploads/x', 'text/plain'), true))
    expect(uploaded).not.toMatch(/\r\n0\r\n\r\n$/)
    expect(uploaded).not.toMatch(/content-length: 5\r\n/i)
  })

  it(`rejects a body with ${what} at /oauth2 with the error code of RFC 6749`, async () => {
    const form = request('/oauth2/introspect', 'application/x-www-form-urlencoded')
    const response = await send('production', form, true)
    expect([response.status, JSON.parse(response.body).error]).toEqual([400, 'invalid_request'])
  })

  it(`rejects a form of the pages with ${what}`, async () => {
    const response = await send('production', request('/login', 'application/x-www-form-urlencoded'), true)
    expect(response.status).toBe(400)
    expect(response.body).toContain('<code>malformed_request</code>')
  })
})

it.each(['9007199254740992', '9223372036854775807'])(
  'rejects a Content-Length that is too large for any body: %s',
  async (length) => {
    const headers = [`Content-Length: ${length}`]
    expectMalformed(await send('production', withBody('POST', '/api/x', headers, 'hello'), true))
  },
)

describe('a complete body', () => {
  it.each([
    ['in chunks', ['Transfer-Encoding: chunked'], '3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n'],
    ['of a stated length', ['Content-Length: 5'], 'hello'],
  ])('forwards a body to the origin unchanged: %s', async (_how, headers, body) => {
    const response = await send('production', withBody('POST', '/api/x', headers, body))
    expect(response.status).toBe(200)
    expect(response.body).toContain(headers[0])
    expect(response.body).toMatch(/\r\n\r\n(5\r\n)?hello|\r\n\r\n3\r\nhel\r\n2\r\nlo/)
  })

  it.each([
    ['in chunks', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'],
    ['of a stated length', ['Content-Length: 5'], 'hello'],
    ['of no length', ['Content-Length: 0'], ''],
  ])(
    'answers 502, not 400, if the origin closes the connection during a request with a body %s',
    async (_how, headers, body) => {
      const { status } = await send('production', withBody('POST', '/api/hangs-up', headers, body))
      expect(status).toBe(502)
    },
  )
})

describe.each(['GET', 'HEAD'])('a %s below a gateway prefix', (method) => {
  it.each([
    ['of a stated length', ['Content-Length: 5'], 'hello'],
    ['in chunks', ['Transfer-Encoding: chunked'], '5\r\nhello\r\n0\r\n\r\n'],
  ])(`rejects ${method} with a body %s below a gateway prefix`, async (_how, headers, body) => {
    const response = await send('production', withBody(method, '/api/x', headers, body))
    if (method === 'GET') expectMalformed(response)
    else expect(response.status).toBe(400)
  })

  it.each([
    ['no length', []],
    ['a length of 0', ['Content-Length: 0']],
  ])(`forwards ${method} with %s below a gateway prefix`, async (_how, headers) => {
    const response = await send('production', withBody(method, '/api/no-content', headers, ''))
    expect(response.status).toBe(204)
  })
})

describe('a header of the maximum length', () => {
  it('rejects an Authorization header of the maximum length with any bytes', async () => {
    const authorization = `Authorization: Bearer${' '.repeat(60_000)}\u2028`
    for (const path of ['/auth/me', '/auth/verify', '/admin/limits', '/api/x']) {
      const response = await send('production', withBody('GET', path, [authorization], ''))
      expect(response.status).toBe(401)
      expect(response.head).toContain('error="invalid_token"')
    }
  })
})
