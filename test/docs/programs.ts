/** The programs in the documents: blocks of JavaScript and TypeScript, scripts of pages, and files that commands write. */
import type { Programs } from './compile.ts'
import { type Block, checkedBlocks } from './documents.ts'

/** The documents whose programs need packages that the project does not have. */
export const FRAMEWORKS: readonly string[] = ['docs/spa/react.md', 'docs/spa/vue.md']

const SCRIPTS = /<script type="module">\n(?<code>[\s\S]*?)<\/script>/g
const FILES = /^cat > \S+\.(?<language>html|mjs) <<'END'\n(?<code>[\s\S]*?)^END$/gm

/** @returns the block itself, and the programs in it, with their own lines */
function withEmbedded(block: Block): readonly Block[] {
  const embedded = { html: SCRIPTS, sh: FILES }[block.language]
  const found = embedded === undefined ? [] : [...block.code.matchAll(embedded)]
  const inner = found.flatMap(({ index, 0: all, groups: { language = 'mjs', code = '' } = {} }) => {
    const before = block.code.slice(0, index + all.indexOf(code))
    return withEmbedded({
      ...block,
      language,
      code,
      line: block.line + before.split('\n').length - 1,
      note: '',
    })
  })
  return [block, ...inner]
}

/** At the lines that the code has in its document, so that messages of the compiler name these lines. */
const atItsLine = ({ line, code }: Block) => '\n'.repeat(line) + code

/** A first line such as `// src/App.tsx` names the file. */
const fileOf = ({ line, language, code }: Block) =>
  /^(?:\/\/|<!--) (\S+\.\w+)(?: -->)?\n/.exec(code)?.[1] ?? `${line}.${language}`

/**
 * @returns the programs in these languages, by document and file, or line. A block that continues the one before it is in the
 *   same file.
 */
export function programsIn(languages: readonly string[], isPartOf: (document: string) => boolean): Programs {
  const programs: Record<string, string> = {}
  let last = ''
  for (const block of [...checkedBlocks('programs'), ...checkedBlocks('commands')].flatMap(withEmbedded)) {
    if (!languages.includes(block.language) || !isPartOf(block.document)) continue
    const before = block.note === 'continues' ? (programs[last] ?? '') : ''
    if (block.note !== 'continues') last = `${block.document}/${fileOf(block)}`
    programs[last] = before + atItsLine(block).slice(before.split('\n').length - 1)
  }
  return programs
}
