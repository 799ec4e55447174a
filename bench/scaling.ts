/**
 * `npm run bench:scaling`: computes what a day of 10 million users asks of one deployment, and what it costs, prints it and
 * writes it into docs/scaling.md. With `--check` it writes nothing, and fails where the document says something else.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { measureAccountBytes } from './scaling/account-size.ts'
import { arithmetic } from './scaling/tables.ts'

const DOCUMENT = new URL('../docs/scaling.md', import.meta.url)
const BEGIN = '<!-- arithmetic -->'
const END = '<!-- /arithmetic -->'

const written = readFileSync(DOCUMENT, 'utf8')
const tables = arithmetic(measureAccountBytes())
const computed = replaceBetweenMarkers(written, tables)

if (!process.argv.includes('--check')) {
  console.log(tables)
  writeFileSync(DOCUMENT, computed)
} else if (computed !== written) {
  console.error('docs/scaling.md is not what bench/scaling computes: npm run bench:scaling')
  process.exitCode = 1
}

function replaceBetweenMarkers(text: string, tables: string): string {
  const begin = text.indexOf(BEGIN)
  const end = text.indexOf(END)
  if (begin === -1 || end < begin) throw new Error(`docs/scaling.md lacks ${BEGIN} or ${END}`)
  return `${text.slice(0, begin + BEGIN.length)}\n\n${tables}\n\n${text.slice(end)}`
}
