/** .dev.vars.example against docs/configuration.md, whose names another test compares with the code. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const example = read('.dev.vars.example')
const configuration = read('docs/configuration.md')
const namesIn = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, name]) => name)

describe('.dev.vars.example', () => {
  it('has every setting once, in the order of docs/configuration.md', () => {
    const settings = namesIn(configuration, /^\| `([A-Z0-9_]+)` \|/gm)
    expect(settings.length).toBeGreaterThan(30)
    expect(namesIn(example, /^# ([A-Z0-9_]+)=/gm)).toEqual(settings)
  })

  it('sets nothing, and has no value for a secret', () => {
    expect(example.split('\n').filter((line) => line !== '' && !line.startsWith('# '))).toEqual([])
    const secrets = namesIn(configuration, /^\| `([A-Z0-9_]+)` \| [^|]*\*\*secret\*\*/gm)
    expect(secrets.length).toBeGreaterThan(3)
    expect(secrets.filter((name) => !example.includes(`\n# ${name}=\n`))).toEqual([])
  })
})
