/**
 * `npm run example:spa [-- --port N --var NAME:VALUE]`: runs the service on port N, a single-page app on N + 3 and an origin
 * behind the gateway on N + 4, until it is stopped. N + 1 is left free for a fake challenge provider.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { serveApp } from './app-server.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const HOST = '127.0.0.1'
const USAGE = 'Usage:  npm run example:spa [-- --port N --var NAME:VALUE]'
/** The origin's port is four higher. */
const MAX_PORT = 65_531
const PORT_DISTANCE = 10
const PARENT_CHECK_MS = 500
const HEALTH_CHECK_MS = 200
/** Short, so that the renewal of tokens can be watched. */
const ACCESS_TOKEN_SECONDS = 60

const { port, variables } = readArguments()
const serviceUrl = `http://localhost:${port}`
const appUrl = `http://localhost:${port + 3}`
const originUrl = `http://${HOST}:${port + 4}`

await requireFreePort()
await listen(port + 3, serveApp(serviceUrl))
startService()
await waitForService()
// Import it only now: starting the service builds gatehouse-edge/verify, which the origin imports.
const { serveOrigin } = await import('./origin.ts')
await listen(port + 4, serveOrigin({ issuer: serviceUrl, audience: originUrl }))
console.log(`\nThe example app is at ${appUrl}\n`)

function readArguments(): { readonly port: number; readonly variables: readonly string[] } {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string', default: '8787' },
        var: { type: 'string', multiple: true, default: [] },
      },
    })
    if (!/^[1-9]\d{0,4}$/.test(values.port) || Number(values.port) > MAX_PORT) return fail(USAGE)
    return { port: Number(values.port), variables: values.var }
  } catch {
    return fail(USAGE)
  }
}

/** The variables of `--var` come last, so they override the others. */
function startService(): void {
  const options = [
    `CORS_ORIGINS:${appUrl}`,
    `GATEWAY:${JSON.stringify({ '/api': { origin: originUrl, strip_prefix: true } })}`,
    `ACCESS_TOKEN_SECONDS:${ACCESS_TOKEN_SECONDS}`,
    ...variables,
  ].flatMap((variable) => ['--var', variable])
  const child = spawn(process.execPath, ['scripts/dev.ts', '--port', `${port}`, ...options], {
    cwd: ROOT,
    stdio: 'inherit',
  })
  child.on('exit', (code) => process.exit(code ?? 0))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  // If only npm is killed, the service must stop as well.
  const parent = process.ppid
  setInterval(() => process.ppid === parent || child.kill(), PARENT_CHECK_MS).unref()
}

async function waitForService(): Promise<void> {
  while ((await fetch(`http://${HOST}:${port}/healthz`).catch(() => null)) === null) {
    await new Promise((resolve) => setTimeout(resolve, HEALTH_CHECK_MS))
  }
}

/** A service that runs already has neither the origin of the app in CORS_ORIGINS nor the route of the gateway. */
async function requireFreePort(): Promise<void> {
  const probe = createServer().listen(port, HOST)
  await once(probe, 'listening').catch(() =>
    fail(
      `Port ${port} is in use. Beside a service that runs there, use:  npm run example:spa -- --port ${otherPort()}`,
    ),
  )
  await new Promise((resolve) => probe.close(resolve))
}

/** @returns a port at a distance from those that the example and the running service use */
function otherPort(): number {
  return port + PORT_DISTANCE > MAX_PORT ? port - PORT_DISTANCE : port + PORT_DISTANCE
}

async function listen(onPort: number, listener: RequestListener): Promise<void> {
  const server = createServer(listener).listen(onPort, HOST)
  await once(server, 'listening').catch(() => fail(`Port ${onPort} is in use. Choose another with --port.`))
}

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}
