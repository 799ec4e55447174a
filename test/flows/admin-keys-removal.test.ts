import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { call, type Fetch, newPerson, ok, refused, workerWith } from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { runCron } from '../support/database.ts'
import {
  afterReading,
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
  removeKey,
  requestRemoval,
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

describe('DELETE /admin/keys/{kid}', () => {
  it('lets the next key sign at once when the signing key is removed, and creates a new next key', async () => {
    const [first, second] = await firstTwo(fetch)
    const sign = await newSigner(fetch)
    const leaked = await sign(fetch)
    await removeKey(first, fetch)
    expect(kidOf(await sign(fetch))).toBe(second)
    expect(await me(leaked, fetch)).toBe('invalid_token')
    const following = { state: 'next', signs_from: '2096-11-01T07:06:40Z' }
    expect(await listKeys(fetch)).toMatchObject([{ kid: second, state: 'signing' }, following])
    expect(await publishedKids(fetch)).not.toContain(first)
    expect(await storedKids()).not.toContain(first)
  })

  it('replaces a removed next key without ending a token', async () => {
    const [first, second] = await firstTwo(fetch)
    const sign = await newSigner(fetch)
    const token = await sign(fetch)
    await removeKey(second, fetch)
    const [signing, next] = await listKeys(fetch)
    expect([signing?.kid, next?.state]).toEqual([first, 'next'])
    expect(next?.kid).not.toBe(second)
    expect(await me(token, fetch)).toBe('ok')
  })

  it('ends the tokens of a removed retired key and no others', async () => {
    const [first, second] = await firstTwo(fetch)
    await rotate()
    advance(599)
    const sign = await newSigner(workerWith({}))
    const leaked = await sign()
    advance(1)
    const token = await sign()
    await removeKey(first, fetch)
    expect([kidOf(leaked), kidOf(token)]).toEqual([first, second])
    expect([await me(leaked, fetch), await me(token, fetch)]).toEqual(['invalid_token', 'ok'])
    expect((await listKeys(fetch)).map(({ kid }) => kid)).not.toContain(first)
  })

  it('creates two new keys when the only key is removed', async () => {
    const [first, second] = await firstTwo(fetch)
    await env.DB.prepare('DELETE FROM signing_keys WHERE kid = ?1').bind(second).run()
    await removeKey(first)
    expect(await listKeys()).toMatchObject([
      { state: 'signing', signs_from: '2096-10-02T07:06:40Z' },
      { state: 'next', signs_from: '2096-11-01T07:06:40Z' },
    ])
    await newPerson(workerWith({}))
  })

  it('stays available under the right AUTH_SECRET when the only key is removed under a wrong one', async () => {
    const [first, second] = await firstTwo(fetch)
    await env.DB.prepare('DELETE FROM signing_keys WHERE kid = ?1').bind(second).run()
    await requestRemoval(first, workerWith({ AUTH_SECRET: NEW_SECRET }))
    await ok(call('GET', '/healthz', {}, workerWith({})))
  })

  it('creates two new keys when both are removed one after the other', async () => {
    const kids = await firstTwo(fetch)
    for (const kid of kids) await removeKey(kid)
    const after = await listKeys()
    expect(after.map(({ state }) => state)).toEqual(['signing', 'next'])
    expect(after.filter(({ kid }) => kids.includes(kid))).toEqual([])
  })

  it.each([
    ['a name', 'unknown'],
    ['an escaped NUL', '%00'],
    ['a broken escape', '%E0%A4%A'],
    ['a piece of SQL', "' OR 1=1 --"],
    ['a long id', 'x'.repeat(1_000)],
  ])('answers 404 to the removal of an unknown key and changes nothing: %s', async (_what, kid) => {
    await firstTwo(fetch)
    const before = await keyRows()
    expect(await refused(requestRemoval(kid))).toMatchObject({ status: 404, code: 'not_found' })
    expect(await keyRows()).toEqual(before)
  })

  it('logs no change for the removal of an unknown key', async () => {
    await firstTwo(fetch)
    const { lines, events } = recordLog()
    await refused(requestRemoval('not-a-key'))
    expect(events('signing_keys_changed')).toEqual([])
    expect(lines.join()).not.toContain('not-a-key')
  })

  it('answers 204 to one of several concurrent removals, and leaves a signing key and a next key', async () => {
    const [first, second] = await firstTwo(fetch)
    const responses = await Promise.all([requestRemoval(first), requestRemoval(first), requestRemoval(first)])
    expect(responses.map(({ status }) => status).toSorted()).toEqual([204, 404, 404])
    expect(states(await listKeys())).toEqual([
      ['signing', second],
      ['next', expect.any(String)],
    ])
    expect(await keyRows()).toHaveLength(2)
  })

  it('creates a new signing key when both keys are removed at once, and with cron a next key', async () => {
    const kids = await firstTwo(fetch)
    await Promise.all(kids.map((kid) => removeKey(kid)))
    expect((await listKeys()).filter(({ kid }) => kids.includes(kid))).toEqual([])
    await newPerson(workerWith({}))
    await cronWith({})
    expect((await listKeys()).map(({ state }) => state)).toEqual(['signing', 'next'])
  })

  it.each([
    ['the retired key', 0],
    ['the signing key', 1],
  ] as const)('never restores %s that is removed while a late cron runs', async (_what, which) => {
    const kids = await firstTwo(fetch)
    advance(31 * DAY)
    // Cron removes the retired key too, so the removal may find it gone.
    await Promise.all([requestRemoval(kids[which]), cronWith({}), cronWith({})])
    await cronWith({})
    expect(await storedKids()).not.toContain(kids[which])
    expect((await listKeys()).slice(0, 2).map(({ state }) => state)).toEqual(['signing', 'next'])
    await newPerson(workerWith({}))
  })

  it('completes a removal within a minute when its result is lost', async () => {
    const [first, second] = await firstTwo(fetch)
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    const sign = await newSigner(isolate)
    watched.fail('batch', { after: true })
    expect(await refused(requestRemoval(first, isolate))).toMatchObject({ status: 503, code: 'unavailable' })
    advance(60)
    expect(kidOf(await sign(isolate))).toBe(second)
  })

  it('removes and creates no key when the write of a removal fails', async () => {
    const [first] = await firstTwo(fetch)
    const before = await keyRows()
    const watched = watch()
    watched.fail('batch', { before: true })
    expect(await refused(requestRemoval(first, workerWith(watched.bindings)))).toMatchObject({ status: 503 })
    expect(await keyRows()).toEqual(before)
  })

  it('applies a removal at once in its own isolate, even if an older read is still pending', async () => {
    const [first, second] = await firstTwo(fetch)
    const sign = await newSigner(fetch)
    const watched = watch()
    const isolate = workerWith(watched.bindings)
    const finish = await afterReading(watched, () => publishedKids(isolate))
    await removeKey(first, isolate)
    await finish()
    expect(kidOf(await sign(isolate))).toBe(second)
  })

  it('stops every isolate within a minute from signing or verifying with a removed key', async () => {
    const [first, second] = await firstTwo(fetch)
    const sign = await newSigner(fetch)
    const isolates: Fetch[] = []
    for (const seconds of [0, 1, 8, 10, 10]) {
      advance(seconds)
      const isolate = workerWith({})
      await publishedKids(isolate)
      isolates.push(isolate)
    }
    await removeKey(first, fetch)
    const leaked: string[] = []
    for (const isolate of isolates) leaked.push(await sign(isolate))
    const good = await sign(fetch)
    expect([...leaked.map(kidOf), kidOf(good)]).toEqual([...isolates.map(() => first), second])
    for (const isolate of isolates) expect(await me(good, isolate)).toBe('ok')
    advance(60)
    for (const isolate of isolates) {
      for (const token of leaked) expect(await me(token, isolate)).toBe('invalid_token')
      expect(kidOf(await sign(isolate))).toBe(second)
      expect(await publishedKids(isolate)).not.toContain(first)
    }
  })
})

describe('cron with an outdated read of the keys', () => {
  it.each([
    ['a rotation', async () => void (await rotate())],
    ['a removal of the signing key', (kid: string) => removeKey(kid)],
  ])('keeps %s that happens after cron has read the keys', async (_what, change) => {
    const [, second] = await firstTwo(fetch)
    advance(31 * DAY)
    const watched = watch()
    const finish = await afterReading(watched, () => runCron({ ...env, ...watched.bindings }))
    await change(second)
    const [signing, next] = await listKeys()
    const { access_token } = await newPerson(workerWith({}))
    await finish()
    expect((await listKeys()).slice(0, 2)).toEqual([signing, next])
    expect(await me(access_token)).toBe('ok')
  })

  it('keeps a key of another algorithm that starts to sign after cron has read the keys', async () => {
    const [first, second] = await firstTwo(fetch)
    const watched = watch()
    const finish = await afterReading(watched, () => runCron({ ...env, ...watched.bindings, ...RSA }))
    await removeKey(first, workerWith(RSA))
    const { access_token } = await newPerson(workerWith(RSA))
    expect(kidOf(access_token)).toBe(second)
    await finish()
    expect(await me(access_token, workerWith(RSA))).toBe('ok')
  })
})
