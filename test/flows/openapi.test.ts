import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import openApi from '../../dist/openapi.txt'
import { ERRORS } from '../../src/errors/codes.ts'
import { isolateFor } from '../../src/isolate.ts'
import { call, ok, PUBLIC_URL } from '../support/client.ts'
import type { OpenApiDocument } from '../support/responses.ts'

const document: OpenApiDocument = JSON.parse(openApi)
const OPERATIONS = Object.entries(document.paths).flatMap(([path, operations]) =>
  Object.entries(operations).map(([method, operation]) => ({
    name: `${method.toUpperCase()} ${path}`,
    method: method.toUpperCase(),
    path,
    ...operation,
  })),
)
/** The document itself, and a page for each error. */
const UNDESCRIBED = ['GET /openapi.json', 'GET /errors/{code}']

/** The routes of an app without hosted pages. Forward auth accepts any method, and any path below its own. */
function routesOfApp(): readonly string[] {
  const { routes } = isolateFor({ ...env, PAGES: { enabled: false } }).app
  const names = routes
    .filter(({ path }) => !path.endsWith('/*'))
    .map(({ method, path }) => `${method === 'ALL' ? 'GET' : method} ${path.replace(/:(\w+)/g, '{$1}')}`)
  return [...new Set(names)].filter((name) => !UNDESCRIBED.includes(name))
}

describe('the OpenAPI document', () => {
  it('has every route of the app, and no other', () => {
    expect(OPERATIONS.map(({ name }) => name).toSorted()).toEqual(routesOfApp().toSorted())
    expect(OPERATIONS.length).toBeGreaterThan(30)
  })

  it('is served with the address of the service', async () => {
    const served = await ok<OpenApiDocument>(call('GET', '/openapi.json'))
    expect(served).toEqual({ ...document, servers: [{ url: PUBLIC_URL }] })
  })

  it('names each operation once, by a verb and a noun, and describes each tag', () => {
    const names = OPERATIONS.map(({ operationId }) => operationId)
    expect(new Set(names).size).toBe(names.length)
    expect(names.filter((name) => !/^[a-z]+([A-Z][a-z]+)+$/.test(name))).toEqual([])
    const described = document.tags.filter(({ description }) => description !== '').map(({ name }) => name)
    expect(new Set(OPERATIONS.flatMap(({ tags }) => tags))).toEqual(new Set(described))
  })

  it('declares each error of the service at some operation, except those of other paths', () => {
    const declared = new Set(Object.keys(document.components.examples))
    expect([...declared].toSorted()).toEqual(Object.keys(ERRORS).toSorted())
    const text = JSON.stringify(document.paths)
    const unused = Object.keys(ERRORS).filter((code) => !text.includes(`"${code}"`))
    expect(unused).toEqual(['method_not_allowed', 'bad_gateway', 'gateway_timeout'])
  })

  it.each(OPERATIONS)('has examples of the bodies of requests and responses: $name', (operation) => {
    const bodies = [operation.requestBody, ...Object.values(operation.responses)].flatMap((each) =>
      Object.values(each?.content ?? {}),
    )
    expect(bodies.length).toBeGreaterThan(0)
    expect(bodies.filter((body) => !('example' in body || 'examples' in body))).toEqual([])
  })

  it.each(OPERATIONS)('declares the exact status of an empty request: $name', async (operation) => {
    const { name, method, path, requestBody, security, responses } = operation
    const { status } = await call(
      method,
      path.replace('{rule}', 'registrations_per_ip').replace(/\{\w+\}/g, 'x'),
    )
    expect(Object.keys(responses)).toContain(String(status))
    expect(Object.keys(responses)).not.toContain('default')
    // A cookie may take the place of this body.
    const needsBody = requestBody?.required === true || name === 'POST /auth/refresh'
    const takesForms = path.startsWith('/oauth2/')
    expect(status === (takesForms ? 400 : 415)).toBe(needsBody)
    expect(status === 401).toBe(!needsBody && security !== undefined)
  })
})
