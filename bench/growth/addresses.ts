/** What failed log ins from many addresses leave behind, in memory and on disk. */
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { sendExactly } from '../compare/load.ts'
import { post } from '../compare/pair.ts'
import { grouped, table } from '../document.ts'
import { openFiles, residentMiB } from '../workerd.ts'
import { type Bundles, onStage, type Stage } from './stage.ts'

const ADDRESSES = 10_000
const CONNECTIONS = 200
/** As many every two seconds; faster, and workerd runs out of file descriptors: an object that is awake has three. */
const WAVE = 500
const WAVE_SECONDS = 2
const SAMPLE_MS = 1_000
/** The shortest time that a counter sets its alarm for (src/limits/attempt-counter.ts). */
const ALARM_MS = 60_000
const MAX_CLEAN_UP_MS = 180_000
const MAX_RELATIVE = 1.1
const WORKER = 'addresses'
/** So that the first alarm clears everything. */
const SHORT = { window_seconds: 1 }
const LIMITS = { login_failures_per_ip: SHORT, login_failures_per_account: SHORT }

interface Burst {
  readonly beforeMiB: number
  readonly mostMiB: number
  readonly afterMiB: number
  /** How many counters were awake at once, of those that have stored something. */
  readonly mostAwake: number
  /** Of all counters so far, when all are cleaned up. */
  readonly files: Files
}

interface Files {
  readonly count: number
  /** On average. */
  readonly kibEach: number
}

export async function reportAddresses(bundles: Bundles): Promise<string> {
  const players = [{ name: WORKER, bundle: bundles.withoutHash, settings: { LIMITS } }]
  const [first, second] = await onStage(bundles, players, async (stage) => {
    return [await burst(stage, 0), await burst(stage, ADDRESSES)] as const
  })
  const head = ['burst', 'before', 'at most', 'cleaned up', 'counters awake at most', 'files left']
  return `### Addresses

${grouped(ADDRESSES)} failed log ins from as many addresses at as many identifiers, and then the same from others: the memory of workerd
before, at the most, and when alarms have cleared the counters and workerd has evicted them. ${CONNECTIONS} connections send
${WAVE / WAVE_SECONDS} requests a second. Faster, and workerd here runs out of file descriptors, of
which each object that is awake has three. The rules' windows are of 1 s, so that counters wait for their alarms alone.

${table(head, [cellsOf('first', first), cellsOf('second', second)])}

${judge(first, second)}`
}

async function burst(stage: Stage, firstAddress: number): Promise<Burst> {
  const folder = stage.folder(WORKER, 'AttemptCounter')
  const beforeMiB = residentMiB()
  const stopSampling = sampleMost(folder)
  await sendBurst(await stage.port(WORKER), firstAddress)
  await cleanUp(folder)
  const most = stopSampling()
  return { beforeMiB, ...most, afterMiB: residentMiB(), files: filesIn(folder) }
}

async function sendBurst(port: number, firstAddress: number): Promise<void> {
  let number = firstAddress
  const next = () => {
    number += 1
    return post('/auth/login', { identifier: `nobody.${number}`, password: 'some guess' }, number)
  }
  for (let sent = 0; sent < ADDRESSES; sent += WAVE) {
    const turn = pause(WAVE_SECONDS * 1000)
    await sendExactly(WAVE, { port, status: 401, next }, CONNECTIONS)
    await turn
  }
}

/** The last alarm is due ALARM_MS after the burst; what it wakes is evicted some 10 s later. */
async function cleanUp(folder: string): Promise<void> {
  const startedAtMs = performance.now()
  await pause(ALARM_MS)
  while (awakeIn(folder) > 0) {
    if (performance.now() - startedAtMs > MAX_CLEAN_UP_MS) throw new Error('the counters find no rest')
    await pause(SAMPLE_MS)
  }
}

/** @returns what stops it, and says what the most was */
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

/** A counter that has stored something has its database open for as long as it is awake. */
function awakeIn(folder: string): number {
  return openFiles(folder).filter(isDatabase).length
}

function filesIn(folder: string): Files {
  const databases = readdirSync(folder).filter(isDatabase)
  const bytes = databases.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
  return { count: databases.length, kibEach: bytes / 1024 / databases.length }
}

/** Whether this is a counter's database, and not the one that has the times of all alarms. */
function isDatabase(path: string): boolean {
  return path.endsWith('.sqlite') && !path.endsWith('metadata.sqlite')
}

function cellsOf(name: string, { beforeMiB, mostMiB, afterMiB, mostAwake, files }: Burst): readonly string[] {
  const memory = [beforeMiB, mostMiB, afterMiB].map((mib) => `${grouped(mib)} MiB`)
  return [name, ...memory, grouped(mostAwake), `${grouped(files.count)} of ${grouped(files.kibEach)} KiB`]
}

function judge(first: Burst, second: Burst): string {
  const relative = second.afterMiB / first.afterMiB
  const verdict = relative <= MAX_RELATIVE ? 'It is kept' : 'It is not kept'
  const kibEach = (1024 * (first.mostMiB - first.beforeMiB)) / first.mostAwake
  return `The target is at most ${MAX_RELATIVE} times as much after the second burst as after the first. ${verdict}: it is ${relative.toFixed(2)}. What the first one
takes, some ${grouped(kibEach)} KiB for each counter that is awake, workerd's allocator keeps for the next one and does not give back. An
alarm clears a counter with \`deleteAll\`; of its database workerd leaves an empty file on disk.`
}
