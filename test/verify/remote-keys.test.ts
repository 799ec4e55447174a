import { exportJWK, generateKeyPair } from 'jose'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { type KeyStore, RemoteKeys } from '../../src/verify/remote-keys.ts'

const NOW_MS = 4_000_000_000_000
const URL = 'https://auth.example.test/.well-known/jwks.json'
const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

const publicJwk = async (kid: string) => {
  const { publicKey } = await generateKeyPair('ES256')
  return { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }
}
const first = await publicJwk('first')
const second = await publicJwk('second')

let published: readonly object[]
let outage: boolean
let reads: number
/** Holds responses back until it is called. */
let release: (() => void) | null

beforeEach(() => {
  published = [first]
  outage = false
  reads = 0
  release = null
})

async function fetch(url: string): Promise<Response> {
  expect(url).toBe(URL)
  reads += 1
  if (release !== null) await new Promise<void>((resolve) => (release = resolve))
  if (outage) throw new TypeError('connection refused')
  return Response.json({ keys: published })
}

const newKeys = (store?: KeyStore) => new RemoteKeys({ url: URL, fetch, store })
const hold = () => {
  release = () => undefined
}
const UNAVAILABLE = { code: 'keys_unavailable', status: 503 }

describe('RemoteKeys', () => {
  it('reads the key set on first use, and not again for five minutes', async () => {
    const keys = newKeys()
    expect(reads).toBe(0)
    expect(await keys.find('first', NOW_MS)).toMatchObject({ alg: 'ES256' })
    await keys.find('first', NOW_MS + 5 * MINUTE_MS - 1)
    expect(reads).toBe(1)
    await keys.find('first', NOW_MS + 5 * MINUTE_MS)
    expect(reads).toBe(2)
  })

  it('reads the key set once for all concurrent requests of a cold start', async () => {
    hold()
    const keys = newKeys()
    const all = Array.from({ length: 50 }, () => keys.find('first', NOW_MS))
    while (reads === 0) await Promise.resolve()
    release?.()
    for (const key of await Promise.all(all)) expect(key).not.toBeNull()
    expect(reads).toBe(1)
  })

  it('finds a key after an unannounced rotation, and reads the key set at most once in ten seconds for unknown ids', async () => {
    const keys = newKeys()
    await keys.find('first', NOW_MS)
    published = [first, second]
    expect(await keys.find('second', NOW_MS + 9_999)).toBeNull()
    expect(reads).toBe(1)
    expect(await keys.find('second', NOW_MS + 10_000)).not.toBeNull()
    for (let forged = 0; forged < 100; forged++) await keys.find(`forged ${forged}`, NOW_MS + 19_999)
    expect(reads).toBe(2)
  })

  it('drops a withdrawn key with the next read', async () => {
    const keys = newKeys()
    await keys.find('first', NOW_MS)
    published = [second]
    expect(await keys.find('first', NOW_MS + 5 * MINUTE_MS)).toBeNull()
  })

  it('reads the key set again if the clock was set back', async () => {
    const keys = newKeys()
    await keys.find('first', NOW_MS)
    published = [second]
    expect(await keys.find('second', NOW_MS - DAY_MS)).not.toBeNull()
    expect(await keys.find('first', NOW_MS - DAY_MS)).toBeNull()
    expect(reads).toBe(2)
  })

  it('uses known keys for only a day while the issuer is unavailable', async () => {
    const keys = newKeys()
    await keys.find('first', NOW_MS)
    outage = true
    expect(await keys.find('first', NOW_MS + DAY_MS - 1)).not.toBeNull()
    await expect(keys.find('first', NOW_MS + DAY_MS)).rejects.toMatchObject(UNAVAILABLE)
  })

  it('returns a known key without waiting while another request reads from a slow issuer', async () => {
    const keys = newKeys()
    await keys.find('first', NOW_MS)
    // No time limit expires by itself.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    hold()
    const waiting = keys.find('first', NOW_MS + 5 * MINUTE_MS)
    expect(await keys.find('first', NOW_MS + 5 * MINUTE_MS)).not.toBeNull()
    while (reads < 2) await Promise.resolve()
    release?.()
    expect(await waiting).not.toBeNull()
    expect(reads).toBe(2)
    vi.useRealTimers()
  })

  it('reports an unknown key id as keys_unavailable while the issuer is unavailable', async () => {
    const keys = newKeys()
    await keys.find('first', NOW_MS)
    outage = true
    for (const nowMs of [NOW_MS + 10_000, NOW_MS + 10_001]) {
      await expect(keys.find('second', nowMs)).rejects.toMatchObject(UNAVAILABLE)
    }
    expect(reads).toBe(2)
    outage = false
    published = [first, second]
    expect(await keys.find('second', NOW_MS + 20_000)).not.toBeNull()
    expect(await keys.find('third', NOW_MS + 20_000)).toBeNull()
  })

  it('reports keys_unavailable, not an unknown key, if the request that reads the key set was cancelled', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    hold()
    const keys = newKeys()
    // A cancelled request of a Worker takes its timers and its pending responses with it.
    vi.spyOn(globalThis, 'setTimeout').mockReturnValueOnce(setTimeout(() => undefined, 0))
    void keys.find('first', NOW_MS)
    const found = keys.find('first', NOW_MS + 1).catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(await found).toMatchObject(UNAVAILABLE)
    vi.restoreAllMocks()
    vi.useRealTimers()
  })

  it('retries ten seconds after a failed cold start', async () => {
    outage = true
    const keys = newKeys()
    await expect(keys.find('first', NOW_MS)).rejects.toMatchObject(UNAVAILABLE)
    outage = false
    await expect(keys.find('first', NOW_MS + 9_999)).rejects.toMatchObject(UNAVAILABLE)
    expect(await keys.find('first', NOW_MS + 10_000)).not.toBeNull()
  })
})

describe('KeyStore', () => {
  const memory = () => {
    const stored = { text: null as string | null }
    const store: KeyStore = {
      get: async () => stored.text,
      put: async (text) => {
        stored.text = text
      },
    }
    return { stored, store }
  }

  it('provides the last key set for a cold start while the issuer is unavailable, until it is a day old', async () => {
    const { store } = memory()
    await newKeys(store).find('first', NOW_MS)
    outage = true
    expect(await newKeys(store).find('first', NOW_MS + DAY_MS - 1)).not.toBeNull()
    await expect(newKeys(store).find('first', NOW_MS + DAY_MS)).rejects.toMatchObject(UNAVAILABLE)
  })

  it('provides the key set of another process to one whose own is too old', async () => {
    const { store } = memory()
    const keys = newKeys(store)
    await keys.find('first', NOW_MS)
    await newKeys(store).find('first', NOW_MS + DAY_MS)
    outage = true
    expect(await keys.find('first', NOW_MS + DAY_MS + MINUTE_MS)).not.toBeNull()
  })

  it('ignores the key store while the issuer is available', async () => {
    const { store } = memory()
    await newKeys(store).find('first', NOW_MS)
    published = [second]
    expect(await newKeys(store).find('first', NOW_MS + 1)).toBeNull()
  })

  it('ignores a key store that fails or holds no valid key set', async () => {
    const broken: KeyStore = {
      get: () => Promise.reject(new Error('down')),
      put: () => {
        throw new Error('down')
      },
    }
    expect(await newKeys(broken).find('first', NOW_MS)).not.toBeNull()
    outage = true
    for (const text of ['', 'null', '{}', '{"readAtMs":"x","text":"{}"}', '{"text":"[]"}']) {
      const { stored, store } = memory()
      stored.text = text
      await expect(newKeys(store).find('first', NOW_MS)).rejects.toMatchObject(UNAVAILABLE)
    }
    await expect(newKeys(broken).find('first', NOW_MS)).rejects.toMatchObject(UNAVAILABLE)
  })

  it('ignores a stored key set whose time is missing or in the future', async () => {
    const { stored, store } = memory()
    await newKeys(store).find('first', NOW_MS)
    outage = true
    const { text } = JSON.parse(stored.text ?? '')
    stored.text = JSON.stringify({ text })
    await expect(newKeys(store).find('first', NOW_MS)).rejects.toMatchObject(UNAVAILABLE)
    stored.text = JSON.stringify({ text, readAtMs: NOW_MS + 1 })
    await expect(newKeys(store).find('first', NOW_MS)).rejects.toMatchObject(UNAVAILABLE)
  })
})
