import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Env } from '../../src/config/env.ts'
import { codeOf } from '../support/admin.ts'
import { call, newPerson, workerWith } from '../support/client.ts'
import { advance, freeze, thaw } from '../support/clock.ts'
import { watch } from '../support/counting.ts'
import { runCron } from '../support/database.ts'
import {
  afterReading,
  cronWith,
  DAY,
  damage,
  firstTwo,
  keyRows,
  listKeys,
  me,
  NEW_SECRET,
  newSigner,
  recordLog,
  removeKey,
  storedKids,
} from '../support/signing-keys.ts'

const SECRET = String(env.AUTH_SECRET)

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

describe('the seals of the keys', () => {
  const A = { AUTH_SECRET: SECRET, AUTH_SECRET_FALLBACK: '' }
  const AB = { AUTH_SECRET: SECRET, AUTH_SECRET_FALLBACK: NEW_SECRET }
  const BA = { AUTH_SECRET: NEW_SECRET, AUTH_SECRET_FALLBACK: SECRET }
  const B = { AUTH_SECRET: NEW_SECRET, AUTH_SECRET_FALLBACK: '' }

  const codeOfHealth = async (secrets: Partial<Env>) =>
    codeOf(call('GET', '/healthz', {}, workerWith(secrets)))

  /** For each key, whether the service can sign with it alone. */
  async function unsealedBy(secrets: Partial<Env>): Promise<readonly string[]> {
    const stored = await storedKids()
    const codes: string[] = []
    for (const kid of stored) {
      const others = env.DB.prepare(`UPDATE signing_keys SET secret_id = '!' || secret_id WHERE kid <> ?1`)
      await others.bind(kid).run()
      codes.push(await codeOfHealth(secrets))
      await env.DB.exec(`UPDATE signing_keys SET secret_id = ltrim(secret_id, '!')`)
    }
    return codes
  }

  it('reseals every key with cron after the secrets are swapped, so that only the new secret opens them', async () => {
    await firstTwo(fetch)
    expect([await unsealedBy(A), await unsealedBy(B)]).toEqual([
      ['ok', 'ok'],
      ['misconfigured', 'misconfigured'],
    ])
    await cronWith(AB)
    expect(await unsealedBy(A)).toEqual(['ok', 'ok'])
    await cronWith(BA)
    expect([await unsealedBy(A), await unsealedBy(B)]).toEqual([
      ['misconfigured', 'misconfigured'],
      ['ok', 'ok'],
    ])
  })

  it('changes only the seals of the keys when cron reseals them, and logs the key ids', async () => {
    const kids = await firstTwo(fetch)
    const before = await keyRows()
    const { lines, events } = recordLog()
    await cronWith(BA)
    const after = await keyRows()
    const unsealedParts = (all: typeof before) =>
      all.map(({ sealed_private_jwk, secret_id, ...rest }) => rest)
    expect(unsealedParts(after)).toEqual(unsealedParts(before))
    expect(
      events('signing_key_resealed')
        .map(({ kid }) => kid)
        .toSorted(),
    ).toEqual(kids.toSorted())
    for (const row of [...before, ...after]) expect(lines.join()).not.toContain(row.sealed_private_jwk)
    for (const secret of [SECRET, NEW_SECRET]) expect(lines.join()).not.toContain(secret)
    await cronWith(BA)
    expect(await keyRows()).toEqual(after)
  })

  it('keeps every session while AUTH_SECRET changes, at every step with two releases at once', async () => {
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
    expect(await keyRows()).toHaveLength(2)
    expect(await unsealedBy(B)).toEqual(['ok', 'ok'])
  })

  it('keeps every key usable when cron of both releases runs, in turn or at once', async () => {
    const kids = await firstTwo(fetch)
    const { access_token } = await newPerson(fetch)
    for (const secrets of [AB, BA, AB, BA]) {
      await cronWith(secrets)
      for (const release of [AB, BA]) expect(await unsealedBy(release)).toEqual(['ok', 'ok'])
    }
    await Promise.all([AB, BA, AB, BA, AB, BA].map(cronWith))
    for (const release of [AB, BA]) expect(await unsealedBy(release)).toEqual(['ok', 'ok'])
    expect(await storedKids()).toEqual([...kids].toSorted())
    expect(await me(access_token)).toBe('ok')
  })

  it('never restores a key that is removed while cron reseals it', async () => {
    const [first] = await firstTwo(fetch)
    const watched = watch()
    const finish = await afterReading(watched, () => runCron({ ...env, ...watched.bindings, ...BA }))
    await removeKey(first)
    await finish()
    await cronWith(BA)
    expect(await storedKids()).not.toContain(first)
  })

  it('reseals the other keys when no secret opens one, and leaves that one as it is', async () => {
    const [first] = await firstTwo(fetch)
    await damage(first, `secret_id = 'AAAAAA'`)
    const seals = async () => (await keyRows()).find(({ kid }) => kid === first)
    const before = await seals()
    await cronWith(BA)
    expect(await seals()).toEqual(before)
    expect(await codeOfHealth(B)).toBe('ok')
    expect(await codeOfHealth(A)).toBe('misconfigured')
  })

  it('changes no key with cron when AUTH_SECRET opens no seal, however late cron is', async () => {
    await firstTwo(fetch)
    const before = await keyRows()
    const { events } = recordLog()
    for (const days of [0, 31, 45]) {
      advance(days * DAY)
      await cronWith(B)
      expect(await keyRows()).toEqual(before)
    }
    expect(events('maintain_keys_failed').length).toBeGreaterThan(0)
    await cronWith(A)
    expect((await listKeys()).map(({ state }) => state)).toEqual(['signing', 'next'])
  })
})
