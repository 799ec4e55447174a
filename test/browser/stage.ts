/** What a browser meets: the service as `npm run dev` runs it, an app on another port, and APIs that it calls. */
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server } from 'node:http'
import { freePort, Project } from '../dev/project.ts'
import { startRawOrigin } from '../support/raw-origin.ts'

/** Short, so that several pass while one looks on. */
export const ACCESS_TOKEN_SECONDS = 3

const APP = readFileSync(new URL('./app.html', import.meta.url), 'utf8')

export interface Stage {
  /** Of the service. */
  readonly url: string
  /** Of the app's page, same site. */
  readonly app: string
  /** Of the origin behind the gateway, by itself. */
  readonly origin: string
  /** Of an API that refuses every token as invalid. */
  readonly refusing: RefusingApi
  readonly stop: () => Promise<void>
}

export interface RefusingApi {
  readonly url: string
  /** How often it was called with a token. */
  readonly calls: () => number
}

/** @param provider whose stand-in asks for the challenges, in place of the built-in proof of work */
export async function setStage(provider?: 'turnstile' | 'hcaptcha'): Promise<Stage> {
  const port = await freePort()
  const url = `http://localhost:${port}`
  const standIn = `http://127.0.0.1:${port + 1}`
  const page = await listen((request, answer) => {
    answer.setHeader('Content-Type', 'text/html; charset=utf-8')
    answer.setHeader('Content-Security-Policy', appPolicy(url, standIn))
    if (request.url === '/bounce') answer.writeHead(302, { Location: elsewhere(page.url) })
    const app = APP.replaceAll('SERVICE', url).replaceAll('STAND_IN', standIn)
    answer.end(request.url?.startsWith('/?') ? app : '')
  })
  const refusing = await refuse(page.url)
  const project = new Project()
  const origin = await startRawOrigin()
  const route = { origin, audience: url, authorization: 'pass' }
  const settings = [
    `GATEWAY:${JSON.stringify({ '/api': route })}`,
    // Another site is no less an origin that may call.
    `CORS_ORIGINS:${page.url},${elsewhere(page.url)}`,
    `ACCESS_TOKEN_SECONDS:${ACCESS_TOKEN_SECONDS}`,
  ]
  const challenge = provider === undefined ? [] : ['--challenge', provider]
  const flags = [...settings.flatMap((setting) => ['--var', setting]), ...challenge]
  await project.dev(port, ...flags).says('Gatehouse serves')
  const stop = async () => {
    page.server.close()
    refusing.server.close()
    await project.stop()
    project.remove()
  }
  return { url, app: page.url, origin, refusing, stop }
}

/** The same app on another site. */
export function elsewhere(app: string): string {
  return app.replace('localhost', '127.0.0.1')
}

/** As strict as an app's own should be; docs/spa.md says which part is for what. */
function appPolicy(service: string, standIn: string): string {
  return [
    "default-src 'none'",
    `script-src 'self' 'nonce-test' ${service} ${standIn}`,
    `style-src 'self' ${service}`,
    `connect-src 'self' ${service} http://127.0.0.1:* http://localhost:* http://localhost.example.test:* ws://127.0.0.1:* ws://localhost:*`,
    'worker-src blob:',
    "img-src 'self' data:",
  ].join('; ')
}

async function refuse(app: string): Promise<RefusingApi & { readonly server: Server }> {
  let calls = 0
  const { url, server } = await listen((request, answer) => {
    answer.setHeader('Access-Control-Allow-Origin', app)
    answer.setHeader('Access-Control-Allow-Headers', 'Authorization')
    answer.setHeader('Access-Control-Expose-Headers', 'WWW-Authenticate')
    if (request.method === 'OPTIONS') return void answer.writeHead(204).end()
    if (request.headers.authorization !== undefined) calls += 1
    answer.writeHead(401, { 'WWW-Authenticate': 'Bearer realm="api", error="invalid_token"' }).end()
  })
  return { url, server, calls: () => calls }
}

async function listen(listener: RequestListener): Promise<{ readonly url: string; readonly server: Server }> {
  const server = createServer(listener)
  const port = await freePort()
  await new Promise<void>((resolve) => server.listen(port, resolve))
  return { url: `http://localhost:${port}`, server }
}
