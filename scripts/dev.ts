/**
 * `npm run dev [-- --port N] [--challenge turnstile|hcaptcha] [--var NAME:VALUE]`: makes the development secrets and the local D1 schema
 * where they are missing, then runs the service on loopback, without one connection to the outside. With `--challenge`
 * a stand-in of that provider runs beside it, and the service goes by it. A variable goes before what .dev.vars says.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { SECRET, SITE_KEY, type StandInProvider, VERIFY_PATHS } from '../test/support/stand-in/protocol.ts'
import { startStandIn } from '../test/support/stand-in/siteverify.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const DEV_VARS = fileURLToPath(new URL('../.dev.vars', import.meta.url))
const WRANGLER = fileURLToPath(new URL('../node_modules/wrangler/bin/wrangler.js', import.meta.url))
const SCHEMA = fileURLToPath(new URL('../schema.sql', import.meta.url))
/** What schema.sql cannot do, since it is safe to run twice: by the version that it brings to the next one. */
const UPGRADES: Readonly<Record<number, string>> = {
  3: 'ALTER TABLE clients ADD COLUMN audience TEXT; UPDATE schema_version SET version = 4;',
}
const SECRETS = ['AUTH_SECRET', 'ADMIN_TOKEN']
const PARENT_CHECK_MS = 500
const HOST = '127.0.0.1'
const DEFAULT_PORT = '8787'
const DEV_VARS_START =
  '# Made at random by `npm run dev` for this machine alone; ignored by git. Delete it and .wrangler/state to begin anew.\n'
/** No telemetry, no request for the `cf` object, no look for updates. The loaders take these spellings alone. */
const OFFLINE = { CLOUDFLARE_CF_FETCH_ENABLED: 'false', DO_NOT_TRACK: '1', WRANGLER_HIDE_BANNER: 'true' }
const env = { ...process.env, ...OFFLINE }

const { values } = readArguments()
const publicUrl = `http://localhost:${toPort(values.port)}`
const provider = toProvider(values.challenge)

await requireFreePort(Number(values.port))
makeSettings()
makeSchema()
run(values.port, [...values.var, ...(provider === null ? [] : await standIn(provider))])

function readArguments() {
  try {
    return parseArgs({
      options: {
        port: { type: 'string', default: DEFAULT_PORT },
        challenge: { type: 'string' },
        var: { type: 'string', multiple: true, default: [] },
      },
    })
  } catch {
    return fail('Usage:  npm run dev [-- --port N --challenge turnstile|hcaptcha --var NAME:VALUE]')
  }
}

function toPort(text: string): string {
  if (/^\d{1,5}$/.test(text) && Number(text) > 0 && Number(text) < 65_536) return text
  return fail(`--port must be a number from 1 to 65535, not "${text}".`)
}

function toProvider(text: string | undefined): StandInProvider | null {
  if (text === undefined || text === 'turnstile' || text === 'hcaptcha') return text ?? null
  return fail(`--challenge must be turnstile or hcaptcha, not "${text}".`)
}

/** @returns the variables by which the service goes by the stand-in; what .dev.vars says of its keys stays */
async function standIn(provider: StandInProvider): Promise<readonly string[]> {
  const chosen = setting('CHALLENGE_PROVIDER')
  if (chosen !== undefined && chosen !== provider) {
    fail(`.dev.vars says CHALLENGE_PROVIDER=${chosen}, --challenge says ${provider}. Change one of them.`)
  }
  const { url } = await startStandIn(Number(values.port) + 1).catch(() =>
    fail(`Port ${Number(values.port) + 1}, which the stand-in of ${provider} needs, is in use.`),
  )
  console.log(`A stand-in of ${provider} listens at ${url}.`)
  const settings = {
    CHALLENGE_PROVIDER: provider,
    CHALLENGE_SITE_KEY: SITE_KEY,
    CHALLENGE_SECRET: SECRET,
    CHALLENGE_VERIFY_URL: `${url}${VERIFY_PATHS[provider]}`,
  }
  const missing = Object.entries(settings).filter(([name]) => setting(name) === undefined)
  return missing.map(([name, value]) => `${name}:${value}`)
}

async function requireFreePort(port: number): Promise<void> {
  const probe = createServer()
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject).listen(port, HOST, resolve)
  }).catch(() => fail(`Port ${port} is in use. Take another:  npm run dev -- --port N`))
  await new Promise((resolve) => probe.close(resolve))
}

/** Adds what development needs and is missing, and leaves what is there: the rest of the file is the developer's. */
function makeSettings(): void {
  if (!existsSync(DEV_VARS)) writeFileSync(DEV_VARS, DEV_VARS_START, { mode: 0o600 })
  if (setting('ENVIRONMENT') === undefined) set('ENVIRONMENT', 'development')
  // For a plain `wrangler dev`, with its default port. Here --port decides.
  if (!setting('PUBLIC_URL')) set('PUBLIC_URL', `http://localhost:${DEFAULT_PORT}`)
  for (const name of SECRETS.filter((secret) => setting(secret) === undefined)) {
    set(name, `dev-${randomBytes(32).toString('base64url')}`)
    console.log(`Made a development ${name} in .dev.vars.`)
  }
}

function set(name: string, value: string): void {
  const separator = readFileSync(DEV_VARS, 'utf8').endsWith('\n') ? '' : '\n'
  appendFileSync(DEV_VARS, `${separator}${name}=${value}\n`)
}

/** @returns what .dev.vars says, without quotes; undefined where it says nothing */
function setting(name: string): string | undefined {
  const line = new RegExp(`^[ \\t]*(?:export[ \\t]+)?${name}[ \\t]*=[ \\t]*["']?(.*?)["']?[ \\t]*$`, 'm')
  return line.exec(readFileSync(DEV_VARS, 'utf8'))?.[1]
}

/** schema.sql makes what is missing and changes nothing else, so an older database is told from its version row. */
function makeSchema(): void {
  const schema = readFileSync(SCHEMA, 'utf8')
  const needed = Number(/VALUES \(1, (\d+)\)/.exec(schema)?.[1])
  const found = upgrade(versionAfter(schema))
  if (found === needed) return
  fail(
    `The local database has schema version ${found}, this release needs ${needed}.\n` +
      'Start with an empty one:  rm -rf .wrangler/state && npm run dev',
  )
}

function versionAfter(sql: string): number | undefined {
  return execute(`${sql}\nSELECT version FROM schema_version`).at(-1)?.results[0]?.version
}

function upgrade(version: number | undefined): number | undefined {
  const sql = UPGRADES[version ?? 0]
  return sql === undefined ? version : upgrade(versionAfter(sql))
}

type Executed = readonly { readonly results: readonly { readonly version?: number }[] }[]

/** @returns the results of each statement */
function execute(sql: string): Executed {
  const command = ['d1', 'execute', 'gatehouse', '--local', '--yes', '--json', `--command=${sql}`]
  const { status, stdout, stderr } = spawnSync(process.execPath, [WRANGLER, ...command], {
    cwd: ROOT,
    env,
    encoding: 'utf8',
  })
  if (status === 0) return JSON.parse(stdout)
  return fail(`The local database could not be set up:\n${stdout}\n${stderr}`)
}

/** @param variables as `wrangler --var` takes them */
function run(port: string, variables: readonly string[]): void {
  const dev = [
    'dev',
    '--port',
    port,
    '--ip',
    HOST,
    ...[`PUBLIC_URL:${publicUrl}`, ...variables].flatMap((variable) => ['--var', variable]),
    '--show-interactive-dev-session=false',
  ]
  const child = spawn(process.execPath, [WRANGLER, ...dev], { cwd: ROOT, env, stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  child.on('exit', (code) => process.exit(code ?? 0))
  stopWithParent(child)
  void announce()
}

/** Whoever ends npm alone ends the server as well, and frees its port. */
function stopWithParent(child: ChildProcess): void {
  const parent = process.ppid
  setInterval(() => process.ppid === parent || child.kill(), PARENT_CHECK_MS).unref()
}

async function announce(): Promise<void> {
  let health = await askHealth()
  while (health === null) {
    await new Promise((resolve) => setTimeout(resolve, 200))
    health = await askHealth()
  }
  if (!health.ok) return console.error(`\n${publicUrl}/healthz answers ${health.status}: the log says why.`)
  const json = "-H 'Content-Type: application/json'"
  console.log(`
Gatehouse serves ${publicUrl}. Open it in a browser, or try:

  curl -s ${publicUrl}/auth/register ${json} -d '{"username":"ada","password":"correct horse battery staple"}'
  TOKEN=$(curl -s ${publicUrl}/auth/login ${json} -d '{"identifier":"ada","password":"correct horse battery staple"}' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
  curl -s ${publicUrl}/auth/me -H "Authorization: Bearer $TOKEN"
`)
}

/** @returns null while nothing listens yet. */
async function askHealth(): Promise<Response | null> {
  return fetch(`http://${HOST}:${values.port}/healthz`).catch(() => null)
}

function fail(message: string): never {
  console.error(message)
  process.exit(1)
}
