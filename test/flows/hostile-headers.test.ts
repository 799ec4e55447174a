/** Headers as long as an attacker can make them, at every place that reads credentials. */
import { env, exports } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { VerifierBinding } from '../../src/gateway/verifier.ts'
import { createVerifier } from '../../src/verify/verifier.ts'
import { admin } from '../support/admin.ts'
import { call, newPerson, PUBLIC_URL, workerWith } from '../support/client.ts'
import { newClient, post, refusedByOAuth } from '../support/oauth.ts'

afterEach(() => vi.restoreAllMocks())

const gateway = workerWith({ GATEWAY: { '/api': { origin: env.RAW_ORIGIN_URL } } })

/** The slowest input for a quadratic regular expression. Not sent by HTTP, since the runtime prints each header with it. */
const LINE_SEPARATOR = `Bearer${' '.repeat(60_000)}\u2028`

const BEARERS: Readonly<Record<string, string>> = {
  'spaces and a letter': `bearer${' '.repeat(60_000)}x`,
  'one long token': `Bearer ${'x'.repeat(60_000)}`,
  'a long token of three parts': `Bearer ${'x.'.repeat(30_000)}`,
  'spaces between letters': `Bearer ${'x '.repeat(30_000)}`,
}

const WITH_ERROR = 'Bearer realm="gatehouse", error="invalid_token"'
const invalidToken = async (response: Promise<Response>) => {
  const { status, headers } = await response
  expect([status, headers.get('WWW-Authenticate')]).toEqual([401, WITH_ERROR])
}

describe.each(Object.entries(BEARERS))('a Bearer value of %s', (_what, Authorization) => {
  it.each([
    ['GET', '/auth/me'],
    ['POST', '/auth/logout'],
    ['GET', '/auth/verify'],
    ['GET', '/admin/limits'],
    ['GET', '/api/x'],
  ])('rejects an overlong Bearer value as an invalid token at %s %s', async (method, path) => {
    await invalidToken(call(method, path, { headers: { Authorization } }, gateway))
  })
})

describe.each([...Object.entries(BEARERS), ['spaces and a line separator', LINE_SEPARATOR] as const])(
  'a Bearer value of %s, without HTTP',
  (_what, authorization) => {
    it('rejects an overlong Bearer value as an invalid token in the RPC verifier', async () => {
      const { Verifier } = exports as unknown as { Verifier: VerifierBinding }
      expect(await Verifier.verify(authorization)).toEqual({ ok: false, code: 'invalid_token', status: 401 })
    })

    it('rejects an overlong Bearer value in gatehouse-edge/verify without fetching keys', async () => {
      const fetch = vi.fn<typeof globalThis.fetch>()
      const verifier = createVerifier({ issuer: PUBLIC_URL, audience: PUBLIC_URL, fetch })
      const verifying = verifier.verifyRequest({ headers: { authorization } })
      await expect(verifying).rejects.toMatchObject({ code: 'invalid_token' })
      expect(fetch).not.toHaveBeenCalled()
    })
  },
)

describe('client credentials', () => {
  it.each([
    ['spaces and a letter', `basic${' '.repeat(60_000)}x`],
    ['a long secret', `Basic ${btoa(`id:${'x'.repeat(60_000)}`)}`],
    ['colons', `Basic ${btoa(':'.repeat(60_000))}`],
  ])('rejects client credentials of %s', async (_what, Authorization) => {
    const { access_token } = await newPerson()
    const asked = post('/oauth2/introspect', { token: access_token }, { headers: { Authorization } })
    expect(await refusedByOAuth(asked)).toEqual({ status: 401, error: 'invalid_client' })
  })

  it('accepts client credentials after any number of spaces, in any case of the scheme', async () => {
    const { client_id, client_secret } = await newClient()
    const Authorization = `bASIC   ${btoa(`${client_id}:${client_secret}`)}`
    const response = await post('/oauth2/introspect', { token: 'x' }, { headers: { Authorization } })
    expect(await response.json()).toEqual({ active: false })
  })
})

describe('a valid Bearer value', () => {
  it('accepts a Bearer token after any number of spaces', async () => {
    const { access_token } = await newPerson()
    const headers = { Authorization: `Bearer     ${access_token}` }
    expect((await call('GET', '/auth/me', { headers })).status).toBe(200)
  })

  it('accepts an ADMIN_TOKEN of the longest length that a Worker secret can have', async () => {
    const ADMIN_TOKEN = 'x'.repeat(5_120)
    const response = await admin('GET', '/admin/limits', undefined, workerWith({ ADMIN_TOKEN }), ADMIN_TOKEN)
    expect(response.status).toBe(200)
  })
})
