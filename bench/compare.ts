/**
 * `npm run bench`: compares Gatehouse with bare Workers and with Better Auth, in one workerd, and writes docs/benchmarks.md and its
 * chart. `--quick` sends each call a few times, writes nothing, and fails on an unexpected response or if the cold start
 * exceeds its budget. `--only TEXT` measures and prints the calls whose names contain the text, and writes nothing.
 * Linux and macOS.
 */
import { parseArgs } from 'node:util'
import { assertColdStartBudgets, coldStarts } from './compare/cold-start.ts'
import { countHops } from './compare/hops.ts'
import { measureMemory } from './compare/memory.ts'
import { preparePairs, SMALL } from './compare/pairs.ts'
import { writeReport } from './compare/report.ts'
import { compareAll, sendOnce } from './compare/rounds.ts'
import { type Bundles, buildAll, startAll } from './compare/stage.ts'

const { quick, only } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
}).values
const bundles = await buildAll()
if (quick) await checkQuickly(bundles)
else if (only === undefined) await compareWholly(bundles)
else await compareOnly(bundles, only)

async function checkQuickly(bundles: Bundles): Promise<void> {
  const stage = await startAll(bundles)
  await sendOnce(await preparePairs(stage, '', SMALL))
  await countHops(stage)
  await stage.stop()
  await assertColdStartBudgets(bundles)
}

async function compareOnly(bundles: Bundles, text: string): Promise<void> {
  const stage = await startAll(bundles)
  await compareAll(await preparePairs(stage, text))
  await stage.stop()
}

async function compareWholly(bundles: Bundles): Promise<void> {
  const stage = await startAll(bundles)
  const results = await compareAll(await preparePairs(stage))
  const hops = await countHops(stage)
  await stage.stop()
  writeReport({ results, hops, starts: await coldStarts(bundles), memory: await measureMemory(bundles) })
}
