/** Callers choose the text that most regular expressions are run on, so each must take at most linear time. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { checkSync } from 'recheck'
import { describe, expect, it } from 'vitest'
import { findExpressions } from './regular-expressions.ts'

const SOURCE = fileURLToPath(new URL('../../src/', import.meta.url))
/** For one expression; the slowest takes half a second. */
const TIMEOUT_MS = 20_000

const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((file) =>
  /\.tsx?$/.test(file),
)
const found = files.map((file) => ({ file, ...findExpressions(file, readFileSync(SOURCE + file, 'utf8')) }))
const expressions = new Map(
  found.flatMap(({ file, literals }) =>
    literals.map(({ pattern, flags }) => [`/${pattern}/${flags}`, { file, pattern, flags }] as const),
  ),
)

function analyze(pattern: string, flags: string): string {
  const { status, ...diagnostics } = checkSync(pattern, flags, { timeout: TIMEOUT_MS })
  return 'complexity' in diagnostics ? `${status}, ${diagnostics.complexity?.type}` : status
}

describe('check of regular expressions', () => {
  it.each([
    ['quadratic', '^bearer +(.*)$', 'i', 'vulnerable, polynomial'],
    ['exponential', '^(a+)+$', '', 'vulnerable, exponential'],
  ])('reports an expression that is %s', (_how, pattern, flags, complexity) => {
    expect(analyze(pattern, flags)).toBe(complexity)
  })

  it('finds the regular expressions of a program, and nothing that only looks like one', () => {
    const source = `
      // /comment/
      const text: string = '/text/' as string
      const quotient = 4 / 2 / 1
      const names = z.string().regex(/a+/u).or(z.string())
      const page = <p title="/title/">/words/ {/b"+/.test(text)}</p>
      const built = new RegExp(text), called = RegExp(text)
    `
    expect(findExpressions('page.tsx', source)).toEqual({
      literals: [
        { pattern: 'a+', flags: 'u' },
        { pattern: 'b"+', flags: '' },
      ],
      built: 2,
    })
  })

  it('reads all source files', () => {
    expect(files.length).toBeGreaterThan(100)
    expect(expressions.size).toBeGreaterThan(30)
  })
})

describe('source code', () => {
  it('builds no regular expression at run time', () => {
    expect(found.filter(({ built }) => built > 0).map(({ file }) => file)).toEqual([])
  })

  it.each([...expressions])(
    'uses only expressions that take at most linear time: %s',
    (_text, expression) => {
      const { file, pattern, flags } = expression
      expect(`${file}: ${analyze(pattern, flags)}`).toMatch(/: safe, (safe|linear)$/)
    },
  )
})
