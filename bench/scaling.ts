/**
 * `npm run bench:scaling`: computes the load and the cost of a day of 10 million users on one deployment, prints them and
 * writes them into docs/scaling.md. With `--check` it writes nothing, and fails if the document differs.
 */
import { readDocument, replaceSection, writeDocument } from './document.ts'
import { measureAccountBytes } from './scaling/account-size.ts'
import { arithmetic } from './scaling/tables.ts'

const written = readDocument('scaling.md')
const tables = arithmetic(measureAccountBytes())
const computed = replaceSection(written, 'arithmetic', tables)

if (!process.argv.includes('--check')) {
  console.log(tables)
  writeDocument('scaling.md', computed)
} else if (computed !== written) {
  console.error('docs/scaling.md differs from what bench/scaling computes. Run npm run bench:scaling.')
  process.exitCode = 1
}
