/** Documents whose tables are computed: each stands between two comments that name it. */
import { readFileSync, writeFileSync } from 'node:fs'

export type DocumentName = 'benchmarks.md' | 'scaling.md'

/** @returns the document as it stands */
export function readDocument(name: DocumentName): string {
  return readFileSync(at(name), 'utf8')
}

export function writeDocument(name: DocumentName, text: string): void {
  writeFileSync(at(name), text)
}

/** @returns the text with this in place of what stood between its comments. @throws where they are not there */
export function replaceBetween(text: string, comment: string, computed: string): string {
  const begin = `<!-- ${comment} -->`
  const end = `<!-- /${comment} -->`
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from === -1 || to < from) throw new Error(`the document lacks ${begin} or ${end}`)
  return `${text.slice(0, from + begin.length)}\n\n${computed}\n\n${text.slice(to)}`
}

export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** As 1,000,000. */
export function grouped(number: number): string {
  return number.toLocaleString('en-GB', { maximumFractionDigits: 0 })
}

export function milliseconds(ms: number): string {
  return `${ms.toFixed(ms < 10 ? 2 : 0)} ms`
}

export function writeChart(name: 'benchmarks.svg', svg: string): void {
  writeFileSync(at(name), svg)
}

function at(name: string): URL {
  return new URL(`../docs/${name}`, import.meta.url)
}
