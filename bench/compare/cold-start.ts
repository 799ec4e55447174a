/** Measures the time from the start of a process with one Worker to its first response. The database has been used before. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { V4WorkerOptions } from 'miniflare'
import { median } from '../median.ts'
import {
  applySchema,
  type Bundles,
  floorWorker,
  gatehouseWorker,
  peerWorker,
  start,
  worker,
} from './stage.ts'

const ROUNDS = 7

export interface ColdStart {
  readonly name: string
  /** Median. */
  readonly ms: number
}

interface Subject {
  readonly name: string
  readonly workers: V4WorkerOptions[]
  readonly path: string
  readonly folder: string
}

export async function coldStarts(bundles: Bundles): Promise<readonly ColdStart[]> {
  const root = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'))
  const subjects = subjectsOf(bundles, root)
  const times = new Map<string, number[]>(subjects.map(({ name }) => [name, []]))
  try {
    await setUp(subjects)
    for (let round = 0; round < ROUNDS; round++) {
      for (const subject of subjects) times.get(subject.name)?.push(await firstResponseMs(subject))
    }
  } finally {
    rmSync(root, { recursive: true })
  }
  return [...times].map(([name, ms]) => ({ name, ms: median(ms) }))
}

function subjectsOf({ floor, gatehouse, peer, origin }: Bundles, root: string): readonly Subject[] {
  const originWorker = worker('origin', origin)
  return [
    {
      name: 'bare Hono',
      workers: [floorWorker(floor), originWorker],
      path: '/hello',
      folder: join(root, 'floor'),
    },
    {
      name: 'Gatehouse',
      workers: [gatehouseWorker('gatehouse', gatehouse), originWorker],
      path: '/.well-known/jwks.json',
      folder: join(root, 'gatehouse'),
    },
    {
      name: 'Better Auth',
      workers: [peerWorker('peer', peer)],
      path: '/api/auth/jwks',
      folder: join(root, 'peer'),
    },
  ]
}

/** Creates the tables, and the keys, which the first request creates. */
async function setUp(subjects: readonly Subject[]): Promise<void> {
  for (const { name, workers, path, folder } of subjects) {
    const miniflare = await start(workers, folder)
    const url = await miniflare.unsafeGetDirectURL()
    if (name === 'Gatehouse') await applySchema(miniflare, 'gatehouse')
    if (name === 'Better Auth') await fetch(new URL('/setup', url), { method: 'POST' })
    await fetch(new URL(path, url))
    await miniflare.dispose()
  }
}

async function firstResponseMs({ workers, path, folder }: Subject): Promise<number> {
  const startedAtMs = performance.now()
  const miniflare = await start(workers, folder)
  const response = await fetch(new URL(path, await miniflare.unsafeGetDirectURL()))
  await response.text()
  const elapsedMs = performance.now() - startedAtMs
  await miniflare.dispose()
  if (!response.ok) throw new Error(`${path}: ${response.status}`)
  return elapsedMs
}
