import { describe, expect, it } from 'vitest'
import { ERRORS, type ErrorCode, OAUTH_ERRORS } from '../../src/errors/codes.ts'
import { EXPLANATIONS } from '../../src/errors/explanations.ts'

const documents = import.meta.glob<string>('../../docs/errors.md', {
  query: '?raw',
  import: 'default',
  eager: true,
})
const lines = Object.values(documents).join('').split('\n')

const CODES = Object.keys(ERRORS) as readonly ErrorCode[]

/** The row of docs/errors.md that explains a problem. */
function rowOf(code: ErrorCode): string {
  const { status, title } = ERRORS[code]
  const { cause, remedy } = EXPLANATIONS[code]
  return `| \`${code}\` | ${status} | ${title} | ${cause} | ${remedy} |`
}

describe('the explanations of errors', () => {
  it.each(CODES)('consist of sentences, with names between backticks: %s', (code) => {
    for (const text of [EXPLANATIONS[code].cause, EXPLANATIONS[code].remedy]) {
      expect(text).toMatch(/^[A-Z`][^|\n]+\.$/)
      expect(text.split('`').length % 2).toBe(1)
    }
  })

  it('equal the table of problems in docs/errors.md', () => {
    const rows = lines.filter((line) => /^\| `[a-z_]+` \| \d{3}( \|[^|]+){3} \|$/.test(line))
    expect(rows).toEqual(CODES.map(rowOf))
  })
})

describe('the errors of /oauth2', () => {
  it('equal their table in docs/errors.md', () => {
    const rows = lines.filter((line) => /^\| `[a-z_]+` \| \d{3} \|[^|]+ \|$/.test(line))
    const expected = Object.entries(OAUTH_ERRORS).map(
      ([code, { status, description }]) => `| \`${code}\` | ${status} | ${description} |`,
    )
    expect(rows).toEqual(expected)
  })
})
