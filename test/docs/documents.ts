/** The Markdown documents of the project and their blocks of code. CONTRIBUTING.md says how each kind of block is checked. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const DOCUMENTS = ['*.md', '{docs,examples}/**/*.md', '.github/**/*.md']

/** The languages of the blocks, by the test that checks them. */
export const LANGUAGES = {
  commands: ['sh'],
  programs: ['js', 'ts', 'tsx', 'vue', 'html'],
  data: ['json', 'toml', 'http', 'svg', 'css'],
} as const
type Kind = keyof typeof LANGUAGES

export interface Document {
  /** From the root of the project, with slashes. */
  readonly path: string
  readonly text: string
}

export interface Block {
  /** The path of its document. */
  readonly document: string
  /** Of its opening fence, from 1. */
  readonly line: number
  readonly language: string
  /** The rest of the info string. */
  readonly note: string
  readonly code: string
}

export const documents: readonly Document[] = globSync(DOCUMENTS, { cwd: ROOT })
  .map((path) => path.replaceAll('\\', '/'))
  .toSorted()
  .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8').replaceAll('\r\n', '\n') }))

export const blocks: readonly Block[] = documents.flatMap(blocksOf)

export function blocksOf({ path, text }: Document): readonly Block[] {
  const fenced = text.matchAll(/^ *```(\S*) *(.*)\n((?:.*\n)*?) *```$/gm)
  return [...fenced].map(({ index, 1: language = '', 2: note = '', 3: code = '' }) => ({
    document: path,
    line: text.slice(0, index).split('\n').length,
    language,
    note,
    code,
  }))
}

/** @returns false for a block that says why it is not checked */
export function isChecked({ note }: Block): boolean {
  return !note.startsWith('no-run:')
}

/** @returns the blocks that are to be checked, in the order of the documents */
export function checkedBlocks(kind: Kind): readonly Block[] {
  const languages: readonly string[] = LANGUAGES[kind]
  return blocks.filter((block) => languages.includes(block.language) && isChecked(block))
}

/** Where a block is, for the titles of tests. */
export function placeOf({ document, line, language, note }: Block): string {
  return `${document}:${line}: ${language} ${note}`.trim()
}
