/** Compiles the programs in the documents. `npm run test:frameworks` compiles those for React and Vue. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { compile } from './compile.ts'
import { type Block, placeOf } from './documents.ts'
import { isCompiled, programBlocks, programsFor } from './programs.ts'

/** What a page loads from the service has the types of the package. */
const SERVED = {
  'served.d.ts': `declare module '*/assets/client/index.js' { export * from 'gatehouse-edge/client' }`,
}
const PACKAGES = ['express', '@types/express', 'fastify', 'hono']
const OPTIONS = {
  module: 'esnext',
  moduleResolution: 'bundler',
  moduleDetection: 'force',
  skipLibCheck: true,
  lib: ['es2024', 'dom', 'dom.iterable', 'dom.asynciterable'],
}
const JAVASCRIPT = { ...OPTIONS, allowJs: true, checkJs: true, strict: false }

const page = (code: string): Block => ({
  document: 'docs/spa/plain.md',
  line: 1,
  language: 'html',
  note: '',
  code,
})
const CRASHES = { silently: 'process.exit(1)', 'with a message': 'throw new Error("no memory")' }

describe('the programs in documents', () => {
  it('are each compiled by a test', () => {
    expect(programBlocks.length).toBeGreaterThan(30)
    expect(programBlocks.filter((block) => !isCompiled(block)).map(placeOf)).toEqual([])
  })

  it.each([
    '<p>no script</p>',
    '<script type="module" src="missing.js"></script>',
    '<script type="module">\nlet first\n</script><script>let second</script>',
  ])('are missed in a page whose scripts no test compiles: %j', (code) =>
    expect(isCompiled(page(code))).toBe(false),
  )

  it('compile, if they are TypeScript', () => {
    expect(compile(programsFor('typescript'), PACKAGES, OPTIONS)).toBe('')
  })

  it('compile as checked JavaScript', () => {
    expect(compile({ ...programsFor('javascript'), ...SERVED }, PACKAGES, JAVASCRIPT)).toBe('')
  })

  it.each(['js', 'ts'])('are refused with a call that the package does not have (%s)', (language) => {
    const code = `import { createClient } from 'gatehouse-edge/client'\ncreateClient({ url: '' }).logInn()\n`
    expect(compile({ [`1.${language}`]: code }, PACKAGES, JAVASCRIPT)).toContain('logInn')
  })

  it.each(Object.entries(CRASHES))('are refused if the compiler crashes %s', (_how, code) => {
    const folder = mkdtempSync(join(tmpdir(), 'gatehouse-compiler-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const compiler = join(folder, 'compiler.js')
    writeFileSync(compiler, code)
    expect(compile({ '1.ts': '' }, [], {}, { compiler, modules: folder })).not.toBe('')
  })
})
