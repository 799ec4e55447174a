/**
 * `npm run bench`: Gatehouse beside a bare Hono Worker and beside Better Auth, in one workerd; writes docs/benchmarks.md and its
 * chart. With `--quick` each call is sent a few times and nothing is written: it fails where an answer is not what is expected.
 * With `--only TEXT` the calls whose name contains it are measured and printed, and nothing is written.
 * Linux and macOS.
 */
import { parseArgs } from 'node:util'
import { coldStarts } from './compare/cold-start.ts'
import { MAX_CONCURRENCY } from './compare/pair.ts'
import { preparePairs } from './compare/pairs.ts'
import { writeReport } from './compare/report.ts'
import { compareAll, sendOnce } from './compare/rounds.ts'
import { buildAll, raise } from './compare/stage.ts'

const { quick, only } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, only: { type: 'string' } },
}).values
const bundles = await buildAll()
const stage = await raise(bundles)
const pairs = await preparePairs(stage, quick ? MAX_CONCURRENCY : undefined)
if (quick) await sendOnce(pairs)
const measured = pairs.filter(({ call }) => call.includes(only ?? ''))
const results = quick ? [] : await compareAll(measured)
await stage.stop()
if (!quick && only === undefined) writeReport({ results, starts: await coldStarts(bundles), bundles })
