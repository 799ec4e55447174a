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
  COMING,
  cronWith,
  DAY,
  damage,
  firstTwo,
  listen,
  me,
  newSigner,
  removed,
  rows,
  see,
  storedKids,
} from '../support/signing-keys.ts'

const SECRET = String(env.AUTH_SECRET)

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

describe('the seals', () => {
  const A = { AUTH_SECRET: SECRET, AUTH_SECRET_ALSO: '' }
  const AB = { AUTH_SECRET: SECRET, AUTH_SECRET_ALSO: COMING }
  const BA = { AUTH_SECRET: COMING, AUTH_SECRET_ALSO: SECRET }
  const B = { AUTH_SECRET: COMING, AUTH_SECRET_ALSO: '' }

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
    await firstTwo(fetch)
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
    const kids = await firstTwo(fetch)
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
    const kids = await firstTwo(fetch)
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
    const [first] = await firstTwo(fetch)
    const watched = watch()
    const finish = await afterReading(watched, () => runCron({ ...env, ...watched.bindings, ...BA }))
    await removed(first)
    await finish()
    await cronWith(BA)
    expect(await storedKids()).not.toContain(first)
  })

  it('of keys that no secret opens stay as they are, while the others are renewed', async () => {
    const [first] = await firstTwo(fetch)
    await damage(first, `secret_id = 'AAAAAA'`)
    const seals = async () => (await rows()).find(({ kid }) => kid === first)
    const before = await seals()
    await cronWith(BA)
    expect(await seals()).toEqual(before)
    expect(await signs(B)).toBe('ok')
    expect(await signs(A)).toBe('misconfigured')
  })

  it('that an AUTH_SECRET does not open have cron change nothing, however late it is', async () => {
    await firstTwo(fetch)
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
