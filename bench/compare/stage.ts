/**
 * Runs all Workers of a comparison in one workerd, which Miniflare starts. Each Worker has its own socket, so that there is no proxy
 * between it and the load.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { convertV4MiniflareOptions, Miniflare, type V4WorkerOptions } from 'miniflare'
import { type Bundle, bundle } from './build.ts'
import type { HashName } from './worker-types.ts'

const COMPATIBILITY_DATE = '2026-10-23'
const PUBLIC_URL = 'https://auth.example.com'
const SCHEMA = fileURLToPath(new URL('../../schema.sql', import.meta.url))
/** An address that is blocked at the beginning stays blocked until the end. */
const LONG_WINDOW = { registrations_per_ip: { window_seconds: 86_400 } }
const OFF = { enabled: false }
const NO_LIMITS = {
  registrations_per_ip: OFF,
  login_failures_per_ip: OFF,
  login_failures_per_account: OFF,
}
/** Discards the output of Workers. Otherwise Miniflare would read each log line in the process that generates the load. */
const QUIET_WORKERD = fileURLToPath(new URL('quiet-workerd', import.meta.url))
const WORKERD: string = createRequire(import.meta.resolve('miniflare'))('workerd').default
const AUTH_SECRET = randomBytes(32).toString('base64url')
export const WITHOUT_HASH = { '/pbkdf2.ts': 'workers/passwords-without-hash.ts' }
const WITH_SCRYPT = { '/pbkdf2.ts': 'workers/passwords-scrypt.ts' }

/** Gatehouse as deployed, and variants of it. */
const GATEHOUSE_VARIANTS = [
  'gatehouse',
  'gatehouse-without-hash',
  'gatehouse-without-limits',
  'gatehouse-scrypt',
] as const
/** Creates accounts for the first variant without the cost of the hash. */
const SEEDS = 'gatehouse-seeds'
const PEER_VARIANTS = ['peer', 'peer-oauth', 'peer-without-hash', 'peer-pbkdf2'] as const
/** Both sides with delayed round trips, which they count. */
const HOPS = ['gatehouse-hops', 'peer-hops', 'peer-oauth-hops'] as const
export type WorkerName =
  | (typeof GATEHOUSE_VARIANTS)[number]
  | (typeof PEER_VARIANTS)[number]
  | typeof SEEDS
  | 'floor'
  | 'fair-floor'
  | (typeof HOPS)[number]
  | 'origin'

export interface Bundles {
  readonly gatehouse: Bundle
  readonly withoutHash: Bundle
  readonly withScrypt: Bundle
  readonly floor: Bundle
  readonly fairFloor: Bundle
  readonly d1Read: Bundle
  readonly peer: Bundle
  readonly gatehouseHops: Bundle
  readonly peerHops: Bundle
  readonly origin: Bundle
}

export interface Stage {
  readonly port: (worker: WorkerName) => number
  /** The inspectors of the Workers, if the stage has them. */
  readonly inspectors: () => Promise<URL>
  readonly stop: () => Promise<void>
}

export async function buildAll(): Promise<Bundles> {
  const entry = '../../src/index.ts'
  return {
    gatehouse: await bundle(entry),
    withoutHash: await bundle(entry, WITHOUT_HASH),
    withScrypt: await bundle(entry, WITH_SCRYPT),
    floor: await bundle('workers/floor.ts'),
    fairFloor: await bundle('workers/fair-floor.ts'),
    d1Read: await bundle('workers/d1-read.ts'),
    peer: await bundle('workers/peer.ts'),
    gatehouseHops: await bundle('workers/gatehouse-hops.ts'),
    peerHops: await bundle('workers/peer-hops.ts'),
    origin: await bundle('workers/origin.ts'),
  }
}

/** Starts the Workers and prepares their databases. */
export async function startAll(bundles: Bundles, options: StartOptions = {}): Promise<Stage> {
  const miniflare = await start(workersOf(bundles), options)
  const ports = new Map<string, number>()
  for (const name of [...GATEHOUSE_VARIANTS, ...PEER_VARIANTS, SEEDS, ...HOPS, 'floor', 'fair-floor']) {
    ports.set(name, Number((await miniflare.unsafeGetDirectURL(name)).port))
  }
  const port = (name: WorkerName) => ports.get(name) ?? 0
  const [gatehouseHops, ...peerHops] = HOPS
  for (const name of [...GATEHOUSE_VARIANTS, gatehouseHops]) await applySchema(miniflare, name)
  for (const name of [...PEER_VARIANTS, ...peerHops])
    await fetch(`http://127.0.0.1:${port(name)}/setup`, { method: 'POST' })
  return { port, inspectors: () => miniflare.getInspectorURL(), stop: () => miniflare.dispose() }
}

export interface StartOptions {
  /** Where state is stored; without it, state is lost when Miniflare stops. */
  readonly folder?: string
  readonly inspectorPort?: number
}

/** @returns Miniflare with these Workers, when they listen */
export async function start(workers: V4WorkerOptions[], options: StartOptions = {}): Promise<Miniflare> {
  const { folder, ...others } = options
  process.env.MINIFLARE_WORKERD_PATH = QUIET_WORKERD
  process.env.WORKERD = WORKERD
  const persistence = folder === undefined ? {} : { resourcePersistencePath: folder }
  const miniflare = new Miniflare({ ...convertV4MiniflareOptions({ workers }), ...persistence, ...others })
  await miniflare.ready
  return miniflare
}

function workersOf(bundles: Bundles): V4WorkerOptions[] {
  const { gatehouse, withoutHash, withScrypt, floor, fairFloor, peer, gatehouseHops, peerHops, origin } =
    bundles
  return [
    gatehouseWorker('gatehouse', gatehouse),
    gatehouseWorker('gatehouse-without-hash', withoutHash),
    gatehouseWorker('gatehouse-scrypt', withScrypt),
    gatehouseWorker('gatehouse-without-limits', withoutHash, { limits: NO_LIMITS }),
    gatehouseWorker(SEEDS, withoutHash, { owner: 'gatehouse' }),
    floorWorker(floor),
    gatehouseWorker('fair-floor', fairFloor),
    peerWorker('peer', peer),
    peerWorker('peer-oauth', peer, { OAUTH: true }),
    peerWorker('peer-without-hash', peer, { HASH: 'none' }),
    peerWorker('peer-pbkdf2', peer, { HASH: 'pbkdf2' }),
    gatehouseWorker('gatehouse-hops', gatehouseHops),
    peerWorker('peer-hops', peerHops),
    peerWorker('peer-oauth-hops', peerHops, { OAUTH: true }),
    worker('origin', origin),
  ]
}

export function worker(name: string, { script }: Bundle): V4WorkerOptions {
  return {
    name,
    script,
    modules: true,
    compatibilityDate: COMPATIBILITY_DATE,
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
  }
}

/** A Worker with Gatehouse's bindings. `owner` is the Worker whose database and objects it uses. */
export function gatehouseWorker(
  name: string,
  bundle: Bundle,
  {
    owner = name,
    limits = LONG_WINDOW,
  }: { readonly owner?: string; readonly limits?: typeof LONG_WINDOW | typeof NO_LIMITS } = {},
): V4WorkerOptions {
  const object = (className: string) => {
    return { className, useSQLite: true, ...(owner !== name && { scriptName: owner }) }
  }
  return {
    ...worker(name, bundle),
    bindings: {
      PUBLIC_URL,
      AUTH_SECRET,
      ACCESS_TOKEN_SECONDS: '3600',
      GATEWAY: {
        '/api': { service: 'ORIGIN', audience: 'origin' },
        '/pass': { service: 'ORIGIN', audience: 'origin', authorization: 'pass' },
        '/quiet': { service: 'ORIGIN', audience: 'origin', log: 'failures' },
      },
      LIMITS: limits,
    },
    d1Databases: { DB: owner },
    durableObjects: { ACCOUNT: object('AccountObject'), COUNTER: object('AttemptCounter') },
    serviceBindings: { ORIGIN: 'origin' },
  }
}

export function floorWorker(bundle: Bundle): V4WorkerOptions {
  return {
    ...worker('floor', bundle),
    durableObjects: { ROW: { className: 'Row', useSQLite: true } },
    serviceBindings: { ORIGIN: 'origin' },
  }
}

export function peerWorker(
  name: WorkerName,
  bundle: Bundle,
  settings: { readonly HASH?: HashName; readonly OAUTH?: boolean } = {},
): V4WorkerOptions {
  const bindings = { SECRET: AUTH_SECRET, HASH: '', OAUTH: false, ...settings }
  return { ...worker(name, bundle), bindings, d1Databases: { DB: name } }
}

export async function applySchema(miniflare: Miniflare, name: string): Promise<void> {
  const db = await miniflare.getD1Database('DB', name)
  const schema = readFileSync(SCHEMA, 'utf8').replace(/--.*$/gm, '')
  for (const statement of schema.split(/;\s*\n/).filter((text) => text.trim() !== '')) {
    await db.prepare(statement).run()
  }
}
