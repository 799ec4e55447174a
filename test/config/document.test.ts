/** docs/configuration.md against the settings that the service reads. */
import { describe, expect, it } from 'vitest'
import { problemsOf, valid } from './example-settings.ts'

const [document = ''] = Object.values(
  import.meta.glob<string>('../../docs/configuration.md', { query: '?raw', import: 'default', eager: true }),
)
/** The text of src/config/. */
const sources = Object.values(
  import.meta.glob<string>('../../src/config/*.ts', { query: '?raw', import: 'default', eager: true }),
).join('')

interface Row {
  readonly name: string
  readonly isSecret: boolean
  readonly bounds: string
}

const rows: readonly Row[] = [...document.matchAll(/^\| `([A-Z0-9_]+)` \| ([^|]+) \| ([^|]*) \|/gm)].map(
  ([, name = '', byDefault = '', bounds = '']) => ({
    name,
    isSecret: byDefault.includes('**secret**'),
    bounds,
  }),
)
const number = (text: string) => Number(text.replaceAll(',', ''))
const numbers = rows.flatMap(({ name, bounds }) => {
  const [, min, max] = /^([\d,]+) to ([\d,]+)$/.exec(bounds.trim()) ?? []
  return min === undefined || max === undefined ? [] : [{ name, min: number(min), max: number(max) }]
})

describe('the table of settings in docs/configuration.md', () => {
  it('names every setting of the service once, and no other', () => {
    const settings = [...sources.matchAll(/^ {2}readonly ([A-Z0-9_]+)\?: Setting$/gm)].map(
      ([, name = '']) => name,
    )
    expect(settings.length).toBeGreaterThan(30)
    expect(rows.map(({ name }) => name).toSorted()).toEqual(settings.toSorted())
  })

  it('marks as secrets the settings that must have 32 bytes', () => {
    const secrets = rows.filter(({ isSecret }) => isSecret)
    expect(secrets.length).toBeGreaterThan(3)
    const provider = { CHALLENGE_PROVIDER: 'turnstile', CHALLENGE_SITE_KEY: 'a site key' }
    for (const { name, bounds } of secrets) {
      expect(bounds.trim()).toBe('32 bytes or more')
      expect(
        problemsOf({ ...valid, ...provider, CHALLENGE_SECRET: 'x'.repeat(32), [name]: 'x'.repeat(31) }),
      ).toEqual([name])
    }
  })

  it.each(numbers)('has the bounds of $name: $min to $max', ({ name, min, max }) => {
    for (const value of [min, max]) expect(problemsOf({ ...valid, [name]: value })).toEqual([])
    for (const value of [min - 1, max + 1]) expect(problemsOf({ ...valid, [name]: value })).toEqual([name])
  })

  it('has bounds for every number that the service reads', () => {
    const read = [...sources.matchAll(/reader\.integer\('([A-Z0-9_]+)'/g)].map(([, name = '']) => name)
    expect(numbers.map(({ name }) => name).toSorted()).toEqual(read.toSorted())
  })
})
