/** Measures the memory and disk space that failed logins from many IP addresses take. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { sendExactly } from '../compare/load.ts'
import { post } from '../compare/pair.ts'
import { grouped, table } from '../document.ts'
import { openFiles, residentMiB } from '../workerd.ts'
import { type Bundles, type Stage, withStage } from './stage.ts'

const ADDRESSES = 10_000
const CONNECTIONS = 200
/** Requests in two seconds. At a higher rate workerd runs out of file descriptors: an object that is awake has three. */
const WAVE = 500
const WAVE_SECONDS = 2
const SAMPLE_MS = 1_000
/** The shortest delay for which a counter sets its alarm (src/limits/counter-state.ts). */
const ALARM_MS = 60_000
const MAX_CLEAN_UP_MS = 180_000
const MAX_RELATIVE = 1.1
const WORKER = 'addresses'
/** Short enough that the first alarm clears everything. */
const SHORT = { window_seconds: 1 }
const LIMITS = { login_failures_per_ip: SHORT, login_failures_per_account: SHORT }

interface Burst {
  readonly beforeMiB: number
  readonly mostMiB: number
  readonly afterMiB: number
  /** The largest number of counters that were awake at once and have stored something. */
  readonly mostAwake: number
  /** The files of all counters so far, after the clean-up. */
  readonly files: Files
}

interface Files {
  readonly count: number
  /** Average size. */
  readonly kibEach: number
}

export async function reportAddresses(bundles: Bundles): Promise<string> {
  const specs = [{ name: WORKER, bundle: bundles.withoutHash, settings: { LIMITS } }]
  const [first, second] = await withStage(bundles, specs, async (stage) => {
    return [await burst(stage, 0), await burst(stage, ADDRESSES)] as const
  })
  const head = ['burst', 'before', 'maximum', 'after clean-up', 'most counters awake', 'remaining files']
  return `### Addresses

A burst is ${grouped(ADDRESSES)} failed logins, each from another IP address and for another identifier; the second burst uses other addresses. The table has the memory of workerd
before the burst, at its maximum, and after alarms have cleared the counters and workerd has evicted them. ${CONNECTIONS} connections send
${WAVE / WAVE_SECONDS} requests a second. At a higher rate workerd runs out of file descriptors on this machine: each object that is awake
has three. The rules have windows of 1 s, so that the counters wait only for their alarms.

${table(head, [cellsOf('first', first), cellsOf('second', second)])}

${summary(first, second)}`
}

async function burst(stage: Stage, firstAddress: number): Promise<Burst> {
  const folder = stage.folder(WORKER, 'AttemptCounter')
  const beforeMiB = residentMiB()
  const stopSampling = sampleMost(folder)
  await sendBurst(await stage.port(WORKER), firstAddress)
  await waitForCleanUp(folder)
  const most = stopSampling()
  return { beforeMiB, ...most, afterMiB: residentMiB(), files: filesIn(folder) }
}

async function sendBurst(port: number, firstAddress: number): Promise<void> {
  let number = firstAddress
  const next = () => {
    number += 1
    return post('/auth/login', { identifier: `unknown.${number}`, password: 'some guess' }, number)
  }
  for (let sent = 0; sent < ADDRESSES; sent += WAVE) {
    const turn = pause(WAVE_SECONDS * 1000)
    await sendExactly(WAVE, { port, status: 401, next }, CONNECTIONS)
    await turn
  }
}

/** The last alarm is due ALARM_MS after the burst. The objects that it wakes are evicted about 10 s later. */
async function waitForCleanUp(folder: string): Promise<void> {
  const startedAtMs = performance.now()
  await pause(ALARM_MS)
  while (awakeIn(folder) > 0) {
    if (performance.now() - startedAtMs > MAX_CLEAN_UP_MS) throw new Error('the counters stay awake')
    await pause(SAMPLE_MS)
  }
}

/** @returns a function that stops sampling and returns the maximum */
function sampleMost(folder: string): () => Pick<Burst, 'mostMiB' | 'mostAwake'> {
  let [mostMiB, mostAwake] = [0, 0]
  const timer = setInterval(() => {
    mostMiB = Math.max(mostMiB, residentMiB())
    mostAwake = Math.max(mostAwake, awakeIn(folder))
  }, SAMPLE_MS).unref()
  return () => {
    clearInterval(timer)
    return { mostMiB, mostAwake }
  }
}

/** A counter that has stored something keeps its database open while it is awake. */
function awakeIn(folder: string): number {
  return openFiles(folder).filter(isDatabase).length
}

function filesIn(folder: string): Files {
  const databases = readdirSync(folder).filter(isDatabase)
  const bytes = databases.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
  return { count: databases.length, kibEach: bytes / 1024 / databases.length }
}

/** Whether this is a counter's database, and not the one with the times of all alarms. */
function isDatabase(path: string): boolean {
  return path.endsWith('.sqlite') && !path.endsWith('metadata.sqlite')
}

function cellsOf(name: string, { beforeMiB, mostMiB, afterMiB, mostAwake, files }: Burst): readonly string[] {
  const memory = [beforeMiB, mostMiB, afterMiB].map((mib) => `${grouped(mib)} MiB`)
  return [name, ...memory, grouped(mostAwake), `${grouped(files.count)} of ${grouped(files.kibEach)} KiB`]
}

function summary(first: Burst, second: Burst): string {
  const relative = second.afterMiB / first.afterMiB
  const status = relative <= MAX_RELATIVE ? 'met' : 'missed'
  const kibEach = (1024 * (first.mostMiB - first.beforeMiB)) / first.mostAwake
  return `The target, at most ${MAX_RELATIVE} times as much memory after the second burst as after the first, is ${status}: the ratio is ${relative.toFixed(2)}. The first burst
takes about ${grouped(kibEach)} KiB for each counter that is awake; workerd's allocator does not return this memory, but reuses it. An
alarm clears a counter with \`deleteAll\`; workerd leaves an empty database file on disk.`
}
