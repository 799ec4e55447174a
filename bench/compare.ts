/**
 * `npm run bench`: compares Gatehouse with a bare Hono Worker and with Better Auth, in one workerd, and writes
 * docs/benchmarks.md and its chart. `--quick` sends each call a few times, writes nothing, and fails on an unexpected response.
 * `--only TEXT` measures and prints the calls whose names contain the text, and writes nothing.
 * Linux and macOS.
 */
import { parseArgs } from 'node:util'
import { coldStarts } from './compare/cold-start.ts'
import { preparePairs, SMALL } from './compare/pairs.ts'
import { writeReport } from './compare/report.ts'
import { compareAll, sendOnce } from './compare/rounds.ts'
import { buildAll, startAll } from './compare/stage.ts'

const { quick, only } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
}).values
const bundles = await buildAll()
const stage = await startAll(bundles)
const pairs = await preparePairs(stage, quick ? SMALL : undefined)
if (quick) await sendOnce(pairs)
const measured = pairs.filter(({ call }) => call.includes(only ?? ''))
const results = quick ? [] : await compareAll(measured)
await stage.stop()
if (!quick && only === undefined) writeReport({ results, starts: await coldStarts(bundles), bundles })
