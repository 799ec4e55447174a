import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { newAddress, ok, PUBLIC_URL, worker, workerWith } from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import {
  authenticated,
  basic,
  INTROSPECT,
  newClient,
  post,
  REVOKE,
  refusedByOAuth,
  withWrongSecret,
} from '../support/oauth.ts'
import type { RegisteredClient } from '../support/responses.ts'

let client: RegisteredClient
beforeAll(async () => {
  client = await newClient({ client_name: 'orders' })
})
afterEach(() => {
  thaw()
  vi.restoreAllMocks()
})

const own = () => authenticated(client)
const wrong = (from: string, path = INTROSPECT) => withWrongSecret(client, from, path)

describe('failed client authentication', () => {
  const blocked = { status: 429, error: 'too_many_client_failures' }

  it('blocks an address after ten failed client authentications in five minutes, and no other address', async () => {
    freeze()
    const from = newAddress()
    for (let failure = 1; failure <= 10; failure++) {
      expect((await refusedByOAuth(wrong(from))).error).toBe('invalid_client')
    }
    expect(await refusedByOAuth(wrong(from, REVOKE))).toEqual(blocked)
    expect((await wrong(from)).headers.get('Retry-After')).toBe('300')
    expect((await refusedByOAuth(wrong(newAddress()))).error).toBe('invalid_client')
    advance(299)
    expect(await refusedByOAuth(wrong(from))).toEqual(blocked)
    advance(1)
    expect((await refusedByOAuth(wrong(from))).error).toBe('invalid_client')
  })

  it('accepts a correct client secret from a blocked address, at both endpoints, by Basic and in the form', async () => {
    const from = newAddress()
    for (let failure = 1; failure <= 11; failure++) await wrong(from)
    const { client_id, client_secret } = client
    for (const path of [INTROSPECT, REVOKE]) {
      expect((await post(path, { token: 'x' }, { ...own(), from })).status).toBe(200)
      expect((await post(path, { token: 'x', client_id, client_secret }, { from })).status).toBe(200)
    }
    expect(await refusedByOAuth(wrong(from))).toEqual(blocked)
  })

  it('calls no counter for a correct client secret', async () => {
    const watched = watch()
    const fetch = workerWith(watched.bindings)
    for (const part of ['peek', 'reserve', 'settle']) watched.fail(part, { before: true })
    expect((await post(INTROSPECT, { token: 'x' }, { ...own(), fetch })).status).toBe(200)
  })

  it('costs one counter call per failed client authentication, and none for five seconds after a block', async () => {
    freeze()
    const watched = watch()
    const fetch = workerWith(watched.bindings)
    const from = newAddress()
    const guess = () =>
      post(INTROSPECT, { token: 'x' }, { headers: basic(client.client_id, 'a guess'), from, fetch })
    await guess()
    watched.reset()
    await guess()
    expect(watched.counts).toEqual({ d1: 0, rpc: 1 })
    for (let failure = 3; failure <= 11; failure++) await guess()
    watched.reset()
    advance(4)
    const known = await guess()
    expect([known.status, known.headers.get('Retry-After')]).toEqual([429, '296'])
    expect(watched.counts).toEqual({ d1: 0, rpc: 0 })
    advance(1)
    expect(await refusedByOAuth(guess())).toEqual(blocked)
    expect(watched.counts).toEqual({ d1: 0, rpc: 1 })
  })

  it('costs the same for an unknown client id as for a wrong client secret', async () => {
    const watched = watch()
    const fetch = workerWith(watched.bindings)
    const digest = vi.spyOn(crypto.subtle, 'digest')
    const costs = async (clientId: string) => {
      const guess = () => post(INTROSPECT, { token: 'x' }, { headers: basic(clientId, 'a guess'), fetch })
      await guess()
      watched.reset()
      digest.mockClear()
      expect(await refusedByOAuth(guess())).toEqual({ status: 401, error: 'invalid_client' })
      return { ...watched.counts, digests: digest.mock.calls.length }
    }
    const wrongSecret = await costs(client.client_id)
    expect(wrongSecret).toEqual({ d1: 0, rpc: 1, digests: 1 })
    expect(await costs(crypto.randomUUID())).toEqual(wrongSecret)
    expect(await costs('x')).toEqual(wrongSecret)
  })

  it('reports exactly ten of many concurrent failed client authentications as invalid_client', async () => {
    const from = newAddress()
    const all = await Promise.all(Array.from({ length: 40 }, () => refusedByOAuth(wrong(from))))
    expect(all.filter(({ error }) => error === 'invalid_client')).toHaveLength(10)
    expect(all.filter(({ status }) => status === 429)).toHaveLength(30)
  })

  it('counts no failure for correct client secrets and clears none, however many come at once', async () => {
    const from = newAddress()
    for (let failure = 1; failure <= 9; failure++) await wrong(from)
    const right = await Promise.all(
      Array.from({ length: 60 }, () => post(INTROSPECT, { token: 'x' }, { ...own(), from })),
    )
    expect(new Set(right.map(({ status }) => status))).toEqual(new Set([200]))
    expect((await refusedByOAuth(wrong(from))).error).toBe('invalid_client')
    expect(await refusedByOAuth(wrong(from))).toEqual(blocked)
  })

  it('counts no failure without a client secret, since libraries may wait for the challenge first', async () => {
    const from = newAddress()
    for (let request = 1; request <= 11; request++) {
      const bare = request % 2 === 0 ? {} : { client_id: client.client_id }
      const asked = post(INTROSPECT, { token: 'x', ...bare }, { from })
      expect((await refusedByOAuth(asked)).error).toBe('invalid_client')
      expect((await post(INTROSPECT, { token: 'x' }, { ...own(), from })).status).toBe(200)
    }
  })

  it('counts failed client authentications of the address that Workers of other zones share, and blocks no correct secret there', async () => {
    const from = '2a06:98c0:3600::1'
    for (let failure = 1; failure <= 10; failure++) await wrong(from)
    expect(await refusedByOAuth(wrong(from))).toEqual(blocked)
    const right = await post(INTROSPECT, { token: 'x' }, { ...own(), from: '2a06:98c0:3600::103' })
    expect(right.status).toBe(200)
  })

  it('costs no query for an impossible client id', async () => {
    const watched = watch()
    const fetch = workerWith(watched.bindings)
    const ask = () => post(INTROSPECT, { token: 'x' }, { headers: basic('x', 'y'), fetch })
    await ask()
    watched.reset()
    await refusedByOAuth(ask())
    expect(watched.counts.d1).toBe(0)
  })

  it('requires a client address for a wrong client secret, but not for a correct one', async () => {
    const ask = (headers: Record<string, string>) =>
      worker(
        new Request(PUBLIC_URL + INTROSPECT, {
          method: 'POST',
          body: new URLSearchParams({ token: 'x' }),
          headers,
        }),
      )
    const response = await ask(basic(client.client_id, 'a guess'))
    expect([response.status, await response.json()]).toMatchObject([400, { error: 'client_ip_unknown' }])
    expect((await ask(own().headers)).status).toBe(200)
  })

  it('counts no failed client authentication if the rule is disabled', async () => {
    const fetch = workerWith({ LIMITS: { client_failures_per_ip: { enabled: false } } })
    const from = newAddress()
    const fails = Array.from({ length: 12 }, () =>
      post(INTROSPECT, { token: 'x' }, { headers: basic(client.client_id, 'a guess'), from, fetch }),
    )
    expect(new Set((await Promise.all(fails)).map(({ status }) => status))).toEqual(new Set([401]))
  })

  it('answers 503 to a failed client authentication that cannot be counted', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const watched = watch()
    const fetch = workerWith(watched.bindings)
    await ok(post(INTROSPECT, { token: 'x' }, { ...own(), fetch }))
    watched.fail('settle', { before: true })
    const asked = post(INTROSPECT, { token: 'x' }, { headers: basic(client.client_id, 'a guess'), fetch })
    expect(await refusedByOAuth(asked)).toEqual({ status: 503, error: 'unavailable' })
  })
})
