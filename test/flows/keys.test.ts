import { env } from 'cloudflare:workers'
import { decodeProtectedHeader, importJWK, jwtVerify } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Env } from '../../src/config/env.ts'
import { call, type Fetch, newPerson, ok, refused, workerWith } from '../support/client.ts'
import { advance, FROZEN_MS, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { runCron } from '../support/database.ts'
import type { KeySet } from '../support/responses.ts'

const DAY = 86_400
const NEXT_SECRET = 'the next secret, long enough for production'

beforeEach(async () => {
  freeze()
  await env.DB.exec('DELETE FROM signing_keys')
})
afterEach(thaw)

const jwks = (fetch: Fetch) => ok<KeySet>(call('GET', '/.well-known/jwks.json', {}, fetch))
const kidsOf = async (fetch: Fetch) => (await jwks(fetch)).keys.map(({ kid }) => kid)
const me = (bearer: string, fetch: Fetch) => call('GET', '/auth/me', { bearer }, fetch)
const countKeys = () => env.DB.prepare('SELECT count(*) AS n FROM signing_keys').first<number>('n')

/** A cron run of a Worker with other settings. */
const cronWith = (changes: Partial<Env>) => runCron({ ...env, ...changes })

describe('the key set', () => {
  it('creates the keys once for twenty concurrent first requests in different isolates', async () => {
    const responses = await Promise.all(Array.from({ length: 20 }, () => kidsOf(workerWith({}))))
    expect(responses[0]).toHaveLength(2)
    expect(new Set(responses.map((kids) => kids.join()))).toHaveLength(1)
    expect(await countKeys()).toBe(2)
  })

  it('creates the keys once for twenty concurrent first requests in one isolate, whose tokens all verify', async () => {
    const isolate = workerWith({})
    const people = await Promise.all(Array.from({ length: 20 }, () => newPerson(isolate)))
    expect(await countKeys()).toBe(2)
    for (const { access_token } of people) expect((await me(access_token, workerWith({}))).status).toBe(200)
  })

  it('publishes kty, use, alg, kid and the public members of each key, the signing key first', async () => {
    const { access_token } = await newPerson(workerWith({}))
    const { keys } = await jwks(workerWith({}))
    for (const key of keys) {
      expect(Object.keys(key).toSorted()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
      expect(key).toMatchObject({ kty: 'EC', crv: 'P-256', use: 'sig', alg: 'ES256' })
    }
    expect(keys[0]?.kid).toBe(decodeProtectedHeader(access_token).kid)
  })

  it('publishes keys with which any JWT library verifies a token', async () => {
    const { access_token, user } = await newPerson(workerWith({}))
    const [key] = (await jwks(workerWith({}))).keys
    const verified = await jwtVerify(access_token, await importJWK(key ?? {}), {
      typ: 'at+jwt',
      currentDate: new Date(FROZEN_MS),
    })
    expect(verified.payload.sub).toBe(user.id)
  })

  it('allows any cache to keep the key set for five minutes, and answers 304 while it is unchanged', async () => {
    const isolate = workerWith({})
    const get = (headers = {}) => call('GET', '/.well-known/jwks.json', { headers }, isolate)
    const first = await get({ Origin: 'https://elsewhere.example' })
    expect(first.headers.get('Cache-Control')).toBe('public, max-age=300')
    expect(first.headers.get('Access-Control-Allow-Origin')).toBe('*')
    expect(first.headers.get('Access-Control-Allow-Credentials')).toBeNull()
    const etag = first.headers.get('ETag') ?? ''
    expect(etag).toMatch(/^"[^"]+"$/)
    const again = await get({ 'If-None-Match': etag })
    expect(again.status).toBe(304)
    expect(again.headers.get('ETag')).toBe(etag)
    expect(again.headers.get('Cache-Control')).toBe('public, max-age=300')
    expect(again.headers.get('Access-Control-Allow-Origin')).toBe('*')
    expect(await again.text()).toBe('')
    expect((await get({ 'If-None-Match': '"other"' })).status).toBe(200)
  })

  it('stores private keys only sealed', async () => {
    await kidsOf(workerWith({}))
    const { results } = await env.DB.prepare('SELECT * FROM signing_keys').run()
    expect(results).toHaveLength(2)
    expect(JSON.stringify(results)).not.toContain('"d\\"')
    for (const row of results) expect(row.sealed_private_jwk).toMatch(/^[A-Za-z0-9_-]{100,}$/)
  })

  it('signs with RS256 if SIGNING_ALG says so', async () => {
    const isolate = workerWith({ SIGNING_ALG: 'RS256' })
    const { access_token } = await newPerson(isolate)
    expect(decodeProtectedHeader(access_token)).toMatchObject({ alg: 'RS256', typ: 'at+jwt' })
    const [key] = (await jwks(isolate)).keys
    expect(Object.keys(key ?? {}).toSorted()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use'])
    expect((await me(access_token, isolate)).status).toBe(200)
  })
})

describe('key rotation', () => {
  it('signs with the next key after the rotation period, and still verifies with the previous one', async () => {
    const [first, second] = await kidsOf(workerWith({}))
    advance(30 * DAY - 60)
    const before = await newPerson(workerWith({}))
    expect(decodeProtectedHeader(before.access_token).kid).toBe(first)
    advance(60)
    await runCron()
    const after = await newPerson(workerWith({}))
    expect(decodeProtectedHeader(after.access_token).kid).toBe(second)
    expect((await me(before.access_token, workerWith({}))).status).toBe(200)
    expect(await kidsOf(workerWith({}))).toEqual([second, expect.any(String), first])
    advance(20 * 60)
    await runCron()
    expect(await kidsOf(workerWith({}))).toEqual([second, expect.any(String)])
  })

  it('rotates the keys once if cron runs twice at once and again', async () => {
    await kidsOf(workerWith({}))
    advance(30 * DAY)
    await Promise.all([runCron({ ...env }), runCron({ ...env })])
    await runCron()
    expect(await countKeys()).toBe(3)
  })

  it('keeps older tokens valid through a change of SIGNING_ALG', async () => {
    const elliptic = await newPerson(workerWith({}))
    const rsa = { SIGNING_ALG: 'RS256' }
    await cronWith(rsa)
    expect((await jwks(workerWith(rsa))).keys.map(({ alg }) => alg)).toEqual(['ES256', 'RS256'])
    const between = await newPerson(workerWith(rsa))
    expect(decodeProtectedHeader(between.access_token).alg).toBe('ES256')
    advance(599)
    expect((await me(elliptic.access_token, workerWith(rsa))).status).toBe(200)
    advance(1)
    const isolate = workerWith(rsa)
    const after = await newPerson(isolate)
    expect(decodeProtectedHeader(after.access_token).alg).toBe('RS256')
    expect((await me(after.access_token, isolate)).status).toBe(200)
    expect((await jwks(isolate)).keys.map(({ alg }) => alg)).toEqual(['RS256', 'ES256'])
  })

  it('creates no key by cron before a request needs one', async () => {
    await runCron()
    expect(await countKeys()).toBe(0)
  })
})

describe('the keys of an isolate', () => {
  it('reloads the keys in the background after 20 s, not before', async () => {
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    const kids = await kidsOf(isolate)
    watched.reset()
    advance(19)
    await kidsOf(isolate)
    expect(watched.counts.d1).toBe(0)
    advance(1)
    await env.DB.exec('DELETE FROM signing_keys WHERE signs_from > 4000000000')
    expect(await kidsOf(isolate)).toEqual(kids)
    expect(watched.counts.d1).toBe(1)
    expect(await kidsOf(isolate)).toHaveLength(1)
    expect(watched.counts.d1).toBe(1)
  })

  it('waits for the keys after 30 s without a request', async () => {
    const isolate = workerWith({})
    await kidsOf(isolate)
    await env.DB.exec('DELETE FROM signing_keys WHERE signs_from > 4000000000')
    advance(30)
    expect(await kidsOf(isolate)).toHaveLength(1)
  })

  it('uses the last keys for ten minutes while D1 is unavailable, then answers 503', async () => {
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    const { access_token } = await newPerson(isolate)
    watched.fail('read', { before: true })
    advance(599)
    expect((await me(access_token, isolate)).status).toBe(200)
    advance(1)
    expect(await refused(call('GET', '/.well-known/jwks.json', {}, isolate))).toMatchObject({
      status: 503,
      code: 'unavailable',
    })
    watched.mend()
    expect(await kidsOf(isolate)).toHaveLength(2)
  })

  it('reloads the keys at most once in ten seconds for tokens with unknown keys', async () => {
    const unknown = await newPerson(workerWith({}))
    await env.DB.exec('DELETE FROM signing_keys')
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    await kidsOf(isolate)
    advance(10)
    watched.reset()
    const responses = await Promise.all(Array.from({ length: 10 }, () => me(unknown.access_token, isolate)))
    expect(responses.map(({ status }) => status)).toEqual(Array(10).fill(401))
    expect(watched.counts).toEqual({ d1: 1, rpc: 0 })
  })

  it('accepts a token whose key the isolate has not read yet', async () => {
    const isolate = workerWith({})
    const rotated = workerWith({})
    await kidsOf(isolate)
    await env.DB.exec('DELETE FROM signing_keys')
    const { access_token } = await newPerson(rotated)
    advance(10)
    expect((await me(access_token, isolate)).status).toBe(200)
  })
})

describe('AUTH_SECRET', () => {
  it('replaces AUTH_SECRET in two deployments without losing a token or a key', async () => {
    const { access_token } = await newPerson(workerWith({}))
    const accepted = workerWith({ AUTH_SECRET_FALLBACK: NEXT_SECRET })
    expect((await me(access_token, accepted)).status).toBe(200)
    const swapped = workerWith({ AUTH_SECRET: NEXT_SECRET, AUTH_SECRET_FALLBACK: env.AUTH_SECRET ?? '' })
    const after = await newPerson(swapped)
    expect((await me(after.access_token, accepted)).status).toBe(200)
    expect((await me(access_token, swapped)).status).toBe(200)
  })

  it('answers 503 misconfigured if AUTH_SECRET unseals no key, and creates no new key', async () => {
    const { access_token, refresh_token } = await newPerson(workerWith({}))
    const other = workerWith({ AUTH_SECRET: NEXT_SECRET })
    const signing = call('POST', '/auth/login', { body: { identifier: 'x', password: 'y' } }, other)
    expect(await refused(signing)).toMatchObject({ status: 503, code: 'misconfigured' })
    for (const [path, body] of [
      ['/auth/register', { username: 'ada', password: 'weak' }],
      ['/auth/refresh', { refresh_token }],
      ['/auth/logout', { refresh_token }],
    ] as const) {
      expect(await refused(call('POST', path, { body }, other))).toMatchObject({ code: 'misconfigured' })
    }
    expect(await refused(call('GET', '/healthz', {}, other))).toMatchObject({ code: 'misconfigured' })
    expect((await me(access_token, other)).status).toBe(200)
    expect(await countKeys()).toBe(2)
  })

  it('signs with the same key after AUTH_SECRET is changed back', async () => {
    const before = await newPerson(workerWith({}))
    const body = { identifier: before.name, password: 'x' }
    await refused(call('POST', '/auth/login', { body }, workerWith({ AUTH_SECRET: NEXT_SECRET })))
    const after = await newPerson(workerWith({}))
    const [one, other] = [before, after].map(({ access_token }) => decodeProtectedHeader(access_token).kid)
    expect(other).toBe(one)
  })

  it('does not unseal a row with the sealed key of another row', async () => {
    await kidsOf(workerWith({}))
    await env.DB.exec(
      'UPDATE signing_keys SET sealed_private_jwk = (SELECT sealed_private_jwk FROM signing_keys ORDER BY kid LIMIT 1)',
    )
    await env.DB.exec('DELETE FROM signing_keys WHERE kid = (SELECT min(kid) FROM signing_keys)')
    const signing = call('POST', '/auth/login', { body: { identifier: 'x', password: 'y' } }, workerWith({}))
    expect(await refused(signing)).toMatchObject({ code: 'misconfigured' })
  })
})
