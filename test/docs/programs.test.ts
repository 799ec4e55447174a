/** Compiles the programs in the documents. `npm run test:frameworks` compiles those for React and Vue. */
import { symlinkSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { compile } from './compile.ts'
import { programsIn } from './programs.ts'

/** The documents whose programs need packages that the project does not have. */
const FRAMEWORKS = ['docs/spa/react.md', 'docs/spa/vue.md']
const SERVED = `declare module '*/assets/client/index.js' { export * from 'gatehouse-edge/client' }`
const hasPackages = (document: string) => !FRAMEWORKS.includes(document)
const javaScript = programsIn(['js', 'mjs'], hasPackages)
void symlinkSync

const OPTIONS = { module: 'esnext', moduleResolution: 'bundler', moduleDetection: 'force', skipLibCheck: true }
const compileJavaScript = (programs: typeof javaScript) =>
  compile({ ...programs, 'served.d.ts': SERVED }, ['express', '@types/express', 'fastify', 'hono'], {
    ...OPTIONS,
    lib: ['es2024', 'dom', 'dom.iterable', 'dom.asynciterable'],
    allowJs: true,
    checkJs: true,
    strict: false,
  })

describe('programs in documents', () => {
  it('compile as checked JavaScript', () => {
    console.log(Object.keys(javaScript))
    expect(compileJavaScript(javaScript)).toBe('')
  })
})
