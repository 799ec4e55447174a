import { env } from 'cloudflare:workers'
import { decodeProtectedHeader, importJWK, type JWK, jwtVerify } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Env } from '../../src/config/env.ts'
import { call, type Fetch, newPerson, ok, refused, workerWith } from '../support/client.ts'
import { advance, FROZEN_MS, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { runCron } from '../support/database.ts'

const DAY = 86_400
const COMING_SECRET = 'the secret that comes, long enough for production'

interface KeySet {
  readonly keys: readonly (JWK & { readonly kid: string })[]
}

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
  it('is made once by twenty first requests at once, each in an isolate of its own', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => kidsOf(workerWith({}))))
    expect(answers[0]).toHaveLength(2)
    expect(new Set(answers.map((kids) => kids.join()))).toHaveLength(1)
    expect(await countKeys()).toBe(2)
  })

  it('is made once by twenty first requests at once in one isolate, and all their tokens verify', async () => {
    const isolate = workerWith({})
    const people = await Promise.all(Array.from({ length: 20 }, () => newPerson(isolate)))
    expect(await countKeys()).toBe(2)
    for (const { access_token } of people) expect((await me(access_token, workerWith({}))).status).toBe(200)
  })

  it('is public: kty, use, alg, kid and the public members, the signing key first', async () => {
    const { access_token } = await newPerson(workerWith({}))
    const { keys } = await jwks(workerWith({}))
    for (const key of keys) {
      expect(Object.keys(key).toSorted()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
      expect(key).toMatchObject({ kty: 'EC', crv: 'P-256', use: 'sig', alg: 'ES256' })
    }
    expect(keys[0]?.kid).toBe(decodeProtectedHeader(access_token).kid)
  })

  it('verifies a token with any JWT library', async () => {
    const { access_token, user } = await newPerson(workerWith({}))
    const [key] = (await jwks(workerWith({}))).keys
    const verified = await jwtVerify(access_token, await importJWK(key ?? {}), {
      typ: 'at+jwt',
      currentDate: new Date(FROZEN_MS),
    })
    expect(verified.payload.sub).toBe(user.id)
  })

  it('may be cached for five minutes, by everybody, and is not sent again unchanged', async () => {
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

  it('is sealed at rest: no private member stands in the database', async () => {
    await kidsOf(workerWith({}))
    const { results } = await env.DB.prepare('SELECT * FROM signing_keys').run()
    expect(results).toHaveLength(2)
    expect(JSON.stringify(results)).not.toContain('"d\\"')
    for (const row of results) expect(row.sealed_private_jwk).toMatch(/^[A-Za-z0-9_-]{100,}$/)
  })

  it('signs with RS256 where that is set', async () => {
    const isolate = workerWith({ SIGNING_ALG: 'RS256' })
    const { access_token } = await newPerson(isolate)
    expect(decodeProtectedHeader(access_token)).toMatchObject({ alg: 'RS256', typ: 'at+jwt' })
    const [key] = (await jwks(isolate)).keys
    expect(Object.keys(key ?? {}).toSorted()).toEqual(['alg', 'e', 'kid', 'kty', 'n', 'use'])
    expect((await me(access_token, isolate)).status).toBe(200)
  })
})

describe('rotation', () => {
  it('lets the next key sign in its time, and goes on verifying with the one before', async () => {
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

  it('changes nothing when cron runs again, or twice at once', async () => {
    await kidsOf(workerWith({}))
    advance(30 * DAY)
    await Promise.all([runCron({ ...env }), runCron({ ...env })])
    await runCron()
    expect(await countKeys()).toBe(3)
  })

  it('keeps old tokens valid through a change of SIGNING_ALG', async () => {
    const elliptic = await newPerson(workerWith({}))
    const rsa = { SIGNING_ALG: 'RS256' }
    await cronWith(rsa)
    expect((await jwks(workerWith(rsa))).keys.map(({ alg }) => alg)).toEqual(['ES256', 'RS256'])
    const meanwhile = await newPerson(workerWith(rsa))
    expect(decodeProtectedHeader(meanwhile.access_token).alg).toBe('ES256')
    advance(599)
    expect((await me(elliptic.access_token, workerWith(rsa))).status).toBe(200)
    advance(1)
    const isolate = workerWith(rsa)
    const after = await newPerson(isolate)
    expect(decodeProtectedHeader(after.access_token).alg).toBe('RS256')
    expect((await me(after.access_token, isolate)).status).toBe(200)
    expect((await jwks(isolate)).keys.map(({ alg }) => alg)).toEqual(['RS256', 'ES256'])
  })

  it('makes no key where nobody has asked for one', async () => {
    await runCron()
    expect(await countKeys()).toBe(0)
  })
})

describe('an isolate', () => {
  it('reads the keys again after a minute, not before', async () => {
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    await kidsOf(isolate)
    watched.reset()
    advance(59)
    await kidsOf(isolate)
    expect(watched.counts.d1).toBe(0)
    advance(1)
    await kidsOf(isolate)
    expect(watched.counts.d1).toBe(1)
  })

  it('uses the last keys for ten minutes while D1 is out of reach, then says 503', async () => {
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    const { access_token } = await newPerson(isolate)
    watched.fail('run', { before: true })
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

  it('reads the keys at most once in ten seconds for tokens with unknown keys', async () => {
    const stranger = await newPerson(workerWith({}))
    await env.DB.exec('DELETE FROM signing_keys')
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    await kidsOf(isolate)
    advance(10)
    watched.reset()
    const answers = await Promise.all(Array.from({ length: 10 }, () => me(stranger.access_token, isolate)))
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(401))
    expect(watched.counts).toEqual({ d1: 1, rpc: 0 })
  })

  it('takes a token whose key it has not read yet', async () => {
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
  it('is replaced in two deployments without a token or a key lost', async () => {
    const { access_token } = await newPerson(workerWith({}))
    const accepted = workerWith({ AUTH_SECRET_FALLBACK: COMING_SECRET })
    expect((await me(access_token, accepted)).status).toBe(200)
    const swapped = workerWith({ AUTH_SECRET: COMING_SECRET, AUTH_SECRET_FALLBACK: env.AUTH_SECRET ?? '' })
    const after = await newPerson(swapped)
    expect((await me(after.access_token, accepted)).status).toBe(200)
    expect((await me(access_token, swapped)).status).toBe(200)
  })

  it('that unseals no key is 503 misconfigured, and makes no new key', async () => {
    const { access_token, refresh_token } = await newPerson(workerWith({}))
    const other = workerWith({ AUTH_SECRET: COMING_SECRET })
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

  it('that is changed back goes on as before', async () => {
    const before = await newPerson(workerWith({}))
    const body = { identifier: before.name, password: 'x' }
    await refused(call('POST', '/auth/login', { body }, workerWith({ AUTH_SECRET: COMING_SECRET })))
    const after = await newPerson(workerWith({}))
    const [one, other] = [before, after].map(({ access_token }) => decodeProtectedHeader(access_token).kid)
    expect(other).toBe(one)
  })

  it('is not taken to unseal a row whose halves were mixed', async () => {
    await kidsOf(workerWith({}))
    await env.DB.exec(
      'UPDATE signing_keys SET sealed_private_jwk = (SELECT sealed_private_jwk FROM signing_keys ORDER BY kid LIMIT 1)',
    )
    await env.DB.exec('DELETE FROM signing_keys WHERE kid = (SELECT min(kid) FROM signing_keys)')
    const signing = call('POST', '/auth/login', { body: { identifier: 'x', password: 'y' } }, workerWith({}))
    expect(await refused(signing)).toMatchObject({ code: 'misconfigured' })
  })
})
