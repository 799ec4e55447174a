import { env } from 'cloudflare:workers'
import { decodeProtectedHeader } from 'jose'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { admin, codeOf, newOperator } from '../support/admin.ts'
import { call, type Fetch, newPerson, refused, workerWith } from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import {
  cronWith,
  DAY,
  firstTwo,
  keyRows,
  kidOf,
  listKeys,
  me,
  NEW_SECRET,
  newSigner,
  publishedKids,
  RSA,
  recordLog,
  rotate,
  states,
  storedKids,
} from '../support/signing-keys.ts'

const CALLS = [
  ['GET', '/admin/keys'],
  ['POST', '/admin/keys/rotate'],
  ['DELETE', '/admin/keys/unknown'],
] as const

/** A new isolate for each test, so that none knows what another read. */
let fetch = workerWith({})

beforeEach(async () => {
  freeze()
  fetch = workerWith({})
  await env.DB.exec('DELETE FROM signing_keys')
})
afterEach(() => {
  thaw()
  vi.restoreAllMocks()
})

describe.each(CALLS)('%s %s', (method, path) => {
  it(`allows only operators to call ${method} ${path}`, async () => {
    const [person, operator, withoutScope] = [
      await newPerson(fetch),
      await newOperator('admin', fetch),
      await newOperator(null, fetch),
    ]
    const before = await keyRows()
    const codeFor = (bearer: string) => codeOf(admin(method, path, undefined, fetch, bearer))
    expect((await call(method, path, {}, fetch)).status).toBe(401)
    expect(await codeFor('x')).toBe('invalid_token')
    expect(await codeFor(person.access_token)).toBe('insufficient_scope')
    expect(await codeFor(withoutScope.access_token)).toBe('insufficient_scope')
    expect(await keyRows()).toEqual(before)
    expect(await codeFor(operator.access_token)).toBe(method === 'DELETE' ? 'not_found' : 'ok')
  })

  it(`answers 503 while D1 is unavailable, and signs with the keys already read: ${method} ${path}`, async () => {
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    const sign = await newSigner(isolate)
    watched.fail('read', { before: true })
    const problem = await refused(admin(method, path, undefined, isolate))
    expect(problem).toMatchObject({ status: 503, code: 'unavailable' })
    await sign(isolate)
  })
})

describe('the listed keys', () => {
  it('lists the signing key and the next key with their times', async () => {
    const keys = await listKeys()
    expect(keys).toEqual([
      {
        kid: expect.stringMatching(/^[\w-]{43}$/),
        alg: 'ES256',
        state: 'signing',
        created_at: '2096-10-02T07:06:40Z',
        signs_from: '2096-10-02T07:06:40Z',
        verifies_until: '2096-11-01T07:26:40Z',
      },
      {
        kid: expect.stringMatching(/^[\w-]{43}$/),
        alg: 'ES256',
        state: 'next',
        created_at: '2096-10-02T07:06:40Z',
        signs_from: '2096-11-01T07:06:40Z',
        verifies_until: null,
      },
    ])
    expect(await publishedKids()).toEqual(keys.map(({ kid }) => kid))
  })

  it('lists retired keys as long as they verify', async () => {
    const [first, second] = await firstTwo(fetch)
    advance(30 * DAY)
    await cronWith({})
    const keys = await listKeys()
    expect(states(keys)).toEqual([
      ['signing', second],
      ['next', expect.any(String)],
      ['retired', first],
    ])
    expect(keys.map(({ verifies_until }) => verifies_until)).toEqual([
      '2096-12-01T07:26:40Z',
      null,
      '2096-11-01T07:26:40Z',
    ])
    advance(20 * 60)
    expect((await listKeys()).map(({ state }) => state)).toEqual(['signing', 'next'])
  })

  it('lists no key member and no sealed private key', async () => {
    await firstTwo(fetch)
    const [row] = await keyRows()
    const text = JSON.stringify(await listKeys())
    expect(text).not.toContain(String(row?.sealed_private_jwk))
    expect(text).not.toMatch(/"(d|x|y|n|e)"|seal|secret/)
  })
})

describe('POST /admin/keys/rotate', () => {
  it('lets the next key sign exactly ten minutes after a rotation, in every isolate', async () => {
    const [first, second] = await firstTwo(fetch)
    const sign = await newSigner(fetch)
    const known = workerWith({})
    await publishedKids(known)
    const keys = await rotate()
    expect(states(keys)).toEqual([
      ['signing', first],
      ['next', second],
    ])
    expect(keys[1]).toMatchObject({ signs_from: '2096-10-02T07:16:40Z' })
    expect(keys[0]).toMatchObject({ verifies_until: '2096-10-02T07:36:40Z' })
    advance(599)
    for (const isolate of [known, workerWith({})]) expect(kidOf(await sign(isolate))).toBe(first)
    advance(1)
    for (const isolate of [known, workerWith({})]) expect(kidOf(await sign(isolate))).toBe(second)
  })

  it('ends a rotation with a new next key, and deletes the previous key after its last token expires', async () => {
    const [first, second] = await firstTwo(fetch)
    await rotate()
    advance(600)
    await cronWith({})
    const next = { state: 'next', signs_from: '2096-11-01T07:16:40Z' }
    expect(await listKeys()).toMatchObject([{ kid: second }, next, { kid: first, state: 'retired' }])
    advance(20 * 60)
    await cronWith({})
    expect(await storedKids()).not.toContain(first)
    expect(await listKeys()).toMatchObject([{ kid: second, state: 'signing' }, next])
  })

  it('ignores repeated and concurrent rotations', async () => {
    await firstTwo(fetch)
    const [one, other] = await Promise.all([rotate(), rotate()])
    expect(one).toEqual(other)
    advance(60)
    expect(await rotate()).toEqual(one)
  })

  it('never postpones the time from which the next key signs', async () => {
    await firstTwo(fetch)
    advance(30 * DAY - 300)
    const before = await listKeys()
    expect(await rotate()).toEqual(before)
  })

  it('rotates to the following key once the previous rotation is complete', async () => {
    const [, second] = await firstTwo(fetch)
    await rotate()
    advance(600)
    await cronWith({})
    const [, third] = await rotate()
    advance(600)
    const signing = { kid: third?.kid, state: 'signing' }
    const retired = { kid: second, state: 'retired' }
    expect(await listKeys()).toMatchObject([signing, retired, { state: 'retired' }])
  })

  it('rotates to the configured algorithm, with one new key for concurrent rotations', async () => {
    const [first] = await firstTwo(fetch)
    const sign = await newSigner(fetch)
    const rotations = await Promise.all([1, 2, 3].map(() => rotate(workerWith(RSA))))
    for (const keys of rotations) {
      expect(keys).toMatchObject([
        { kid: first, alg: 'ES256' },
        { alg: 'RS256', state: 'next', signs_from: '2096-10-02T07:16:40Z' },
      ])
    }
    expect(await keyRows()).toHaveLength(2)
    const before = await sign()
    advance(599)
    expect(await me(before, workerWith(RSA))).toBe('ok')
    advance(1)
    expect(decodeProtectedHeader(await sign(workerWith(RSA))).alg).toBe('RS256')
  })

  it('creates one missing next key when rotations and cron run at once', async () => {
    const [first, second] = await firstTwo(fetch)
    await env.DB.prepare('DELETE FROM signing_keys WHERE kid = ?1').bind(second).run()
    await Promise.all([rotate(), rotate(), cronWith({})])
    const [signing, next] = await listKeys()
    expect([signing?.kid, next?.state]).toEqual([first, 'next'])
    expect(await keyRows()).toHaveLength(2)
  })

  it('logs a rotation with the id of the next key', async () => {
    const [, second] = await firstTwo(fetch)
    const { events } = recordLog()
    await rotate()
    expect(events('signing_key_advanced')).toMatchObject([{ kid: second }])
    expect(events('request')).toMatchObject([{ status: 202, actor: 'admin_token' }])
  })

  it('rotates nothing when the write fails, and allows a retry when its result is lost', async () => {
    const before = await listKeys()
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    const refusedRotation = () => refused(admin('POST', '/admin/keys/rotate', undefined, isolate))
    watched.fail('batch', { before: true })
    expect(await refusedRotation()).toMatchObject({ status: 503, code: 'unavailable' })
    expect(await listKeys()).toEqual(before)
    watched.fail('batch', { after: true })
    expect(await refusedRotation()).toMatchObject({ status: 503, code: 'unavailable' })
    watched.mend()
    expect((await rotate(isolate))[1]).toMatchObject({ signs_from: '2096-10-02T07:16:40Z' })
  })

  it('creates no key under an AUTH_SECRET that unseals none', async () => {
    const [, second] = await firstTwo(fetch)
    await env.DB.prepare('DELETE FROM signing_keys WHERE kid = ?1').bind(second).run()
    const before = await storedKids()
    await admin('POST', '/admin/keys/rotate', undefined, workerWith({ AUTH_SECRET: NEW_SECRET }))
    expect(await storedKids()).toEqual(before)
  })
})

describe('a rotation under traffic', () => {
  const AGES = [0, 7, 23, 41, 59]

  /** Each isolate reads the keys at its own second of the minute. Then each signs, and each verifies the valid tokens. */
  async function minute(isolates: readonly Fetch[], sign: (by: Fetch) => Promise<string>, alive: string[]) {
    for (const [index, isolate] of isolates.entries()) {
      advance((AGES[index] ?? 0) - (AGES[index - 1] ?? 0))
      await publishedKids(isolate)
    }
    for (const isolate of isolates) alive.push(await sign(isolate))
    alive.splice(0, alive.length - 9 * isolates.length)
    const newest = alive.slice(-isolates.length)
    const older = alive.filter((_, index) => index % 7 === 0)
    for (const isolate of isolates) {
      for (const token of [...newest, ...older]) expect(await me(token, isolate)).toBe('ok')
    }
    advance(60 - Math.max(...AGES))
  }

  it.each([
    ['on schedule', async () => advance(30 * DAY - 180)],
    ['by an operator', async () => void (await rotate())],
    ['to another algorithm', async () => void (await rotate(workerWith(RSA)))],
  ])('keeps every token valid in every isolate, at every minute of a rotation %s', async (_how, begin) => {
    const [first] = await firstTwo(fetch)
    await begin()
    const isolates = AGES.map(() => workerWith({}))
    const sign = await newSigner(isolates[0])
    const alive: string[] = []
    const signedWith = new Set<string>()
    for (let minutes = 1; minutes <= 22; minutes++) {
      await minute(isolates, sign, alive)
      for (const token of alive) signedWith.add(kidOf(token))
    }
    expect(signedWith.size).toBe(2)
    advance(20 * 60)
    await cronWith({})
    expect(await storedKids()).not.toContain(first)
  })

  it.each([
    [45, 15],
    [75, 1],
  ])('keeps signing when cron is %i days late, and rotates again %i days later', async (late, later) => {
    const [, second] = await firstTwo(fetch)
    advance(late * DAY)
    const before = await newPerson(fetch)
    expect(kidOf(before.access_token)).toBe(second)
    await cronWith({})
    expect(await me(before.access_token)).toBe('ok')
    const [signing, next] = await listKeys()
    expect([signing?.kid, next?.state]).toEqual([second, 'next'])
    advance(later * DAY - 1)
    expect(kidOf((await newPerson(workerWith({}))).access_token)).toBe(second)
    advance(1)
    expect(kidOf((await newPerson(workerWith({}))).access_token)).toBe(next?.kid)
  })
})
