/** Compiles the examples of docs/origins.md in strict mode, in a project with the package as it is published. */
import { describe, expect, it } from 'vitest'
import { compile } from '../docs/compile.ts'
import { blocks } from '../docs/documents.ts'

/** @returns the block of the document that contains this text */
function block(text: string): string {
  const found = blocks.find(({ document, code }) => document === 'docs/origins.md' && code.includes(text))
  if (found === undefined) throw new Error(`docs/origins.md shows nothing with ${text}`)
  return found.code
}

const VERIFIER = `import { createVerifier } from 'gatehouse-edge/verify'
const verifier = createVerifier({ issuer: 'https://auth.example.com', audience: 'https://auth.example.com' })
`
const PROGRAMS = {
  'express.ts': block('gatehouse-edge/verify/express'),
  'fastify.ts': block('gatehouse-edge/verify/fastify'),
  'hono.ts': block('gatehouse-edge/verify/hono'),
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

const BUNDLER = { module: 'esnext', moduleResolution: 'bundler' }
const STRICTEST = { exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, skipLibCheck: false }

describe('documented use of the library', () => {
  it.each<[string, object]>([
    ['module nodenext, skipLibCheck', { module: 'nodenext', skipLibCheck: true }],
    ['module esnext for a bundler, every check', { ...BUNDLER, ...STRICTEST }],
  ])('compiles the documented use with the frameworks in strict mode: %s', (_what, options) => {
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
