import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { call, logIn, newPerson, ok, refresh, refused, workerWith } from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import {
  cronWith,
  DAY,
  damage,
  firstTwo,
  kidOf,
  listen,
  me,
  published,
  removed,
  rotate,
  rows,
  see,
  states,
  storedKids,
} from '../support/signing-keys.ts'

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

describe('a row of the signing key', () => {
  it.each(PUBLIC_HALVES)('with %s is left out: the next key signs', async (_what, assignment) => {
    const [first, second] = await firstTwo(fetch)
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
    const [first, second] = await firstTwo(fetch)
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
    const [first, second] = await firstTwo(fetch)
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
      const kids = await firstTwo(fetch)
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
    const [first, second] = await firstTwo(fetch)
    await damage(second, ASSIGNMENT)
    await cronWith({})
    expect(states(await see())).toEqual([
      ['signing', first],
      ['next', expect.any(String)],
    ])
  })

  it('has cron speak of no key that it did not store', async () => {
    const [, second] = await firstTwo(fetch)
    await damage(second, ASSIGNMENT)
    const { events } = listen()
    await cronWith({})
    const created = events('signing_keys_changed').flatMap((line): string[] => line.created)
    const stored = await storedKids()
    expect(created.filter((kid) => !stored.includes(kid))).toEqual([])
  })

  it('keeps no operator from a rotation', async () => {
    const [, second] = await firstTwo(fetch)
    await damage(second, ASSIGNMENT)
    expect((await rotate())[1]).toMatchObject({ state: 'next', signs_from: '2096-10-02T07:16:40Z' })
  })

  it('leaves no service without keys when the signing one is removed', async () => {
    const [first, second] = await firstTwo(fetch)
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

  it('is removed by its id, and followed by another', async () => {
    const [first, second] = await firstTwo(fetch)
    await damage(second, ASSIGNMENT)
    await removed(second)
    await cronWith({})
    const [signing, next] = await see()
    expect([signing?.kid, next?.state]).toEqual([first, 'next'])
    expect(next?.kid).not.toBe(second)
  })
})
