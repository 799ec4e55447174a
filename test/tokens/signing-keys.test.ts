import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { SharedRecords } from '../../src/shared-record.ts'
import { SigningKeys } from '../../src/tokens/signing-keys.ts'
import { FROZEN_MS, requestAt } from '../support/clock.ts'
import { type Watched, watch } from '../support/counting.ts'
import { recordLog } from '../support/signing-keys.ts'

const POLICY = { alg: 'ES256', rotationSeconds: 2_592_000, accessTokenSeconds: 600 }
const SECRETS = { authSecret: 'a secret of the tests, long enough', authSecretFallback: undefined }

let watched: Watched
let keys: SigningKeys
beforeEach(async () => {
  await env.DB.exec('DELETE FROM signing_keys')
  watched = watch()
  keys = new SigningKeys(watched.bindings.DB, new SharedRecords(watched.bindings.DB), POLICY, SECRETS)
})
afterEach(() => vi.restoreAllMocks())

/** Signs in a request that is this much later, and waits for its reload in the background. */
const signAfter = async (laterMs: number) => {
  const request = requestAt(FROZEN_MS + laterMs)
  const { kid } = await keys.signing(request)
  await request.finish()
  return kid
}
const storedRows = () => env.DB.prepare('SELECT count(*) AS n FROM signing_keys').first<number>('n')

describe('SigningKeys', () => {
  it('creates the first keys with one read and one write, and reads nothing while they are fresh', async () => {
    await signAfter(0)
    expect(watched.counts.d1).toBe(2)
    await signAfter(19_999)
    expect(watched.counts.d1).toBe(2)
    expect(await storedRows()).toBe(2)
  })

  it('keeps an unsealed key through reloads of the same key set', async () => {
    await signAfter(0)
    const unseal = vi.spyOn(crypto.subtle, 'decrypt')
    await signAfter(20_000)
    await signAfter(20_000)
    expect(watched.counts.d1).toBe(3)
    expect(unseal).not.toHaveBeenCalled()
  })

  it('drops the unsealed keys when the key set changes', async () => {
    const signing = await signAfter(0)
    await env.DB.prepare('DELETE FROM signing_keys WHERE kid = ?1').bind(signing).run()
    const unseal = vi.spyOn(crypto.subtle, 'decrypt')
    expect(await signAfter(20_000)).toBe(signing)
    expect(unseal).not.toHaveBeenCalled()
    expect(await signAfter(20_000)).not.toBe(signing)
    expect(unseal).toHaveBeenCalledTimes(1)
  })

  it('logs a damaged key once for each key set, not with each reload', async () => {
    const signing = await signAfter(0)
    await env.DB.prepare(`UPDATE signing_keys SET alg = 'none' WHERE kid = ?1`).bind(signing).run()
    const { events } = recordLog()
    for (const laterMs of [20_000, 40_000, 60_000, 80_000]) await signAfter(laterMs)
    expect(events('signing_key_damaged')).toMatchObject([{ kid: signing }])
  })

  it('uses no key whose last read is ten minutes old while D1 is unavailable', async () => {
    await signAfter(0)
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    watched.fail('read', { before: true })
    await signAfter(599_999)
    await expect(signAfter(600_000)).rejects.toMatchObject({ code: 'unavailable' })
  })

  it('executes a plan that changes nothing without D1', async () => {
    const stored = await keys.latest(FROZEN_MS)
    watched.reset()
    const nothing = { create: [], remove: [], withdraw: [], advance: [] }
    expect(await keys.execute(nothing, stored, { nowMs: FROZEN_MS, requestId: undefined })).toEqual([])
    expect(watched.counts.d1).toBe(0)
  })
})
