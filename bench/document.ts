/** Documents with generated sections. Each section is between two comments with its name. */
import { readFileSync, writeFileSync } from 'node:fs'

export type DocumentName = 'benchmarks.md' | 'scaling.md'

/** @returns the current text */
export function readDocument(name: DocumentName): string {
  return readFileSync(at(name), 'utf8')
}

export function writeDocument(name: DocumentName, text: string): void {
  writeFileSync(at(name), text)
}

/** @returns the text with the named section replaced. @throws if its comments are missing */
export function replaceSection(text: string, name: string, generated: string): string {
  const begin = `<!-- ${name} -->`
  const end = `<!-- /${name} -->`
  const from = text.indexOf(begin)
  const to = text.indexOf(end)
  if (from === -1 || to < from) throw new Error(`the document has no section between ${begin} and ${end}`)
  return `${text.slice(0, from + begin.length)}\n\n${generated}\n\n${text.slice(to)}`
}

export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** For example 1,000,000. */
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
