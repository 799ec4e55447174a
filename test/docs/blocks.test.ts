/** That every block of code is checked or says why not, and the checks of blocks that are data. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { unstable_readConfig as readWranglerConfig } from 'wrangler'
import { readBranding } from '../../scripts/branding.ts'
import { problemsOf, valid } from '../config/example-settings.ts'
import { type Block, blocks, blocksOf, checkedBlocks, documents, LANGUAGES, placeOf } from './documents.ts'

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-docs-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** What may follow the language: a reason, the statuses of a block's responses, or that the previous block goes on. */
const NOTES = [
  { note: /^no-run: \S+ \S+/, languages: /^[a-z]+$/ },
  { note: /^status:( \d{3})+$/, languages: /^sh$/ },
  { note: /^continues$/, languages: /^(js|ts)$/ },
]
const KNOWN: readonly string[] = Object.values(LANGUAGES).flat()

function isClassified({ language, note }: Block): boolean {
  if (note === '') return KNOWN.includes(language)
  const allowed = NOTES.find((one) => one.note.test(note))
  return allowed?.languages.test(language) === true && (note.startsWith('no-run') || KNOWN.includes(language))
}

const fenced = (info: string) => blocksOf({ path: 'x.md', text: `# x\n\n\`\`\`${info}\n{\n\`\`\`\n` })

describe('blocks of code', () => {
  it('have a language that is checked, or say why they are not', () => {
    expect(blocks.length).toBeGreaterThan(80)
    expect(blocks.filter((block) => !isClassified(block)).map(placeOf)).toEqual([])
  })

  it.each([
    '',
    'bash',
    'sh no-run',
    'sh no-run:',
    'sh no-run: because',
    'sh status: ok',
    'json continues',
    'js run',
  ])('are refused with the info string "%s"', (info) =>
    expect(fenced(info).map(isClassified)).toEqual([false]),
  )

  it('are found in every document, each with two fences', () => {
    const fences = documents.flatMap(({ text }) => text.match(/^ *(```|~~~)/gm) ?? [])
    expect(fences).toHaveLength(2 * blocks.length)
  })
})

function parseJson(code: string): void {
  JSON.parse(code)
}

/** Header lines, as in a message of HTTP. */
function parseHttp(code: string): void {
  for (const line of code.trimEnd().split('\n')) {
    const [, name = '', value = ''] = /^([^:\s]+): (.+)$/.exec(line) ?? []
    new Headers([[name, value]])
  }
}

/** A part of wrangler.toml, whose settings the service must accept. */
function parseToml(code: string): void {
  const config = join(folder, 'wrangler.toml')
  writeFileSync(config, `name = "docs"\nmain = "index.js"\ncompatibility_date = "2026-10-23"\n${code}`)
  const warn = vi.spyOn(console, 'warn').mockReturnValue()
  const { vars, services } = readWranglerConfig({ config })
  expect(warn.mock.calls).toEqual([])
  const bindings = Object.fromEntries(
    services.map(({ binding }: { readonly binding: string }) => [binding, { fetch }]),
  )
  expect(
    problemsOf({ ...valid, CHALLENGE_SECRET: valid.AUTH_SECRET, ...structuredClone(vars), ...bindings }),
  ).toEqual([])
}

/** A file in branding/. */
function parseBranding(name: string, code: string): void {
  const branding = mkdtempSync(join(folder, 'branding-'))
  writeFileSync(join(branding, name), code)
  expect(readBranding(branding).problems).toEqual([])
}

const PARSERS: Readonly<Record<(typeof LANGUAGES.data)[number], (code: string) => void>> = {
  json: parseJson,
  http: parseHttp,
  toml: parseToml,
  svg: (code) => parseBranding('logo.svg', code),
  css: (code) => parseBranding('theme.css', code),
}

describe.each(LANGUAGES.data)('a block of %s', (language) => {
  const data = checkedBlocks('data').filter((block) => block.language === language)

  it.each(data.map((block) => [placeOf(block), block] as const))('is accepted: %s', (_place, { code }) => {
    expect(() => PARSERS[language](code)).not.toThrow()
  })

  it('is refused if it is not valid', () => {
    expect(data).not.toHaveLength(0)
    const invalid = {
      json: '{',
      http: 'no header',
      toml: '[[services]]\nbinding = "A"',
      svg: '<svg>',
      css: '}',
    }
    expect(() => PARSERS[language](invalid[language])).toThrow()
  })
})
