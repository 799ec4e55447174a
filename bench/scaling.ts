/**
 * `npm run bench:scaling`: computes what a day of 10 million users asks of one deployment, and what it costs, prints it and
 * writes it into docs/scaling.md. With `--check` it writes nothing, and fails where the document says something else.
 */
import { readDocument, replaceBetween, writeDocument } from './document.ts'
import { measureAccountBytes } from './scaling/account-size.ts'
import { arithmetic } from './scaling/tables.ts'

const written = readDocument('scaling.md')
const tables = arithmetic(measureAccountBytes())
const computed = replaceBetween(written, 'arithmetic', tables)

if (!process.argv.includes('--check')) {
  console.log(tables)
  writeDocument('scaling.md', computed)
} else if (computed !== written) {
  console.error('docs/scaling.md is not what bench/scaling computes: npm run bench:scaling')
  process.exitCode = 1
}
