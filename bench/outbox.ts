/**
 * `npm run bench:outbox`: measures how fast cron publishes the states of 100,000 accounts, prints the result, and writes it into
 * docs/benchmarks.md. Takes some 15 minutes. Linux only: its files are in /dev/shm, where they need 4 GiB, and it reads /proc.
 */
import { cpus } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { grouped, readDocument, replaceSection, table, writeDocument } from './document.ts'
import { fill } from './growth/fill.ts'
import { buildAll, type Database, type Stage, withStage } from './growth/stage.ts'
import { median } from './median.ts'
import { openFiles } from './workerd.ts'

const ACCOUNTS = 100_000
const NAME = 'gatehouse'
/** The trigger of wrangler.toml that delivers the outbox. */
const TRIGGER = '* * * * *'
const INSERT_EVENTS = `INSERT INTO outbox (account_id, kind, data)
  SELECT id, 'account_state', credential_version FROM accounts`
/** An object's file is named by its id. */
const OBJECT_FILE = /\/[0-9a-f]{64}\./
const MAX_MS = 1_800_000

globalThis.setTimeout(() => process.exit(1), MAX_MS).unref()

interface Run {
  readonly durationMs: number
  readonly published: number
}

const bundles = await buildAll()
const { runs, idleMs } = await withStage(
  bundles,
  [{ name: NAME, bundle: bundles.gatehouse }],
  async (stage) => {
    const database = await stage.database(NAME)
    await fill(database, ACCOUNTS, '$pbkdf2-sha256$')
    await database.prepare(INSERT_EVENTS).run()
    const runs: Run[] = []
    for (let left = await pending(database); left > 0; ) {
      const durationMs = await timed(() => repeated(() => stage.cron(NAME, TRIGGER)))
      const now = await pending(database)
      runs.push({ durationMs, published: left - now })
      left = now
      await objectsAreEvicted(stage)
    }
    const idle: number[] = []
    while (idle.length < 20) idle.push(await timed(() => repeated(() => stage.cron(NAME, TRIGGER))))
    return { runs, idleMs: median(idle) }
  },
)

const section = report()
console.log(section)
writeDocument('benchmarks.md', replaceSection(readDocument('benchmarks.md'), 'outbox', section))

/** Repeats a call for which Miniflare used a connection that workerd had just closed, because it was idle. */
function repeated<T>(work: () => Promise<T>): Promise<T> {
  return work().catch(work)
}

async function pending(database: Database): Promise<number> {
  const count = database.prepare('SELECT count(*) AS n FROM outbox')
  return (await repeated(() => count.first<number>('n'))) ?? 0
}

/**
 * Waits until workerd has evicted the objects of the last run, some 10 s after their last request. Otherwise they would all be
 * on one machine at once, and have more files open than a process may.
 */
async function objectsAreEvicted(stage: Stage): Promise<void> {
  const folder = stage.folder(NAME, 'AccountObject')
  while (openFiles(folder).some((path) => OBJECT_FILE.test(path))) await setTimeout(500)
}

async function timed(work: () => Promise<void>): Promise<number> {
  const beganMs = performance.now()
  await work()
  return performance.now() - beganMs
}

function report(): string {
  const day = new Date().toISOString().slice(0, 10)
  const durations = runs.map(({ durationMs }) => durationMs)
  const totalMs = durations.reduce((sum, each) => sum + each, 0)
  const seconds = (ms: number) => (ms / 1000).toFixed(1)
  const rows = [
    ['accounts with a state to publish, each with an empty object', grouped(ACCOUNTS)],
    ['states published by one run', grouped(median(runs.map(({ published }) => published)))],
    ['runs, one each minute', runs.length],
    [
      'duration of a run, median and longest',
      `${seconds(median(durations))} s, ${seconds(Math.max(...durations))} s`,
    ],
    ['states published a second during a run', grouped((1000 * ACCOUNTS) / totalMs)],
    ['duration of a run with an empty outbox', `${idleMs.toFixed(1)} ms`],
  ]
  return `## The outbox

Measured on ${day}, on ${cpus().length} cores (${cpus()[0]?.model.trim()}), with files in memory. In production a run
begins every minute; here, as soon as the objects of the one before are evicted.

${table(['what', 'measured'], rows)}`
}
