/** Compiles the programs in the documents. `npm run test:frameworks` compiles those for React and Vue. */
import { describe, expect, it } from 'vitest'
import { compile } from './compile.ts'
import { FRAMEWORKS, programsIn } from './programs.ts'

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

const isPlain = (document: string) => !FRAMEWORKS.includes(document)

describe('the programs in documents', () => {
  it('compile, if they are TypeScript', () => {
    expect(compile(programsIn(['ts'], isPlain), PACKAGES, OPTIONS)).toBe('')
  })

  it('compile as checked JavaScript', () => {
    expect(compile({ ...programsIn(['js', 'mjs'], isPlain), ...SERVED }, PACKAGES, JAVASCRIPT)).toBe('')
  })

  it.each(['js', 'ts'])('are refused with a call that the package does not have (%s)', (language) => {
    const code = `import { createClient } from 'gatehouse-edge/client'\ncreateClient({ url: '' }).logInn()\n`
    expect(compile({ [`1.${language}`]: code }, PACKAGES, JAVASCRIPT)).toContain('logInn')
  })
})
