import { env } from 'cloudflare:workers'
import { decodeProtectedHeader } from 'jose'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { admin, codeOf, newOperator } from '../support/admin.ts'
import { call, type Fetch, newPerson, refused, workerWith } from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import {
  COMING,
  cronWith,
  DAY,
  firstTwo,
  kidOf,
  listen,
  me,
  newSigner,
  published,
  RSA,
  rotate,
  rows,
  see,
  states,
  storedKids,
} from '../support/signing-keys.ts'

const CALLS = [
  ['GET', '/admin/keys'],
  ['POST', '/admin/keys/rotate'],
  ['DELETE', '/admin/keys/unknown'],
] as const

/** An isolate of its own, so that no test knows what another read. */
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
  it('is for operators alone', async () => {
    const [person, operator, unasked] = [
      await newPerson(fetch),
      await newOperator('admin', fetch),
      await newOperator(null, fetch),
    ]
    const before = await rows()
    const asked = (bearer: string) => codeOf(admin(method, path, undefined, fetch, bearer))
    expect((await call(method, path, {}, fetch)).status).toBe(401)
    expect(await asked('x')).toBe('invalid_token')
    expect(await asked(person.access_token)).toBe('insufficient_scope')
    expect(await asked(unasked.access_token)).toBe('insufficient_scope')
    expect(await rows()).toEqual(before)
    expect(await asked(operator.access_token)).toBe(method === 'DELETE' ? 'not_found' : 'ok')
  })

  it('is 503 while D1 is out of reach, and the keys that were read sign on', async () => {
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    const sign = await newSigner(isolate)
    watched.fail('run', { before: true })
    const answer = await refused(admin(method, path, undefined, isolate))
    expect(answer).toMatchObject({ status: 503, code: 'unavailable' })
    await sign(isolate)
  })
})

describe('the keys', () => {
  it('are one that signs and a next one, with their times', async () => {
    const keys = await see()
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
    expect(await published()).toEqual(keys.map(({ kid }) => kid))
  })

  it('that signed before are shown while they verify', async () => {
    const [first, second] = await firstTwo(fetch)
    advance(30 * DAY)
    await cronWith({})
    const keys = await see()
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
    expect((await see()).map(({ state }) => state)).toEqual(['signing', 'next'])
  })

  it('show no private member and no seal', async () => {
    await firstTwo(fetch)
    const [row] = await rows()
    const text = JSON.stringify(await see())
    expect(text).not.toContain(String(row?.sealed_private_jwk))
    expect(text).not.toMatch(/"(d|x|y|n|e)"|seal|secret/)
  })
})

describe('POST /admin/keys/rotate', () => {
  it('lets the next key sign ten minutes later, not before, in every isolate', async () => {
    const [first, second] = await firstTwo(fetch)
    const sign = await newSigner(fetch)
    const known = workerWith({})
    await published(known)
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

  it('is over with a new next key, and the key before gone with its last token', async () => {
    const [first, second] = await firstTwo(fetch)
    await rotate()
    advance(600)
    await cronWith({})
    const next = { state: 'next', signs_from: '2096-11-01T07:16:40Z' }
    expect(await see()).toMatchObject([{ kid: second }, next, { kid: first, state: 'retired' }])
    advance(20 * 60)
    await cronWith({})
    expect(await storedKids()).not.toContain(first)
    expect(await see()).toMatchObject([{ kid: second, state: 'signing' }, next])
  })

  it('again, or at once elsewhere, changes nothing more', async () => {
    await firstTwo(fetch)
    const [one, other] = await Promise.all([rotate(), rotate()])
    expect(one).toEqual(other)
    advance(60)
    expect(await rotate()).toEqual(one)
  })

  it('lets no key sign later than it would have', async () => {
    await firstTwo(fetch)
    advance(30 * DAY - 300)
    const before = await see()
    expect(await rotate()).toEqual(before)
  })

  it('once the key signs, rotates to the one after it', async () => {
    const [, second] = await firstTwo(fetch)
    await rotate()
    advance(600)
    await cronWith({})
    const [, third] = await rotate()
    advance(600)
    const signing = { kid: third?.kid, state: 'signing' }
    const retired = { kid: second, state: 'retired' }
    expect(await see()).toMatchObject([signing, retired, { state: 'retired' }])
  })

  it('brings the algorithm that is set, with one new key for many at once', async () => {
    const [first] = await firstTwo(fetch)
    const sign = await newSigner(fetch)
    const answers = await Promise.all([1, 2, 3].map(() => rotate(workerWith(RSA))))
    for (const keys of answers) {
      expect(keys).toMatchObject([
        { kid: first, alg: 'ES256' },
        { alg: 'RS256', state: 'next', signs_from: '2096-10-02T07:16:40Z' },
      ])
    }
    expect(await rows()).toHaveLength(2)
    const before = await sign()
    advance(599)
    expect(await me(before, workerWith(RSA))).toBe('ok')
    advance(1)
    expect(decodeProtectedHeader(await sign(workerWith(RSA))).alg).toBe('RS256')
  })

  it('makes the next key where there is none, one for many at once and cron', async () => {
    const [first, second] = await firstTwo(fetch)
    await env.DB.prepare('DELETE FROM signing_keys WHERE kid = ?1').bind(second).run()
    await Promise.all([rotate(), rotate(), cronWith({})])
    const [signing, next] = await see()
    expect([signing?.kid, next?.state]).toEqual([first, 'next'])
    expect(await rows()).toHaveLength(2)
  })

  it('is logged with the ids of the keys', async () => {
    const [, second] = await firstTwo(fetch)
    const { events } = listen()
    await rotate()
    expect(events('signing_key_advanced')).toMatchObject([{ kid: second }])
    expect(events('request')).toMatchObject([{ status: 202, admin: 'admin_token' }])
  })

  it('whose write fails changes nothing; whose answer is lost may come again', async () => {
    const before = await see()
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    const asked = () => refused(admin('POST', '/admin/keys/rotate', undefined, isolate))
    watched.fail('batch', { before: true })
    expect(await asked()).toMatchObject({ status: 503, code: 'unavailable' })
    expect(await see()).toEqual(before)
    watched.fail('batch', { after: true })
    expect(await asked()).toMatchObject({ status: 503, code: 'unavailable' })
    watched.mend()
    expect((await rotate(isolate))[1]).toMatchObject({ signs_from: '2096-10-02T07:16:40Z' })
  })

  it('makes no key under an AUTH_SECRET that unseals none', async () => {
    const [, second] = await firstTwo(fetch)
    await env.DB.prepare('DELETE FROM signing_keys WHERE kid = ?1').bind(second).run()
    const before = await storedKids()
    await admin('POST', '/admin/keys/rotate', undefined, workerWith({ AUTH_SECRET: COMING }))
    expect(await storedKids()).toEqual(before)
  })
})

describe('a rotation under traffic', () => {
  const AGES = [0, 7, 23, 41, 59]

  /** Each isolate reads the keys at its own second of the minute; then each signs, and each verifies what lives. */
  async function minute(isolates: readonly Fetch[], sign: (by: Fetch) => Promise<string>, alive: string[]) {
    for (const [index, isolate] of isolates.entries()) {
      advance((AGES[index] ?? 0) - (AGES[index - 1] ?? 0))
      await published(isolate)
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
    ['by the day', async () => advance(30 * DAY - 180)],
    ['by an operator', async () => void (await rotate())],
    ['to another algorithm', async () => void (await rotate(workerWith(RSA)))],
  ])('%s costs nobody a token, at any minute and whatever isolates know', async (_how, begin) => {
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
  ])('goes on though cron is %i days late: the next key signs %i days later', async (late, later) => {
    const [, second] = await firstTwo(fetch)
    advance(late * DAY)
    const before = await newPerson(fetch)
    expect(kidOf(before.access_token)).toBe(second)
    await cronWith({})
    expect(await me(before.access_token)).toBe('ok')
    const [signing, next] = await see()
    expect([signing?.kid, next?.state]).toEqual([second, 'next'])
    advance(later * DAY - 1)
    expect(kidOf((await newPerson(workerWith({}))).access_token)).toBe(second)
    advance(1)
    expect(kidOf((await newPerson(workerWith({}))).access_token)).toBe(next?.kid)
  })
})
