import { env } from 'cloudflare:workers'
import { decodeProtectedHeader, type JWK } from 'jose'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Env } from '../../src/config/env.ts'
import { admin, codeOf, newOperator } from '../support/admin.ts'
import {
  call,
  type Fetch,
  logIn,
  newPerson,
  ok,
  refresh,
  refused,
  type Tokens,
  workerWith,
} from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { type Watched, watch } from '../support/counting.ts'
import { runCron } from '../support/database.ts'

const DAY = 86_400
const SECRET = String(env.AUTH_SECRET)
const COMING = 'the secret that comes, long enough for production'
const RSA = { SIGNING_ALG: 'RS256' }
const CALLS = [
  ['GET', '/admin/keys'],
  ['POST', '/admin/keys/rotate'],
  ['DELETE', '/admin/keys/unknown'],
] as const

interface Key {
  readonly kid: string
  readonly alg: string
  readonly state: 'next' | 'signing' | 'retired'
  readonly created_at: string
  readonly signs_from: string
  readonly verifies_until: string | null
}

interface Keys {
  readonly keys: readonly Key[]
}

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

const see = async (by: Fetch = workerWith({})) =>
  (await ok<Keys>(admin('GET', '/admin/keys', undefined, by))).keys
const rotate = async (by: Fetch = workerWith({})) =>
  (await ok<Keys>(admin('POST', '/admin/keys/rotate', undefined, by), 202)).keys
const remove = (kid: string, by: Fetch = workerWith({})) =>
  admin('DELETE', `/admin/keys/${kid}`, undefined, by)
const removed = (kid: string, by?: Fetch) => ok(remove(kid, by), 204)
/** A cron run of a Worker with other settings, in an isolate of its own. */
const cronWith = (changes: Partial<Env>) => runCron({ ...env, ...changes })

const kidOf = (token: string) => String(decodeProtectedHeader(token).kid)
const me = (bearer: string, by: Fetch = workerWith({})) => codeOf(call('GET', '/auth/me', { bearer }, by))
const published = async (by: Fetch = workerWith({})) => {
  const { keys } = await ok<{ keys: readonly JWK[] }>(call('GET', '/.well-known/jwks.json', {}, by))
  return keys.map(({ kid }) => kid)
}
const rows = async () => (await env.DB.prepare('SELECT * FROM signing_keys ORDER BY kid').all()).results
const storedKids = async () => (await rows()).map(({ kid }) => kid)
const states = (keys: readonly Key[]) => keys.map(({ kid, state }) => [state, kid])

/** The key ids of a new key set: the one that signs and the next one. */
async function firstTwo(): Promise<readonly [string, string]> {
  const [signing, next] = await see(fetch)
  if (signing === undefined || next === undefined) throw new Error('no two keys')
  return [signing.kid, next.kid]
}

/** @returns what has a given isolate sign one access token after another */
async function newSigner(by: Fetch = fetch) {
  let { refresh_token } = await newPerson(by)
  return async (isolate: Fetch = workerWith({})) => {
    const tokens = await ok<Tokens>(refresh(refresh_token, isolate))
    refresh_token = tokens.refresh_token
    return tokens.access_token
  }
}

/** The log's lines from now on. */
function listen() {
  const lines: string[] = []
  for (const level of ['info', 'warn', 'error'] as const)
    vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(line))
  const events = (name: string) => lines.map((line) => JSON.parse(line)).filter(({ event }) => event === name)
  return { lines, events }
}

/** Work whose first read of the keys is in, and kept back: it goes on with what it read by then. */
async function afterReading<T>(watched: Watched, work: () => Promise<T>) {
  const { promise: kept, resolve: goOn } = Promise.withResolvers<void>()
  watched.reset()
  watched.fail('run', { until: kept })
  const working = work()
  await vi.waitFor(() => expect(watched.counts.d1).toBeGreaterThan(0))
  await rows()
  watched.mend()
  return async () => {
    goOn()
    return working
  }
}

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
    const [first, second] = await firstTwo()
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
    await firstTwo()
    const [row] = await rows()
    const text = JSON.stringify(await see())
    expect(text).not.toContain(String(row?.sealed_private_jwk))
    expect(text).not.toMatch(/"(d|x|y|n|e)"|seal|secret/)
  })
})

describe('POST /admin/keys/rotate', () => {
  it('lets the next key sign ten minutes later, not before, in every isolate', async () => {
    const [first, second] = await firstTwo()
    const sign = await newSigner()
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
    const [first, second] = await firstTwo()
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
    await firstTwo()
    const [one, other] = await Promise.all([rotate(), rotate()])
    expect(one).toEqual(other)
    advance(60)
    expect(await rotate()).toEqual(one)
  })

  it('lets no key sign later than it would have', async () => {
    await firstTwo()
    advance(30 * DAY - 300)
    const before = await see()
    expect(await rotate()).toEqual(before)
  })

  it('once the key signs, rotates to the one after it', async () => {
    const [, second] = await firstTwo()
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
    const [first] = await firstTwo()
    const sign = await newSigner()
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
    const [first, second] = await firstTwo()
    await env.DB.prepare('DELETE FROM signing_keys WHERE kid = ?1').bind(second).run()
    await Promise.all([rotate(), rotate(), cronWith({})])
    const [signing, next] = await see()
    expect([signing?.kid, next?.state]).toEqual([first, 'next'])
    expect(await rows()).toHaveLength(2)
  })

  it('is logged with the ids of the keys', async () => {
    const [, second] = await firstTwo()
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
    const [, second] = await firstTwo()
    await env.DB.prepare('DELETE FROM signing_keys WHERE kid = ?1').bind(second).run()
    const before = await storedKids()
    await admin('POST', '/admin/keys/rotate', undefined, workerWith({ AUTH_SECRET: COMING }))
    expect(await storedKids()).toEqual(before)
  })
})

describe('DELETE /admin/keys/{kid}', () => {
  it('of the signing key lets the next one sign at once, and makes one to follow', async () => {
    const [first, second] = await firstTwo()
    const sign = await newSigner()
    const leaked = await sign(fetch)
    await removed(first, fetch)
    expect(kidOf(await sign(fetch))).toBe(second)
    expect(await me(leaked, fetch)).toBe('invalid_token')
    const following = { state: 'next', signs_from: '2096-11-01T07:06:40Z' }
    expect(await see(fetch)).toMatchObject([{ kid: second, state: 'signing' }, following])
    expect(await published(fetch)).not.toContain(first)
    expect(await storedKids()).not.toContain(first)
  })

  it('of the next key makes another, and ends no token', async () => {
    const [first, second] = await firstTwo()
    const sign = await newSigner()
    const token = await sign(fetch)
    await removed(second, fetch)
    const [signing, next] = await see(fetch)
    expect([signing?.kid, next?.state]).toEqual([first, 'next'])
    expect(next?.kid).not.toBe(second)
    expect(await me(token, fetch)).toBe('ok')
  })

  it('of a retired key ends its tokens and no others', async () => {
    const [first, second] = await firstTwo()
    await rotate()
    advance(599)
    const sign = await newSigner(workerWith({}))
    const leaked = await sign()
    advance(1)
    const token = await sign()
    await removed(first, fetch)
    expect([kidOf(leaked), kidOf(token)]).toEqual([first, second])
    expect([await me(leaked, fetch), await me(token, fetch)]).toEqual(['invalid_token', 'ok'])
    expect((await see(fetch)).map(({ kid }) => kid)).not.toContain(first)
  })

  it('of the only key begins anew', async () => {
    const [first, second] = await firstTwo()
    await env.DB.prepare('DELETE FROM signing_keys WHERE kid = ?1').bind(second).run()
    await removed(first)
    expect(await see()).toMatchObject([
      { state: 'signing', signs_from: '2096-10-02T07:06:40Z' },
      { state: 'next', signs_from: '2096-11-01T07:06:40Z' },
    ])
    await newPerson(workerWith({}))
  })

  it('of the only key, under an AUTH_SECRET that unseals none, leaves the service to the right one', async () => {
    const [first, second] = await firstTwo()
    await env.DB.prepare('DELETE FROM signing_keys WHERE kid = ?1').bind(second).run()
    await remove(first, workerWith({ AUTH_SECRET: COMING }))
    await ok(call('GET', '/healthz', {}, workerWith({})))
  })

  it('of one key after the other leaves two new ones', async () => {
    const kids = await firstTwo()
    for (const kid of kids) await removed(kid)
    const after = await see()
    expect(after.map(({ state }) => state)).toEqual(['signing', 'next'])
    expect(after.filter(({ kid }) => kids.includes(kid))).toEqual([])
  })

  it.each([
    ['a name', 'unknown'],
    ['an escaped zero', '%00'],
    ['a broken escape', '%E0%A4%A'],
    ['a piece of SQL', "' OR 1=1 --"],
    ['a long one', 'x'.repeat(1_000)],
  ])('of an unknown key is 404 and changes nothing: %s', async (_what, kid) => {
    await firstTwo()
    const before = await rows()
    expect(await refused(remove(kid))).toMatchObject({ status: 404, code: 'not_found' })
    expect(await rows()).toEqual(before)
  })

  it('of an unknown key says of no change in the log', async () => {
    await firstTwo()
    const { lines, events } = listen()
    await refused(remove('not-a-key'))
    expect(events('signing_keys_changed')).toEqual([])
    expect(lines.join()).not.toContain('not-a-key')
  })

  it('twice at once is 204 once, and leaves one key to sign and one to follow', async () => {
    const [first, second] = await firstTwo()
    const answers = await Promise.all([remove(first), remove(first), remove(first)])
    expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 404, 404])
    expect(states(await see())).toEqual([
      ['signing', second],
      ['next', expect.any(String)],
    ])
    expect(await rows()).toHaveLength(2)
  })

  it('of both keys at once leaves a new one that signs, and after cron one to follow', async () => {
    const kids = await firstTwo()
    await Promise.all(kids.map((kid) => removed(kid)))
    expect((await see()).filter(({ kid }) => kids.includes(kid))).toEqual([])
    await newPerson(workerWith({}))
    await cronWith({})
    expect((await see()).map(({ state }) => state)).toEqual(['signing', 'next'])
  })

  it.each([
    ['the key that signed', 0],
    ['the key that signs', 1],
  ] as const)('of %s at once with cron that is late brings it not back', async (_what, which) => {
    const kids = await firstTwo()
    advance(31 * DAY)
    await Promise.all([removed(kids[which]), cronWith({}), cronWith({})])
    await cronWith({})
    expect(await storedKids()).not.toContain(kids[which])
    expect((await see()).slice(0, 2).map(({ state }) => state)).toEqual(['signing', 'next'])
    await newPerson(workerWith({}))
  })

  it('whose answer is lost is over within a minute all the same', async () => {
    const [first, second] = await firstTwo()
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    const sign = await newSigner(isolate)
    watched.fail('batch', { after: true })
    expect(await refused(remove(first, isolate))).toMatchObject({ status: 503, code: 'unavailable' })
    advance(60)
    expect(kidOf(await sign(isolate))).toBe(second)
  })

  it('whose write fails removes nothing and makes nothing', async () => {
    const [first] = await firstTwo()
    const before = await rows()
    const watched = watch()
    watched.fail('batch', { before: true })
    expect(await refused(remove(first, workerWith(watched.bindings)))).toMatchObject({ status: 503 })
    expect(await rows()).toEqual(before)
  })

  it('is in force at once where it was taken, though a read was on its way that came before', async () => {
    const [first, second] = await firstTwo()
    const sign = await newSigner()
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    const finish = await afterReading(watched, () => published(isolate))
    await removed(first, isolate)
    await finish()
    expect(kidOf(await sign(isolate))).toBe(second)
  })

  it('leaves no isolate within a minute that signs or verifies with the key, however old what it knows', async () => {
    const [first, second] = await firstTwo()
    const sign = await newSigner()
    const isolates: Fetch[] = []
    for (const seconds of [0, 1, 14, 15, 29]) {
      advance(seconds)
      const isolate = workerWith({})
      await published(isolate)
      isolates.push(isolate)
    }
    await removed(first, fetch)
    const leaked: string[] = []
    for (const isolate of isolates) leaked.push(await sign(isolate))
    const good = await sign(fetch)
    expect([...leaked.map(kidOf), kidOf(good)]).toEqual([...isolates.map(() => first), second])
    for (const isolate of isolates) expect(await me(good, isolate)).toBe('ok')
    advance(60)
    for (const isolate of isolates) {
      for (const token of leaked) expect(await me(token, isolate)).toBe('invalid_token')
      expect(kidOf(await sign(isolate))).toBe(second)
      expect(await published(isolate)).not.toContain(first)
    }
  })
})

describe('cron that read the keys before an operator changed them', () => {
  it.each([
    ['a rotation', async () => void (await rotate())],
    ['a removal of the key that signs', (kid: string) => removed(kid)],
  ])('undoes no part of %s', async (_what, change) => {
    const [, second] = await firstTwo()
    advance(31 * DAY)
    const watched = watch()
    const finish = await afterReading(watched, () => runCron({ ...env, ...watched.bindings }))
    await change(second)
    const [signing, next] = await see()
    const { access_token } = await newPerson(workerWith({}))
    await finish()
    expect((await see()).slice(0, 2)).toEqual([signing, next])
    expect(await me(access_token)).toBe('ok')
  })

  it('removes no key of another algorithm that an operator let sign meanwhile', async () => {
    const [first, second] = await firstTwo()
    const watched = watch()
    const finish = await afterReading(watched, () => runCron({ ...env, ...watched.bindings, ...RSA }))
    await removed(first, workerWith(RSA))
    const { access_token } = await newPerson(workerWith(RSA))
    expect(kidOf(access_token)).toBe(second)
    await finish()
    expect(await me(access_token, workerWith(RSA))).toBe('ok')
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
    const [first] = await firstTwo()
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
    const [, second] = await firstTwo()
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

const PUBLIC_HALVES: [string, string][] = [
  ['a public key that is no JSON', `public_jwk = '{'`],
  ['a public key that is null', `public_jwk = 'null'`],
  ['a public key that is a list', `public_jwk = '[]'`],
  ['no public key', `public_jwk = ''`],
  ['the public key of another', 'public_jwk = (SELECT public_jwk FROM signing_keys WHERE kid <> ?1)'],
  ['an unknown algorithm', `alg = 'XS256'`],
  ['no algorithm', `alg = ''`],
  ['the algorithm none', `alg = 'none'`],
  ['an algorithm with a shared secret', `alg = 'HS256'`],
  ['an algorithm of another kind of key', `alg = 'RS256'`],
]
const SEALED_HALVES: [string, string][] = [
  ['a seal that is cut', 'sealed_private_jwk = substr(sealed_private_jwk, 1, 100)'],
  ['a seal that is cut to less than its nonce', 'sealed_private_jwk = substr(sealed_private_jwk, 1, 4)'],
  ['no seal', `sealed_private_jwk = ''`],
  ['a seal that is no base64url', `sealed_private_jwk = '!'`],
  [
    'a seal with a letter changed',
    `sealed_private_jwk = substr(sealed_private_jwk, 1, 59) ||
       CASE substr(sealed_private_jwk, 60, 1) WHEN 'A' THEN 'B' ELSE 'A' END || substr(sealed_private_jwk, 61)`,
  ],
  [
    'the seal of another',
    'sealed_private_jwk = (SELECT sealed_private_jwk FROM signing_keys WHERE kid <> ?1)',
  ],
  ['an unknown secret', `secret_id = 'AAAAAA'`],
  ['a secret that is no id', `secret_id = '!'`],
]

const damage = (kid: string, assignment: string) =>
  env.DB.prepare(`UPDATE signing_keys SET ${assignment} WHERE kid = ?1`).bind(kid).run()

describe('a row of the signing key', () => {
  it.each(PUBLIC_HALVES)('with %s is left out: the next key signs', async (_what, assignment) => {
    const [first, second] = await firstTwo()
    await damage(first, assignment)
    const stored = (await rows()).map(({ sealed_private_jwk: seal }) => String(seal))
    const { lines, events } = listen()
    const { access_token } = await newPerson(workerWith({}))
    expect(kidOf(access_token)).toBe(second)
    expect(await me(access_token)).toBe('ok')
    await ok(call('GET', '/healthz', {}, workerWith({})))
    expect(await published()).toEqual([second])
    expect(states(await see())).toEqual([['signing', second]])
    expect(events('signing_key_damaged')[0]).toMatchObject({ level: 'error', kid: first })
    for (const seal of stored) expect(lines.join()).not.toContain(seal)
    await removed(first)
    expect(await storedKids()).not.toContain(first)
  })

  it.each(SEALED_HALVES)('with %s verifies on, and the next key signs', async (_what, assignment) => {
    const [first, second] = await firstTwo()
    const before = await newPerson(fetch)
    await damage(first, assignment)
    const { events } = listen()
    const { access_token } = await newPerson(workerWith({}))
    expect([kidOf(before.access_token), kidOf(access_token)]).toEqual([first, second])
    expect([await me(before.access_token), await me(access_token)]).toEqual(['ok', 'ok'])
    await ok(call('GET', '/healthz', {}, workerWith({})))
    expect(events('signing_key_not_unsealed')[0]).toMatchObject({
      level: 'error',
      kid: first,
      secret_id: expect.any(String),
    })
    await cronWith({})
    expect(await me(before.access_token)).toBe('ok')
  })
})

describe('a damaged row of the signing key', () => {
  it('leaves no service without a next key, once cron has run', async () => {
    const [first, second] = await firstTwo()
    await damage(first, `public_jwk = '{'`)
    await cronWith({})
    expect(states(await see())).toEqual([
      ['signing', second],
      ['next', expect.any(String)],
    ])
  })
})

describe('rows that are all damaged', () => {
  it.each([...PUBLIC_HALVES, ...SEALED_HALVES].filter(([, assignment]) => !assignment.includes('SELECT')))(
    'with %s: 503 misconfigured, and no new key',
    async (_what, assignment) => {
      const kids = await firstTwo()
      const { name, refresh_token } = await newPerson(fetch)
      await env.DB.batch(
        kids.map((kid) => env.DB.prepare(`UPDATE signing_keys SET ${assignment} WHERE kid = ?1`).bind(kid)),
      )
      const damaged = await rows()
      const isolate = workerWith({})
      for (const asked of [
        logIn(name, undefined, isolate),
        refresh(refresh_token, isolate),
        call('GET', '/healthz', {}, isolate),
      ]) {
        expect(await refused(asked)).toMatchObject({ status: 503, code: 'misconfigured' })
      }
      await cronWith({})
      advance(31 * DAY)
      await cronWith({})
      expect(await rows()).toEqual(damaged)
    },
  )
})

describe('a damaged row of the next key', () => {
  const ASSIGNMENT = `public_jwk = '{'`

  it('leaves the service without one until cron makes another', async () => {
    const [first, second] = await firstTwo()
    await damage(second, ASSIGNMENT)
    await cronWith({})
    expect(states(await see())).toEqual([
      ['signing', first],
      ['next', expect.any(String)],
    ])
  })

  it('has cron speak of no key that it did not store', async () => {
    const [, second] = await firstTwo()
    await damage(second, ASSIGNMENT)
    const { events } = listen()
    await cronWith({})
    const created = events('signing_keys_changed').flatMap((line): string[] => line.created)
    const stored = await storedKids()
    expect(created.filter((kid) => !stored.includes(kid))).toEqual([])
  })

  it('keeps no operator from a rotation', async () => {
    const [, second] = await firstTwo()
    await damage(second, ASSIGNMENT)
    expect((await rotate())[1]).toMatchObject({ state: 'next', signs_from: '2096-10-02T07:16:40Z' })
  })

  it('leaves no service without keys when the signing one is removed', async () => {
    const [first, second] = await firstTwo()
    await damage(second, ASSIGNMENT)
    await removed(first)
    const { access_token } = await newPerson(workerWith({}))
    expect(await me(access_token)).toBe('ok')
  })

  it.each([
    ['every five minutes', 300],
    ['an hour late', 3_600],
  ])(
    'whose seal alone is damaged ends no service when its time comes, with cron %s',
    async (_how, seconds) => {
      const [, second] = await firstTwo()
      await damage(second, `secret_id = 'AAAAAA'`)
      advance(30 * DAY - 60)
      for (let run = 1; run <= 6; run++) {
        await cronWith({})
        advance(seconds)
        await ok(call('GET', '/healthz', {}, workerWith({})))
      }
    },
  )

  it('is removed by its id, and followed by another', async () => {
    const [first, second] = await firstTwo()
    await damage(second, ASSIGNMENT)
    await removed(second)
    await cronWith({})
    const [signing, next] = await see()
    expect([signing?.kid, next?.state]).toEqual([first, 'next'])
    expect(next?.kid).not.toBe(second)
  })
})

describe('the seals', () => {
  const A = { AUTH_SECRET: SECRET, AUTH_SECRET_FALLBACK: '' }
  const AB = { AUTH_SECRET: SECRET, AUTH_SECRET_FALLBACK: COMING }
  const BA = { AUTH_SECRET: COMING, AUTH_SECRET_FALLBACK: SECRET }
  const B = { AUTH_SECRET: COMING, AUTH_SECRET_FALLBACK: '' }

  const signs = async (secrets: Partial<Env>) => codeOf(call('GET', '/healthz', {}, workerWith(secrets)))

  /** Whether each key for itself lets the service sign. */
  async function unsealed(secrets: Partial<Env>): Promise<readonly string[]> {
    const stored = await storedKids()
    const answers: string[] = []
    for (const kid of stored) {
      const others = env.DB.prepare(`UPDATE signing_keys SET secret_id = '!' || secret_id WHERE kid <> ?1`)
      await others.bind(kid).run()
      answers.push(await signs(secrets))
      await env.DB.exec(`UPDATE signing_keys SET secret_id = ltrim(secret_id, '!')`)
    }
    return answers
  }

  it('are renewed by cron under the swapped secrets: the old one then opens nothing, the new one all', async () => {
    await firstTwo()
    expect([await unsealed(A), await unsealed(B)]).toEqual([
      ['ok', 'ok'],
      ['misconfigured', 'misconfigured'],
    ])
    await cronWith(AB)
    expect(await unsealed(A)).toEqual(['ok', 'ok'])
    await cronWith(BA)
    expect([await unsealed(A), await unsealed(B)]).toEqual([
      ['misconfigured', 'misconfigured'],
      ['ok', 'ok'],
    ])
  })

  it('are renewed in nothing but themselves, and the log names the keys', async () => {
    const kids = await firstTwo()
    const before = await rows()
    const { lines, events } = listen()
    await cronWith(BA)
    const after = await rows()
    const unsealedParts = (all: typeof before) =>
      all.map(({ sealed_private_jwk, secret_id, ...rest }) => rest)
    expect(unsealedParts(after)).toEqual(unsealedParts(before))
    expect(
      events('signing_key_resealed')
        .map(({ kid }) => kid)
        .toSorted(),
    ).toEqual(kids.toSorted())
    for (const row of [...before, ...after]) expect(lines.join()).not.toContain(row.sealed_private_jwk)
    for (const secret of [SECRET, COMING]) expect(lines.join()).not.toContain(secret)
    await cronWith(BA)
    expect(await rows()).toEqual(after)
  })

  it('and secrets change with nobody logged out, at any step with two releases at once', async () => {
    const sign = await newSigner(workerWith(A))
    const steps = [[A], [A, AB], [AB], [AB, BA], [BA], [BA, B], [B]]
    let last = await sign(workerWith(A))
    for (const releases of steps) {
      const isolates = releases.map((secrets) => workerWith(secrets))
      for (const secrets of [...releases, ...releases]) {
        await cronWith(secrets)
        for (const isolate of isolates) {
          expect(await me(last, isolate)).toBe('ok')
          last = await sign(isolate)
          for (const other of isolates) expect(await me(last, other)).toBe('ok')
        }
        advance(60)
      }
    }
    expect(await rows()).toHaveLength(2)
    expect(await unsealed(B)).toEqual(['ok', 'ok'])
  })

  it('take no harm from cron of both releases, one after the other or at once', async () => {
    const kids = await firstTwo()
    const { access_token } = await newPerson(fetch)
    for (const secrets of [AB, BA, AB, BA]) {
      await cronWith(secrets)
      for (const release of [AB, BA]) expect(await unsealed(release)).toEqual(['ok', 'ok'])
    }
    await Promise.all([AB, BA, AB, BA, AB, BA].map(cronWith))
    for (const release of [AB, BA]) expect(await unsealed(release)).toEqual(['ok', 'ok'])
    expect(await storedKids()).toEqual([...kids].toSorted())
    expect(await me(access_token)).toBe('ok')
  })

  it('are not renewed for a key that is removed meanwhile', async () => {
    const [first] = await firstTwo()
    const watched = watch()
    const finish = await afterReading(watched, () => runCron({ ...env, ...watched.bindings, ...BA }))
    await removed(first)
    await finish()
    await cronWith(BA)
    expect(await storedKids()).not.toContain(first)
  })

  it('of keys that no secret opens stay as they are, while the others are renewed', async () => {
    const [first] = await firstTwo()
    await damage(first, `secret_id = 'AAAAAA'`)
    const seals = async () => (await rows()).find(({ kid }) => kid === first)
    const before = await seals()
    await cronWith(BA)
    expect(await seals()).toEqual(before)
    expect(await signs(B)).toBe('ok')
    expect(await signs(A)).toBe('misconfigured')
  })

  it('that an AUTH_SECRET does not open have cron change nothing, however late it is', async () => {
    await firstTwo()
    const before = await rows()
    const { events } = listen()
    for (const days of [0, 31, 45]) {
      advance(days * DAY)
      await cronWith(B)
      expect(await rows()).toEqual(before)
    }
    expect(events('maintain_keys_failed').length).toBeGreaterThan(0)
    await cronWith(A)
    expect((await see()).map(({ state }) => state)).toEqual(['signing', 'next'])
  })
})
