import { beforeAll, describe, expect, it } from 'vitest'
import { call, ok, PUBLIC_URL } from '../support/client.ts'
import type { OpenApiDocument } from '../support/responses.ts'

let document: OpenApiDocument
beforeAll(async () => {
  document = await ok<OpenApiDocument>(call('GET', '/openapi.json'))
})

const OPERATIONS = [
  'GET /admin/keys',
  'POST /admin/keys/rotate',
  'DELETE /admin/keys/{kid}',
  'GET /admin/users/{id}',
  'PATCH /admin/users/{id}',
  'DELETE /admin/users/{id}/sessions',
  'DELETE /admin/sessions',
  'GET /admin/clients',
  'POST /admin/clients',
  'DELETE /admin/clients/{client_id}',
  'POST /oauth2/introspect',
  'POST /oauth2/revoke',
  'POST /auth/register',
  'POST /auth/login',
  'POST /auth/refresh',
  'POST /auth/logout',
  'GET /auth/me',
  'PATCH /auth/me',
  'PUT /auth/me/password',
  'DELETE /auth/me',
  'GET /auth/sessions',
  'DELETE /auth/sessions',
  'DELETE /auth/sessions/{id}',
  'GET /auth/challenge',
  'GET /auth/verify',
  'GET /admin/limits',
  'PUT /admin/limits',
  'GET /admin/limits/{rule}',
  'PUT /admin/limits/{rule}',
  'GET /.well-known/jwks.json',
  'GET /healthz',
]

describe('the OpenAPI document', () => {
  it('declares every operation of the service, and no other', () => {
    const declared = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(declared.toSorted()).toEqual(OPERATIONS.toSorted())
    expect(document.servers).toEqual([{ url: PUBLIC_URL }])
  })

  it.each(OPERATIONS)('answers an empty request with a status that OpenAPI declares: %s', async (name) => {
    const [method = '', path = ''] = name.split(' ')
    const operation = document.paths[path]?.[method.toLowerCase()]
    const { status } = await call(
      method,
      path.replace('{id}', 'x').replace('{kid}', 'x').replace('{rule}', 'registrations_per_ip'),
    )
    const declared = Object.keys(operation?.responses ?? {})
    expect(declared.includes(String(status)) || (status >= 400 && declared.includes('default'))).toBe(true)
    // A cookie may take the place of this body.
    const needsBody = operation?.requestBody?.required === true || name === 'POST /auth/refresh'
    const takesForms = path.startsWith('/oauth2/')
    expect(status === (takesForms ? 400 : 415)).toBe(needsBody)
    expect(status === 401).toBe(!needsBody && operation?.security !== undefined)
  })
})
