import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { call, logIn, newPerson, ok, refresh, refused, workerWith } from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import {
  cronWith,
  DAY,
  damage,
  firstTwo,
  keyRows,
  kidOf,
  listKeys,
  me,
  publishedKids,
  recordLog,
  removeKey,
  rotate,
  states,
  storedKids,
} from '../support/signing-keys.ts'

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

const PUBLIC_HALVES: [string, string][] = [
  ['a public key that is not JSON', `public_jwk = '{'`],
  ['a null public key', `public_jwk = 'null'`],
  ['a public key that is a list', `public_jwk = '[]'`],
  ['an empty public key', `public_jwk = ''`],
  ['the public key of another key', 'public_jwk = (SELECT public_jwk FROM signing_keys WHERE kid <> ?1)'],
  ['an unknown algorithm', `alg = 'XS256'`],
  ['an empty algorithm', `alg = ''`],
  ['the algorithm none', `alg = 'none'`],
  ['a symmetric algorithm', `alg = 'HS256'`],
  ['an algorithm of another key type', `alg = 'RS256'`],
]
const SEALED_HALVES: [string, string][] = [
  ['a truncated seal', 'sealed_private_jwk = substr(sealed_private_jwk, 1, 100)'],
  ['a seal shorter than its nonce', 'sealed_private_jwk = substr(sealed_private_jwk, 1, 4)'],
  ['an empty seal', `sealed_private_jwk = ''`],
  ['a seal that is not base64url', `sealed_private_jwk = '!'`],
  [
    'a seal with one changed character',
    `sealed_private_jwk = substr(sealed_private_jwk, 1, 59) ||
       CASE substr(sealed_private_jwk, 60, 1) WHEN 'A' THEN 'B' ELSE 'A' END || substr(sealed_private_jwk, 61)`,
  ],
  [
    'the seal of another key',
    'sealed_private_jwk = (SELECT sealed_private_jwk FROM signing_keys WHERE kid <> ?1)',
  ],
  ['an unknown secret id', `secret_id = 'AAAAAA'`],
  ['a malformed secret id', `secret_id = '!'`],
]

describe('one damaged column of the signing key', () => {
  it.each(PUBLIC_HALVES)(
    'omits a signing key with %s, and signs with the next key',
    async (_what, assignment) => {
      const [first, second] = await firstTwo(fetch)
      await damage(first, assignment)
      const stored = (await keyRows()).map(({ sealed_private_jwk: seal }) => String(seal))
      const { lines, events } = recordLog()
      const { access_token } = await newPerson(workerWith({}))
      expect(kidOf(access_token)).toBe(second)
      expect(await me(access_token)).toBe('ok')
      await ok(call('GET', '/healthz', {}, workerWith({})))
      expect(await publishedKids()).toEqual([second])
      expect(states(await listKeys())).toEqual([['signing', second]])
      expect(events('signing_key_damaged')[0]).toMatchObject({ level: 'error', kid: first })
      for (const seal of stored) expect(lines.join()).not.toContain(seal)
      await removeKey(first)
      expect(await storedKids()).not.toContain(first)
    },
  )

  it.each(SEALED_HALVES)(
    'keeps verifying with a signing key that has %s, and signs with the next key',
    async (_what, assignment) => {
      const [first, second] = await firstTwo(fetch)
      const before = await newPerson(fetch)
      await damage(first, assignment)
      const { events } = recordLog()
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
    },
  )
})

describe('a damaged row of the signing key', () => {
  it('creates a next key with cron when the signing key is damaged', async () => {
    const [first, second] = await firstTwo(fetch)
    await damage(first, `public_jwk = '{'`)
    await cronWith({})
    expect(states(await listKeys())).toEqual([
      ['signing', second],
      ['next', expect.any(String)],
    ])
  })
})

describe('damaged rows of all keys', () => {
  it.each([...PUBLIC_HALVES, ...SEALED_HALVES].filter(([, assignment]) => !assignment.includes('SELECT')))(
    'answers 503 misconfigured and creates no key when every key has %s',
    async (_what, assignment) => {
      const kids = await firstTwo(fetch)
      const { name, refresh_token } = await newPerson(fetch)
      await env.DB.batch(
        kids.map((kid) => env.DB.prepare(`UPDATE signing_keys SET ${assignment} WHERE kid = ?1`).bind(kid)),
      )
      const damaged = await keyRows()
      const isolate = workerWith({})
      for (const response of [
        logIn(name, undefined, isolate),
        refresh(refresh_token, isolate),
        call('GET', '/healthz', {}, isolate),
      ]) {
        expect(await refused(response)).toMatchObject({ status: 503, code: 'misconfigured' })
      }
      await cronWith({})
      advance(31 * DAY)
      await cronWith({})
      expect(await keyRows()).toEqual(damaged)
    },
  )
})

describe('a damaged row of the next key', () => {
  const ASSIGNMENT = `public_jwk = '{'`

  it('replaces a damaged next key with cron', async () => {
    const [first, second] = await firstTwo(fetch)
    await damage(second, ASSIGNMENT)
    await cronWith({})
    expect(states(await listKeys())).toEqual([
      ['signing', first],
      ['next', expect.any(String)],
    ])
  })

  it('logs only keys that cron has stored', async () => {
    const [, second] = await firstTwo(fetch)
    await damage(second, ASSIGNMENT)
    const { events } = recordLog()
    await cronWith({})
    const created = events('signing_keys_changed').flatMap((line): string[] => line.created)
    const stored = await storedKids()
    expect(created.filter((kid) => !stored.includes(kid))).toEqual([])
  })

  it('allows a rotation when the next key is damaged', async () => {
    const [, second] = await firstTwo(fetch)
    await damage(second, ASSIGNMENT)
    expect((await rotate())[1]).toMatchObject({ state: 'next', signs_from: '2096-10-02T07:16:40Z' })
  })

  it('keeps issuing tokens when the signing key is removed and the next key is damaged', async () => {
    const [first, second] = await firstTwo(fetch)
    await damage(second, ASSIGNMENT)
    await removeKey(first)
    const { access_token } = await newPerson(workerWith({}))
    expect(await me(access_token)).toBe('ok')
  })

  it.each([
    ['every five minutes', 300],
    ['every hour', 3_600],
  ])(
    'stays available when a next key with a damaged seal is due to sign, with cron %s',
    async (_how, seconds) => {
      const [, second] = await firstTwo(fetch)
      await damage(second, `secret_id = 'AAAAAA'`)
      advance(30 * DAY - 60)
      for (let run = 1; run <= 6; run++) {
        await cronWith({})
        advance(seconds)
        await ok(call('GET', '/healthz', {}, workerWith({})))
      }
    },
  )

  it('replaces a damaged next key that is removed by its id', async () => {
    const [first, second] = await firstTwo(fetch)
    await damage(second, ASSIGNMENT)
    await removeKey(second)
    await cronWith({})
    const [signing, next] = await listKeys()
    expect([signing?.kid, next?.state]).toEqual([first, 'next'])
    expect(next?.kid).not.toBe(second)
  })
})
