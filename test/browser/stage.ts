/** The servers of the tests: the service as `npm run dev` runs it, an app on another port, and APIs that it calls. */
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { freePort, Project } from '../dev/project.ts'
import { startRawOrigin } from '../support/raw-origin.ts'

/** Short, so that several pass during a test. */
export const ACCESS_TOKEN_SECONDS = 3

const APP = readFileSync(new URL('./app.html', import.meta.url), 'utf8')

/** The addresses of the servers. */
export interface Stage {
  /** Of the service. */
  readonly url: string
  readonly adminToken: string
  /** Of the app's page, same site. */
  readonly app: string
  /** Of the origin behind the gateway, by itself. */
  readonly origin: string
  /** Of an API that refuses every token as invalid. */
  readonly refusing: string
}

interface StartedStage {
  readonly stage: Stage
  readonly stop: () => Promise<void>
}

/** @param provider whose fake issues the challenges, in place of the built-in proof of work */
export async function startStage(provider?: 'turnstile' | 'hcaptcha'): Promise<StartedStage> {
  const port = await freePort(2)
  const url = `http://localhost:${port}`
  const fakeProvider = `http://127.0.0.1:${port + 1}`
  const page = await listen((request, response) => {
    response.setHeader('Content-Type', 'text/html; charset=utf-8')
    response.setHeader('Content-Security-Policy', appPolicy(url, fakeProvider))
    if (request.url === '/bounce') response.writeHead(302, { Location: elsewhere(page.url) })
    const app = APP.replaceAll('SERVICE', url).replaceAll('FAKE_PROVIDER', fakeProvider)
    response.end(request.url?.startsWith('/?') ? app : '')
  })
  const refusing = await refuse(page.url)
  const project = new Project()
  const origin = await startRawOrigin()
  const route = { origin, audience: url, authorization: 'pass' }
  const settings = [
    `GATEWAY:${JSON.stringify({ '/api': route })}`,
    // An app on another site may call as well.
    `CORS_ORIGINS:${page.url},${elsewhere(page.url)}`,
    `ACCESS_TOKEN_SECONDS:${ACCESS_TOKEN_SECONDS}`,
  ]
  const challenge = provider === undefined ? [] : ['--challenge', provider]
  const flags = [...settings.flatMap((setting) => ['--var', setting]), ...challenge]
  await project.dev(port, ...flags).says('Gatehouse serves')
  const adminToken = /^ADMIN_TOKEN=(.+)$/m.exec(readFileSync(project.path('.dev.vars'), 'utf8'))?.[1] ?? ''
  const stop = async () => {
    page.server.close()
    refusing.server.close()
    await project.stop()
    project.remove()
  }
  return { stage: { url, adminToken, app: page.url, origin, refusing: refusing.url }, stop }
}

/** The same app on another site. */
export function elsewhere(app: string): string {
  return app.replace('localhost', '127.0.0.1')
}

/** As strict as the policy of an app should be. docs/spa.md explains each part. */
function appPolicy(service: string, fakeProvider: string): string {
  return [
    "default-src 'none'",
    `script-src 'self' 'nonce-test' ${service} ${fakeProvider}`,
    `style-src 'self' ${service}`,
    `connect-src 'self' ${service} http://127.0.0.1:* http://localhost:* http://localhost.example.test:* ws://127.0.0.1:* ws://localhost:*`,
    'worker-src blob:',
    "img-src 'self' data:",
  ].join('; ')
}

const CALLS_PATH = '/calls'

/** @returns how many calls with a token the API has refused */
export async function refusedCalls({ refusing }: Stage): Promise<number> {
  return Number(await (await fetch(refusing + CALLS_PATH)).text())
}

function refuse(app: string): Promise<Listening> {
  let calls = 0
  return listen((request, response) => {
    if (request.url === CALLS_PATH) return void response.end(String(calls))
    response.setHeader('Access-Control-Allow-Origin', app)
    response.setHeader('Access-Control-Allow-Headers', 'Authorization')
    response.setHeader('Access-Control-Expose-Headers', 'WWW-Authenticate')
    if (request.method === 'OPTIONS') return void response.writeHead(204).end()
    if (request.headers.authorization !== undefined) calls += 1
    response.writeHead(401, { 'WWW-Authenticate': 'Bearer realm="api", error="invalid_token"' }).end()
  })
}

interface Listening {
  readonly url: string
  readonly server: Server
}

async function listen(listener: RequestListener): Promise<Listening> {
  const server = createServer(listener)
  const port = await freePort()
  await new Promise<void>((resolve) => server.listen(port, resolve))
  return { url: `http://localhost:${port}`, server }
}
