import { decodeJwt } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { admin } from '../support/admin.ts'
import { call, newPerson, ok, refused, workerWith } from '../support/client.ts'
import { watch } from '../support/counting.ts'
import type { Tokens } from '../support/responses.ts'

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']
const IDENTITY_HEADERS = ['X-Auth-Subject', 'X-Auth-Session', 'X-Auth-Roles', 'X-Auth-Scope']

/** An account with roles and a scope, and tokens that carry them. */
async function permitted(): Promise<Tokens> {
  const { user, refresh_token } = await newPerson()
  await ok(
    admin('PATCH', `/admin/users/${user.id}`, { roles: ['editor', 'reader'], scopes: ['orders:read'] }),
  )
  return ok<Tokens>(call('POST', '/auth/refresh', { body: { refresh_token } }))
}

let person: Tokens
beforeAll(async () => {
  person = await permitted()
})

const verify = (query = '', bearer = person.access_token) => call('GET', `/auth/verify${query}`, { bearer })

describe('forward auth', () => {
  it('returns the identity headers of the user, and an empty body', async () => {
    const response = await verify()
    expect(response.status).toBe(200)
    expect(await response.text()).toBe('')
    expect(Object.fromEntries(IDENTITY_HEADERS.map((name) => [name, response.headers.get(name)]))).toEqual({
      'X-Auth-Subject': person.user.id,
      'X-Auth-Session': decodeJwt(person.access_token).sid,
      'X-Auth-Roles': 'editor reader',
      'X-Auth-Scope': 'orders:read',
    })
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    // Only the gateway issues assertions.
    expect(response.headers.get('X-Auth-Assertion')).toBe(null)
  })

  it.each(METHODS)('decides %s requests at and below /auth/verify by the token', async (method) => {
    for (const path of ['/auth/verify', '/auth/verify/orders/1?x=y', '/auth/verify/']) {
      const headers = { 'Access-Control-Request-Method': 'PUT', Origin: 'https://app.example.test' }
      const asked = { headers, bearer: person.access_token }
      expect((await call(method, path, asked)).status).toBe(200)
      expect((await call(method, path, { headers })).status).toBe(401)
    }
  })

  it.each([
    '?roles=editor',
    '?roles=reader%20editor',
    '?roles=editor+reader&scope=orders:read',
    '?roles=editor&roles=reader',
    '?roles=',
  ])('allows a token that has every required role and scope: %s', async (query) => {
    expect((await verify(query)).status).toBe(200)
  })

  it.each([
    ['?roles=owner', ['owner'], [], 'role owner'],
    ['?roles=editor%20owner', ['owner'], [], 'role owner'],
    ['?roles=editor&roles=owner&roles=owner', ['owner'], [], 'role owner'],
    ['?scope=orders:write', [], ['orders:write'], 'scope orders:write'],
    ['?roles=editor%20owner&scope=admin%20orders:read', ['owner'], ['admin'], 'role owner, scope admin'],
    ['?roles=Editor', ['Editor'], [], 'role Editor'],
  ])('answers 403 with the missing roles and scopes of a token: %s', async (query, roles, scope, named) => {
    const response = await verify(query)
    expect(response.status).toBe(403)
    expect(response.headers.get('X-Auth-Subject')).toBe(null)
    expect(response.headers.get('WWW-Authenticate')).toBe(
      'Bearer realm="gatehouse", error="insufficient_scope"',
    )
    const { code, title, missing } = await refused(Promise.resolve(response))
    expect([code, title]).toEqual(['insufficient_scope', `Insufficient scope: missing ${named}`])
    expect(missing).toEqual({ roles, scope })
  })

  it.each([
    ['<script>alert(1)</script>', ['<script>alert(1)</script>']],
    ['owner"\r\nX-Forged: 1', ['owner"\r\nX-Forged:', '1']],
    ['r\u00f6le', ['r\u00f6le']],
    ['owner,editor', ['owner,editor']],
    ['x'.repeat(65), ['x'.repeat(65)]],
  ])('repeats an impossible role only in the list of missing roles: %j', async (text, roles) => {
    const response = await verify(`?${new URLSearchParams({ roles: text })}`)
    expect(response.headers.get('WWW-Authenticate')).not.toMatch(/[<,]\S|script|forged/i)
    const { title, detail, missing } = await refused(Promise.resolve(response))
    expect(missing).toEqual({ roles, scope: [] })
    const named = roles.includes('1') ? ': missing role 1' : ''
    expect(title).toBe(`Insufficient scope${named}`)
    expect(detail).not.toContain(roles[0])
  })

  it('names 8 of many missing roles in the title, and all of them in the list', async () => {
    const names = Array.from({ length: 200 }, (_, index) => `r${index}`)
    const { title, missing } = await refused(verify(`?roles=${names.join('+')}`))
    expect(missing?.roles).toEqual(names)
    expect(title).toMatch(/^Insufficient scope: missing role r0, .*role r7, 192 more$/)
  })

  it('reports a role that the account has lost as missing if the session is checked', async () => {
    const { access_token: bearer, user } = await permitted()
    await ok(admin('PATCH', `/admin/users/${user.id}`, { roles: ['reader'] }))
    expect((await verify('?roles=editor+reader', bearer)).status).toBe(200)
    const { missing } = await refused(verify('?roles=editor+reader&session=check', bearer))
    expect(missing).toEqual({ roles: ['editor'], scope: [] })
  })

  it('checks the session only with session=check, and then rejects one that has ended', async () => {
    const { access_token: bearer } = await permitted()
    const watched = watch()
    const fetch = workerWith(watched.bindings)
    for (const [query, rpc] of [
      ['', 0],
      ['?session=check', 1],
    ] as const) {
      await call('GET', `/auth/verify${query}`, { bearer }, fetch)
      watched.reset()
      expect((await call('GET', `/auth/verify${query}`, { bearer }, fetch)).status).toBe(200)
      expect(watched.counts).toEqual({ d1: 0, rpc })
    }
    await ok(call('POST', '/auth/logout', { bearer }), 204)
    expect((await verify('', bearer)).status).toBe(200)
    expect((await refused(verify('?session=check', bearer))).code).toBe('invalid_token')
  })

  it('rejects a query parameter with an unknown value instead of ignoring it', async () => {
    const { code, errors } = await refused(verify('?session=chek'))
    expect([code, errors?.map(({ field }) => field)]).toEqual(['invalid_request', ['session']])
  })

  it.each([
    ['a request without credentials', {}],
    ['another scheme', { Authorization: 'Basic eDp5' }],
    ['an invalid token', { Authorization: 'Bearer none' }],
    ['identity headers alone', { 'X-Auth-Subject': 'forged' }],
  ])('answers 401 to %s, with a Bearer challenge', async (_what, headers) => {
    const response = await call('GET', '/auth/verify', { headers })
    expect(response.status).toBe(401)
    expect(response.headers.get('WWW-Authenticate')).toMatch(/^Bearer realm="gatehouse"/)
    expect(response.headers.get('X-Auth-Subject')).toBe(null)
  })
})
