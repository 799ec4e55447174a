/**
 * Runs one workerd for each part, with a database for each Worker. Files are in memory, so that the speed of the disk has no
 * influence.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Json, Miniflare, V4WorkerOptions } from 'miniflare'
import { type Bundle, bundle } from '../compare/build.ts'
import { applySchema, gatehouseWorker, start, WITHOUT_HASH, worker } from '../compare/stage.ts'

const ENTRY = '../../src/index.ts'
const FOLDER = '/dev/shm/gatehouse-growth-'

export interface Bundles {
  readonly gatehouse: Bundle
  readonly withoutHash: Bundle
  readonly origin: Bundle
}

/** A Worker of one part. */
export interface WorkerSpec {
  readonly name: string
  readonly bundle: Bundle
  /** The Worker whose database and objects it uses, if it has none of its own. */
  readonly owner?: string
  readonly settings?: Readonly<Record<string, Json>>
}

export type Database = Awaited<ReturnType<Miniflare['getD1Database']>>

export interface Stage {
  readonly port: (worker: string) => Promise<number>
  readonly database: (worker: string) => Promise<Database>
  /** Does one cron run, for the trigger with this cron expression. */
  readonly cron: (worker: string, trigger: string) => Promise<void>
  /** The folder with the files of its objects of one class. */
  readonly folder: (worker: string, className: string) => string
}

export async function buildAll(): Promise<Bundles> {
  const [gatehouse, withoutHash, origin] = await Promise.all([
    bundle(ENTRY),
    bundle(ENTRY, WITHOUT_HASH),
    bundle('workers/origin.ts'),
  ])
  return { gatehouse, withoutHash, origin }
}

/** Starts the Workers, calls `run`, and stops them. */
export async function withStage<T>(
  { origin }: Bundles,
  specs: readonly WorkerSpec[],
  run: (stage: Stage) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(FOLDER)
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  const miniflare = await start([...specs.map(workerFor), worker('origin', origin)], { folder })
  try {
    for (const { name } of specs.filter(({ owner }) => owner === undefined))
      await applySchema(miniflare, name)
    return await run({
      port: async (name) => Number((await miniflare.unsafeGetDirectURL(name)).port),
      database: (name) => miniflare.getD1Database('DB', name),
      cron: async (name, cron) => {
        const { outcome } = await (await miniflare.getWorker(name)).scheduled({ cron })
        if (outcome !== 'ok') throw new Error(`cron: ${outcome}`)
      },
      folder: (name, className) => join(folder, 'do', `${name}-${className}`),
    })
  } finally {
    await miniflare.dispose()
    remove()
  }
}

function workerFor({ name, bundle, owner = name, settings }: WorkerSpec): V4WorkerOptions {
  const options = gatehouseWorker(name, bundle, { owner })
  return { ...options, bindings: { ...options.bindings, ...settings } }
}
