import { exports } from 'cloudflare:workers'
import { beforeAll, describe, expect, it } from 'vitest'
import type { VerifierBinding } from '../../src/gateway/verifier.ts'
import { admin } from '../support/admin.ts'
import { call, newPerson, ok, PUBLIC_URL } from '../support/client.ts'
import type { Tokens } from '../support/responses.ts'

const verifier = (exports as unknown as { Verifier: VerifierBinding }).Verifier

let person: Tokens
beforeAll(async () => {
  const { user, refresh_token } = await newPerson()
  await ok(
    admin('PATCH', `/admin/users/${user.id}`, {
      roles: ['editor'],
      scopes: ['orders:read'],
      claims: { plan: 'pro' },
    }),
  )
  person = await ok<Tokens>(call('POST', '/auth/refresh', { body: { refresh_token } }))
})
const header = () => `Bearer ${person.access_token}`
const REFUSED = { ok: false, code: 'invalid_token', status: 401 }

describe('the verifier for other Workers', () => {
  it('returns the claims of a valid token', async () => {
    expect(await verifier.verify(header())).toEqual({
      ok: true,
      claims: expect.objectContaining({
        iss: PUBLIC_URL,
        aud: PUBLIC_URL,
        sub: person.user.id,
        roles: ['editor'],
        scope: 'orders:read',
        plan: 'pro',
      }),
    })
    expect(
      await verifier.verify(header().replace('Bearer', 'bearer'), { audience: PUBLIC_URL }),
    ).toMatchObject({ ok: true })
  })

  it.each([
    ['no value', null],
    ['an empty value', ''],
    ['another scheme', 'Basic eDp5'],
    ['a malformed token', 'Bearer none'],
    ['a token without its scheme', 'eyJ'],
  ])('rejects an Authorization header with %s', async (_what, authorization) => {
    expect(await verifier.verify(authorization)).toEqual(REFUSED)
  })

  it('rejects a token of another audience than the required one', async () => {
    expect(await verifier.verify(header(), { audience: 'https://other.example' })).toEqual(REFUSED)
  })

  it('requires all requested roles and scopes', async () => {
    expect(await verifier.verify(header(), { roles: ['editor'], scope: ['orders:read'] })).toMatchObject({
      ok: true,
    })
    const lacking = { ok: false, code: 'insufficient_scope', status: 403 }
    expect(await verifier.verify(header(), { roles: ['editor', 'owner'] })).toEqual(lacking)
    expect(await verifier.verify(header(), { scope: ['orders:write'] })).toEqual(lacking)
  })

  it('checks the session if requested: returns the current roles and rejects an ended session', async () => {
    const { user, refresh_token, name } = await newPerson()
    await ok(admin('PATCH', `/admin/users/${user.id}`, { roles: ['editor'] }))
    const { access_token } = await ok<Tokens>(call('POST', '/auth/refresh', { body: { refresh_token } }))
    const bearer = `Bearer ${access_token}`
    await ok(admin('PATCH', `/admin/users/${user.id}`, { roles: [] }))
    expect(await verifier.verify(bearer, { session: 'check' })).toMatchObject({
      ok: true,
      claims: { roles: [], preferred_username: name },
    })
    expect(await verifier.verify(bearer, { session: 'check', roles: ['editor'] })).toMatchObject({
      code: 'insufficient_scope',
    })
    await ok(admin('DELETE', `/admin/users/${user.id}/sessions`), 204)
    expect(await verifier.verify(bearer)).toMatchObject({ ok: true })
    expect(await verifier.verify(bearer, { session: 'check' })).toEqual(REFUSED)
  })

  it('offers a bound Worker no method but verify', async () => {
    const other = verifier as unknown as Record<string, () => Promise<unknown>>
    for (const name of ['services', 'servicesOf', 'env', 'ctx'])
      await expect((async () => other[name]?.())()).rejects.toThrow()
  })
})
