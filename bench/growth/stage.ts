/** One workerd for each part, with a database for each Worker. Files are in memory, so that no disk's speed is measured. */
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

/** A Worker of a part. */
export interface Player {
  readonly name: string
  readonly bundle: Bundle
  /** Whose database and objects it works on, where it has none of its own. */
  readonly owner?: string
  readonly settings?: Readonly<Record<string, Json>>
}

export type Database = Awaited<ReturnType<Miniflare['getD1Database']>>

export interface Stage {
  readonly port: (player: string) => Promise<number>
  readonly database: (player: string) => Promise<Database>
  /** The folder with the files of its objects of one class. */
  readonly folder: (player: string, className: string) => string
}

export async function buildAll(): Promise<Bundles> {
  const [gatehouse, withoutHash, origin] = await Promise.all([
    bundle(ENTRY),
    bundle(ENTRY, WITHOUT_HASH),
    bundle('workers/origin.ts'),
  ])
  return { gatehouse, withoutHash, origin }
}

/** Has the Workers up for as long as the play takes. */
export async function onStage<T>(
  { origin }: Bundles,
  players: readonly Player[],
  play: (stage: Stage) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(FOLDER)
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  const miniflare = await start([...players.map(workerOf), worker('origin', origin)], folder)
  try {
    for (const { name } of players.filter(({ owner }) => owner === undefined))
      await applySchema(miniflare, name)
    return await play({
      port: async (player) => Number((await miniflare.unsafeGetDirectURL(player)).port),
      database: (player) => miniflare.getD1Database('DB', player),
      folder: (player, className) => join(folder, 'do', `${player}-${className}`),
    })
  } finally {
    await miniflare.dispose()
    remove()
  }
}

function workerOf({ name, bundle, owner = name, settings }: Player): V4WorkerOptions {
  const options = gatehouseWorker(name, bundle, { owner })
  return { ...options, bindings: { ...options.bindings, ...settings } }
}
