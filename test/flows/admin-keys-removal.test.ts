import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { call, type Fetch, newPerson, ok, refused, workerWith } from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { runCron } from '../support/database.ts'
import {
  afterReading,
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
  remove,
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

describe('DELETE /admin/keys/{kid}', () => {
  it('of the signing key lets the next one sign at once, and makes one to follow', async () => {
    const [first, second] = await firstTwo(fetch)
    const sign = await newSigner(fetch)
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
    const [first, second] = await firstTwo(fetch)
    const sign = await newSigner(fetch)
    const token = await sign(fetch)
    await removed(second, fetch)
    const [signing, next] = await see(fetch)
    expect([signing?.kid, next?.state]).toEqual([first, 'next'])
    expect(next?.kid).not.toBe(second)
    expect(await me(token, fetch)).toBe('ok')
  })

  it('of a retired key ends its tokens and no others', async () => {
    const [first, second] = await firstTwo(fetch)
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
    const [first, second] = await firstTwo(fetch)
    await env.DB.prepare('DELETE FROM signing_keys WHERE kid = ?1').bind(second).run()
    await removed(first)
    expect(await see()).toMatchObject([
      { state: 'signing', signs_from: '2096-10-02T07:06:40Z' },
      { state: 'next', signs_from: '2096-11-01T07:06:40Z' },
    ])
    await newPerson(workerWith({}))
  })

  it('of the only key, under an AUTH_SECRET that unseals none, leaves the service to the right one', async () => {
    const [first, second] = await firstTwo(fetch)
    await env.DB.prepare('DELETE FROM signing_keys WHERE kid = ?1').bind(second).run()
    await remove(first, workerWith({ AUTH_SECRET: COMING }))
    await ok(call('GET', '/healthz', {}, workerWith({})))
  })

  it('of one key after the other leaves two new ones', async () => {
    const kids = await firstTwo(fetch)
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
    await firstTwo(fetch)
    const before = await rows()
    expect(await refused(remove(kid))).toMatchObject({ status: 404, code: 'not_found' })
    expect(await rows()).toEqual(before)
  })

  it('of an unknown key says of no change in the log', async () => {
    await firstTwo(fetch)
    const { lines, events } = listen()
    await refused(remove('not-a-key'))
    expect(events('signing_keys_changed')).toEqual([])
    expect(lines.join()).not.toContain('not-a-key')
  })

  it('twice at once is 204 once, and leaves one key to sign and one to follow', async () => {
    const [first, second] = await firstTwo(fetch)
    const answers = await Promise.all([remove(first), remove(first), remove(first)])
    expect(answers.map(({ status }) => status).toSorted()).toEqual([204, 404, 404])
    expect(states(await see())).toEqual([
      ['signing', second],
      ['next', expect.any(String)],
    ])
    expect(await rows()).toHaveLength(2)
  })

  it('of both keys at once leaves a new one that signs, and after cron one to follow', async () => {
    const kids = await firstTwo(fetch)
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
    const kids = await firstTwo(fetch)
    advance(31 * DAY)
    await Promise.all([removed(kids[which]), cronWith({}), cronWith({})])
    await cronWith({})
    expect(await storedKids()).not.toContain(kids[which])
    expect((await see()).slice(0, 2).map(({ state }) => state)).toEqual(['signing', 'next'])
    await newPerson(workerWith({}))
  })

  it('whose answer is lost is over within a minute all the same', async () => {
    const [first, second] = await firstTwo(fetch)
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    const sign = await newSigner(isolate)
    watched.fail('batch', { after: true })
    expect(await refused(remove(first, isolate))).toMatchObject({ status: 503, code: 'unavailable' })
    advance(60)
    expect(kidOf(await sign(isolate))).toBe(second)
  })

  it('whose write fails removes nothing and makes nothing', async () => {
    const [first] = await firstTwo(fetch)
    const before = await rows()
    const watched = watch()
    watched.fail('batch', { before: true })
    expect(await refused(remove(first, workerWith(watched.bindings)))).toMatchObject({ status: 503 })
    expect(await rows()).toEqual(before)
  })

  it('is in force at once where it was taken, though a read was on its way that came before', async () => {
    const [first, second] = await firstTwo(fetch)
    const sign = await newSigner(fetch)
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    const finish = await afterReading(watched, () => published(isolate))
    await removed(first, isolate)
    await finish()
    expect(kidOf(await sign(isolate))).toBe(second)
  })

  it('leaves no isolate within a minute that signs or verifies with the key, however old what it knows', async () => {
    const [first, second] = await firstTwo(fetch)
    const sign = await newSigner(fetch)
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
    const [, second] = await firstTwo(fetch)
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
    const [first, second] = await firstTwo(fetch)
    const watched = watch()
    const finish = await afterReading(watched, () => runCron({ ...env, ...watched.bindings, ...RSA }))
    await removed(first, workerWith(RSA))
    const { access_token } = await newPerson(workerWith(RSA))
    expect(kidOf(access_token)).toBe(second)
    await finish()
    expect(await me(access_token, workerWith(RSA))).toBe('ok')
  })
})
