/**
 * Writes the texts of the pages, one file for each language: dist/languages/<language>.txt. The Worker imports them as text and
 * parses the language that a request needs. The texts of branding/messages.<language>.json replace the service's own.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { fail } from './local-database.ts'

const TARGET = new URL('../dist/languages/', import.meta.url)
const BRANDING = new URL('../branding/', import.meta.url)
/** Not a literal, so that the types of the Worker stay out of this program. */
const TEXTS: string = fileURLToPath(new URL('languages/texts.ts', import.meta.url))

interface Texts {
  readonly MESSAGES: Readonly<Record<string, object>>
  readonly renderTexts: (messages: object, replacements: unknown) => string
}

const { MESSAGES, renderTexts }: Texts = await import(TEXTS)
const names = Object.keys(MESSAGES).map((language) => `messages.${language}.json`)
const given = existsSync(BRANDING) ? readdirSync(BRANDING) : []
const unknown = given.find((name) => /^messages\..*json$/i.test(name) && !names.includes(name))
if (unknown !== undefined)
  fail(`branding/${unknown} belongs to no language: the names are ${names.join(', ')}.`)
mkdirSync(TARGET, { recursive: true })
for (const [language, messages] of Object.entries(MESSAGES))
  writeFileSync(new URL(`${language}.txt`, TARGET), textsOf(language, messages))

function textsOf(language: string, messages: object): string {
  const name = `messages.${language}.json`
  try {
    const text = given.includes(name) ? readFileSync(new URL(name, BRANDING), 'utf8') : '{}'
    return renderTexts(messages, JSON.parse(text))
  } catch (error) {
    return fail(`branding/${name}: ${error instanceof Error ? error.message : error}`)
  }
}
