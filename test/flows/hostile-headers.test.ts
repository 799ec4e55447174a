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

/** What a quadratic expression would be slowest for. The runtime prints each header with it that a test makes. */
const LINE_SEPARATOR = `Bearer${' '.repeat(60_000)}\u2028`

const BEARERS: Readonly<Record<string, string>> = {
  'spaces and a letter': `bearer${' '.repeat(60_000)}x`,
  'one long token': `Bearer ${'x'.repeat(60_000)}`,
  'a long token of three parts': `Bearer ${'x.'.repeat(30_000)}`,
  'spaces between letters': `Bearer ${'x '.repeat(30_000)}`,
}

const WITH_ERROR = 'Bearer realm="gatehouse", error="invalid_token"'
const invalidToken = async (answer: Promise<Response>) => {
  const { status, headers } = await answer
  expect([status, headers.get('WWW-Authenticate')]).toEqual([401, WITH_ERROR])
}

describe.each(Object.entries(BEARERS))('a Bearer value of %s', (_what, Authorization) => {
  it.each([
    ['GET', '/auth/me'],
    ['POST', '/auth/logout'],
    ['GET', '/auth/verify'],
    ['GET', '/admin/limits'],
    ['GET', '/api/x'],
  ])('is an invalid token at %s %s', async (method, path) => {
    await invalidToken(call(method, path, { headers: { Authorization } }, gateway))
  })
})

describe.each([...Object.entries(BEARERS), ['spaces and a line separator', LINE_SEPARATOR] as const])(
  'a Bearer value of %s, without HTTP,',
  (_what, authorization) => {
    it('is an invalid token for another Worker that asks by RPC', async () => {
      const { Verifier } = exports as unknown as { Verifier: VerifierBinding }
      expect(await Verifier.verify(authorization)).toEqual({ ok: false, code: 'invalid_token', status: 401 })
    })

    it('is an invalid token for an origin that verifies by itself', async () => {
      const fetch = vi.fn<typeof globalThis.fetch>()
      const verifier = createVerifier({ issuer: PUBLIC_URL, audience: PUBLIC_URL, fetch })
      const verifying = verifier.verifyRequest({ headers: { authorization } })
      await expect(verifying).rejects.toMatchObject({ code: 'invalid_token' })
      expect(fetch).not.toHaveBeenCalled()
    })
  },
)

describe('credentials of a client', () => {
  it.each([
    ['spaces and a letter', `basic${' '.repeat(60_000)}x`],
    ['a long secret', `Basic ${btoa(`id:${'x'.repeat(60_000)}`)}`],
    ['colons', `Basic ${btoa(':'.repeat(60_000))}`],
  ])('are those of no client, if they are %s', async (_what, Authorization) => {
    const { access_token } = await newPerson()
    const asked = post('/oauth2/introspect', { token: access_token }, { headers: { Authorization } })
    expect(await refusedByOAuth(asked)).toEqual({ status: 401, error: 'invalid_client' })
  })

  it('are read after any number of spaces, in any case of the scheme', async () => {
    const { client_id, client_secret } = await newClient()
    const Authorization = `bASIC   ${btoa(`${client_id}:${client_secret}`)}`
    const answer = await post('/oauth2/introspect', { token: 'x' }, { headers: { Authorization } })
    expect(await answer.json()).toEqual({ active: false })
  })
})

describe('a right Bearer value', () => {
  it('is read after any number of spaces', async () => {
    const { access_token } = await newPerson()
    const headers = { Authorization: `Bearer     ${access_token}` }
    expect((await call('GET', '/auth/me', { headers })).status).toBe(200)
  })

  it('may be the longest secret that a Worker can have', async () => {
    const ADMIN_TOKEN = 'x'.repeat(5_120)
    const answer = await admin('GET', '/admin/limits', undefined, workerWith({ ADMIN_TOKEN }), ADMIN_TOKEN)
    expect(answer.status).toBe(200)
  })
})
