/**
 * Measures the time from the start of workerd with one Worker to its first response. The database has been used before. What
 * Miniflare does before it starts workerd is not part of it: that takes longer for a larger script, and no deployment does it.
 */
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { V4WorkerOptions } from 'miniflare'
import { median } from '../median.ts'
import type { Bundle } from './build.ts'
import {
  applySchema,
  type Bundles,
  floorWorker,
  gatehouseWorker,
  peerWorker,
  start,
  worker,
} from './stage.ts'

export const ROUNDS = 11

export interface ColdStart {
  readonly name: string
  readonly gzipBytes: number
  /** Median. */
  readonly ms: number
  /** The largest allowed ratio of Gatehouse's time to this one. */
  readonly budget?: number
}

interface Subject extends Omit<ColdStart, 'ms' | 'gzipBytes'> {
  readonly bundle: Bundle
  readonly workers: V4WorkerOptions[]
  readonly path: string
}

/** @returns Gatehouse's time first */
export async function coldStarts(bundles: Bundles): Promise<readonly ColdStart[]> {
  return measure([...subjectsWithBudget(bundles), peerSubject(bundles)])
}

/** Other load on the machine makes a ratio larger more often than smaller. */
const MAX_TRIES = 4

/**
 * Prints the ratios that have a budget: the best of each, where one exceeded its budget and was measured again.
 * @throws if a ratio exceeds its budget each time
 */
export async function assertColdStartBudgets(bundles: Bundles): Promise<void> {
  const subjects = subjectsWithBudget(bundles)
  let best = ratiosOf(await measure(subjects))
  for (let tries = 1; tries < MAX_TRIES && best.some(exceeds); tries++) {
    const next = ratiosOf(await measure(subjects))
    best = best.map((each, index) => ({
      ...each,
      ratio: Math.min(each.ratio, next[index]?.ratio ?? each.ratio),
    }))
  }
  for (const { name, ratio, budget } of best)
    console.log(`Cold start: ${ratio.toFixed(2)} times ${name}, budget ${budget.toFixed(2)}`)
  if (best.some(exceeds)) throw new Error('The cold start exceeds its budget.')
}

interface Ratio {
  readonly name: string
  readonly ratio: number
  readonly budget: number
}

function exceeds({ ratio, budget }: Ratio): boolean {
  return ratio > budget
}

/** @param starts Gatehouse's first */
export function ratiosOf([gatehouse, ...others]: readonly ColdStart[]): readonly Ratio[] {
  const ours = gatehouse?.ms ?? Number.NaN
  return others.flatMap(({ name, ms, budget }) => {
    return budget === undefined ? [] : [{ name, ratio: ours / ms, budget }]
  })
}

function subjectsWithBudget({ gatehouse, floor, d1Read, origin }: Bundles): readonly Subject[] {
  const originWorker = worker('origin', origin)
  return [
    {
      name: 'Gatehouse',
      bundle: gatehouse,
      workers: [gatehouseWorker('gatehouse', gatehouse), originWorker],
      path: '/.well-known/jwks.json',
    },
    {
      name: 'bare Hono',
      bundle: floor,
      workers: [floorWorker(floor), originWorker],
      path: '/hello',
      budget: 1.8,
    },
    {
      name: 'bare Worker, same bindings, one D1 read',
      bundle: d1Read,
      workers: [gatehouseWorker('d1-read', d1Read), originWorker],
      path: '/',
      budget: 1.2,
    },
  ]
}

function peerSubject({ peer }: Bundles): Subject {
  return { name: 'Better Auth', bundle: peer, workers: [peerWorker('peer', peer)], path: '/api/auth/jwks' }
}

/** The subjects take turns, so that other load on the machine affects all of them. */
async function measure(subjects: readonly Subject[]): Promise<readonly ColdStart[]> {
  const root = mkdtempSync(join(tmpdir(), 'gatehouse-bench-'))
  const placed = subjects.map((subject, index) => {
    return { ...subject, folder: join(root, String(index)), times: [] as number[] }
  })
  try {
    for (const subject of placed) await setUp(subject, subject.folder)
    for (let round = 0; round < ROUNDS; round++) {
      for (const subject of placed) subject.times.push(await firstResponseMs(subject, subject.folder))
    }
  } finally {
    rmSync(root, { recursive: true })
  }
  return placed.map(({ name, bundle: { gzipBytes }, budget, times }) => {
    return { name, gzipBytes, ms: median(times), ...(budget !== undefined && { budget }) }
  })
}

/** Creates the tables, and the keys, which the first request creates. */
async function setUp({ name, workers, path }: Subject, folder: string): Promise<void> {
  const miniflare = await start(workers, { folder })
  const url = await miniflare.unsafeGetDirectURL()
  if (name === 'Better Auth') await fetch(new URL('/setup', url), { method: 'POST' })
  for (const { name: worker = '', durableObjects } of workers)
    if (durableObjects?.ACCOUNT !== undefined) await applySchema(miniflare, worker)
  await fetch(new URL(path, url))
  await miniflare.dispose()
}

async function firstResponseMs({ workers, path }: Subject, folder: string): Promise<number> {
  const started = `${folder}.started`
  process.env.WORKERD_STARTED = started
  const miniflare = await start(workers, { folder })
  const response = await fetch(new URL(path, await miniflare.unsafeGetDirectURL()))
  await response.text()
  const elapsedMs = performance.timeOrigin + performance.now() - statSync(started).mtimeMs
  delete process.env.WORKERD_STARTED
  await miniflare.dispose()
  if (!response.ok) throw new Error(`${path}: ${response.status}`)
  return elapsedMs
}
