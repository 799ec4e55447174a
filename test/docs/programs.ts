/** The programs in the documents: blocks of JavaScript and TypeScript, scripts of pages, and files that commands write. */
import type { Programs } from './compile.ts'
import { type Block, checkedBlocks } from './documents.ts'

/** Which test compiles a program: `npm run test:frameworks`, which has React and Vue, or one of programs.test.ts. */
export type Compiler = 'typescript' | 'javascript' | 'frameworks'

/** The documents whose TypeScript needs packages that the project does not have. */
const FRAMEWORKS: readonly string[] = ['docs/spa/react.md', 'docs/spa/vue.md']

const SCRIPTS = /<script type="module">\n(?<code>[\s\S]*?)<\/script>/g
const SCRIPT_FILES = /<script type="module" src="(?<file>[^"]+)">/g
const FILES = /^cat > \S+\.(?<language>html|mjs|js|tsx?|vue) <<'(?<end>\w+)'\n(?<code>[\s\S]*?)^\k<end>$/gm

/** @returns undefined for a language that contains programs, such as HTML */
function compilerOf({ document, language }: Block): Compiler | undefined {
  if (language === 'ts') return FRAMEWORKS.includes(document) ? 'frameworks' : 'typescript'
  if (language === 'tsx' || language === 'vue') return 'frameworks'
  return language === 'js' || language === 'mjs' ? 'javascript' : undefined
}

/** @returns the scripts of a page, or the files that commands write, with their own lines */
function embeddedIn(block: Block): readonly Block[] {
  const embedded = { html: SCRIPTS, sh: FILES }[block.language]
  const found = embedded === undefined ? [] : [...block.code.matchAll(embedded)]
  return found.map(({ index, 0: all, groups: { language = 'mjs', code = '' } = {} }) => {
    const before = block.code.slice(0, index + all.indexOf(code))
    return { ...block, language, code, line: block.line + before.split('\n').length - 1, note: '' }
  })
}

/** At the lines that the code has in its document, so that messages of the compiler name these lines. */
const atItsLine = ({ line, code }: Block) => '\n'.repeat(line) + code

/** A first line such as `// src/App.tsx` names the file. */
const fileOf = ({ line, language, code }: Block) =>
  /^(?:\/\/|<!--) (\S+\.\w+)(?: -->)?\n/.exec(code)?.[1] ?? `${line}.${language}`

/** Blocks of programs, and the files that commands write. */
export const programBlocks: readonly Block[] = [
  ...checkedBlocks('programs'),
  ...checkedBlocks('commands').flatMap(embeddedIn),
]

/** @returns the programs by document and file, or line. A block that continues the one before it is in the same file. */
export function programsFor(compiler: Compiler): Programs {
  const programs: Record<string, string> = {}
  let last = ''
  for (const block of programBlocks.flatMap((one) => [one, ...embeddedIn(one)])) {
    if (compilerOf(block) !== compiler) continue
    const before = block.note === 'continues' ? (programs[last] ?? '') : ''
    if (block.note !== 'continues') last = `${block.document}/${fileOf(block)}`
    programs[last] = before + atItsLine(block).slice(before.split('\n').length - 1)
  }
  return programs
}

/** @returns true if a test compiles the program: for HTML each of its scripts, of which there must be one */
export function isCompiled(block: Block): boolean {
  if (block.language !== 'html') return compilerOf(block) !== undefined
  const files = [...block.code.matchAll(SCRIPT_FILES)].map(
    ({ groups }) => `${block.document}/${groups?.file}`,
  )
  const compiled = Object.keys(programsFor('javascript'))
  const scripts = embeddedIn(block).length + files.filter((file) => compiled.includes(file)).length
  return scripts > 0 && scripts === block.code.match(/<script\b/g)?.length
}
