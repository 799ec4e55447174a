/** Compiles the examples of docs/origins.md in strict mode, in a project with the package as it is published. */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const TSC = join(ROOT, 'node_modules/.bin/tsc')
const folders: string[] = []

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})

/** @returns the block of the document that contains this text */
function block(text: string): string {
  const document = readFileSync(join(ROOT, 'docs/origins.md'), 'utf8')
  const blocks = [...document.matchAll(/^```js\n(.*?)^```/gms)].map(([, code = '']) => code)
  const found = blocks.find((code) => code.includes(text))
  if (found === undefined) throw new Error(`docs/origins.md shows nothing with ${text}`)
  return found
}

const VERIFIER = `import { createVerifier } from 'gatehouse-edge/verify'
const verifier = createVerifier({ issuer: 'https://auth.example.com', audience: 'https://auth.example.com' })
`
const [, ...ROUTES] = block('gatehouse-edge/verify/express').split(/^(?=app\.get)/m)
const [EXPRESS = '', FASTIFY = '', HONO = ''] = ROUTES

const adapter = (
  name: string,
  framework: string,
  route: string,
) => `import { requireBearer } from 'gatehouse-edge/verify/${name}'
${framework}
${VERIFIER}${route}`

const PROGRAMS = {
  'express.ts': adapter('express', "import express from 'express'\nconst app = express()", EXPRESS),
  'fastify.ts': adapter('fastify', "import fastify from 'fastify'\nconst app = fastify()", FASTIFY),
  'hono.ts': adapter('hono', "import { Hono } from 'hono'\nconst app = new Hono()", HONO),
}
const FRAMEWORKS = ['express', '@types/express', 'fastify', 'hono']

/** Only Node.js, without any framework or its types. */
const PLAIN = {
  'plain.ts': `import { createServer } from 'node:http'
import { VerificationError, type InvalidTokenReason } from 'gatehouse-edge/verify'
import { requireBearer } from 'gatehouse-edge/verify/express'
${VERIFIER}
const check = requireBearer(verifier)
createServer((request, response) => void check(request, response, () => response.end()))
export const reasonOf = (error: unknown): InvalidTokenReason | undefined =>
  error instanceof VerificationError ? error.reason : undefined
`,
}

/** @returns the output of tsc, which is empty if the programs compile */
function compile(
  programs: Readonly<Record<string, string>>,
  packages: readonly string[],
  options: object,
): string {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-types-'))
  folders.push(folder)
  const modules = join(folder, 'node_modules')
  for (const name of ['package.json', 'dist/verify']) {
    cpSync(join(ROOT, name), join(modules, 'gatehouse-edge', name), { recursive: true })
  }
  for (const name of ['jose', '@types/node', ...packages]) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name))
  }
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  for (const [name, text] of Object.entries(programs)) writeFileSync(join(folder, name), text)
  const compilerOptions = { strict: true, target: 'es2022', types: ['node'], noEmit: true, ...options }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*'] }))
  try {
    return execFileSync(TSC, ['-p', folder], { encoding: 'utf8' })
  } catch (error) {
    return String((error as { stdout?: unknown }).stdout)
  }
}

const BUNDLER = { module: 'esnext', moduleResolution: 'bundler' }
const STRICTEST = { exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false }

describe('documented use of the library', () => {
  it.each<[string, object]>([
    ['module nodenext, skipLibCheck', { module: 'nodenext', skipLibCheck: true }],
    ['module esnext for a bundler, every check', { ...BUNDLER, ...STRICTEST }],
  ])('compiles the documented use with the frameworks in strict mode: %s', (_what, options) => {
    expect(ROUTES).toHaveLength(3)
    expect(compile(PROGRAMS, FRAMEWORKS, options)).toBe('')
  })

  it('compiles a use without any framework or its types', () => {
    expect(compile(PLAIN, [], { module: 'nodenext', ...STRICTEST })).toBe('')
  })

  it('compiles the documented logging of the reason as checked JavaScript', () => {
    const logging = { 'logging.js': block('error.reason') }
    const options = { ...BUNDLER, strict: false, allowJs: true, checkJs: true, skipLibCheck: true }
    expect(compile(logging, [], options)).toBe('')
  })

  it('types the claims: a subject is not a number', () => {
    const invalid = {
      'express.ts': PROGRAMS['express.ts'].replace('request.auth.sub', 'request.auth.sub.toFixed()'),
    }
    expect(compile(invalid, FRAMEWORKS, { module: 'nodenext', skipLibCheck: true })).toContain('toFixed')
  })
})
