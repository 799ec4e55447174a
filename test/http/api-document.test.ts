/** docs/http-api.md and docs/gatehouse.http against the OpenAPI document, which the build makes of the routes. */
import { describe, expect, it } from 'vitest'
import openApi from '../../dist/openapi.txt'
import type { OpenApiDocument } from '../support/responses.ts'

const [text = ''] = Object.values(
  import.meta.glob<string>('../../docs/http-api.md', { query: '?raw', import: 'default', eager: true }),
)
const [collection = ''] = Object.values(
  import.meta.glob<string>('../../docs/gatehouse.http', { query: '?raw', import: 'default', eager: true }),
)
const document: OpenApiDocument = JSON.parse(openApi)

/** The errors that the text above the table names for every call, and for every call with a body. */
const COMMON = [
  'malformed_request',
  'misconfigured',
  'unavailable',
  'internal',
  'body_too_large',
  'unsupported_media_type',
  'malformed_json',
]

interface JsonObject {
  readonly [name: string]: unknown
}
const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null

/** @returns all values of the members with this name, at any depth */
function membersOf(value: unknown, name: string): readonly unknown[] {
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([key, member]) => [
    ...(key === name ? [member] : []),
    ...membersOf(member, name),
  ])
}

/** @returns the codes that a response narrows `code` or `error` to */
function codesOf(response: unknown): readonly string[] {
  const narrowed = membersOf(response, 'properties').flatMap((properties) =>
    isObject(properties) ? membersOf(properties.code ?? properties.error, 'enum') : [],
  )
  return narrowed.flat().map(String)
}

function rowOf(call: string, responses: JsonObject): string {
  const statuses = Object.keys(responses).filter((status) => Number(status) < 400)
  const codes = Object.values(responses)
    .flatMap(codesOf)
    .filter((code) => !COMMON.includes(code))
  const errors = codes.length === 0 ? 'none' : codes.map((code) => `\`${code}\``).join(', ')
  return `| \`${call}\` | ${statuses.join(', ')} | ${errors} |`
}

describe('docs/http-api.md', () => {
  it('has the statuses and errors of each call as the routes declare them', () => {
    const expected = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.entries(operations).map(([method, { responses }]) =>
        rowOf(`${method.toUpperCase()} ${path}`, responses),
      ),
    )
    const rows = text.split('\n').filter((line) => /^\| `[A-Z]+ \/\S+` \| [\d, ]+ \|/.test(line))
    expect(expected.length).toBeGreaterThan(30)
    expect(rows).toEqual(expected)
  })

  it('names every field and parameter of requests and responses', () => {
    const fields = membersOf(document, 'properties').flatMap((properties) =>
      isObject(properties) ? Object.keys(properties) : [],
    )
    const parameters = membersOf(document.paths, 'parameters')
      .flat()
      .flatMap((parameter) => (isObject(parameter) ? String(parameter.name) : []))
    const names = [...new Set([...fields, ...parameters])]
    expect(names.length).toBeGreaterThan(70)
    const isNamed = (name: string) => new RegExp(`["\`?{ ]${name}["\`=}?, ]`).test(text)
    expect(names.filter((name) => !isNamed(name))).toEqual([])
  })
})

describe('docs/gatehouse.http', () => {
  it('has a request for every call of the OpenAPI document, and for no other', () => {
    const expected = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path.replace(/\{[^}]+\}/g, '{}')}`),
    )
    const requests = [...collection.matchAll(/^([A-Z]+) \{\{url\}\}([^\s?]+)/gm)].map(
      ([, method, path = '']) => `${method} ${path.replace(/\{\{[^}]+\}\}/g, '{}')}`,
    )
    expect([...new Set(requests)].toSorted()).toEqual(expected.toSorted())
  })

  it('refers only to responses of requests above', () => {
    const isNamedAbove = (name: string | undefined, index: number) =>
      collection.slice(0, index).includes(`\n# @name ${name}\n`)
    const references = [...collection.matchAll(/\{\{(\w+)\.response\./g)]
    expect(references.length).toBeGreaterThan(20)
    const unknown = references.filter(({ 1: name, index }) => !isNamedAbove(name, index))
    expect(unknown.map(([reference]) => reference)).toEqual([])
  })
})
