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
/** Holds answers back until it is called. */
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

describe('the keys of an issuer', () => {
  it('are read when the first is needed, and not again for five minutes', async () => {
    const keys = newKeys()
    expect(reads).toBe(0)
    expect(await keys.find('first', NOW_MS)).toMatchObject({ alg: 'ES256' })
    await keys.find('first', NOW_MS + 5 * MINUTE_MS - 1)
    expect(reads).toBe(1)
    await keys.find('first', NOW_MS + 5 * MINUTE_MS)
    expect(reads).toBe(2)
  })

  it('are read once for all who come at a cold start', async () => {
    hold()
    const keys = newKeys()
    const all = Array.from({ length: 50 }, () => keys.find('first', NOW_MS))
    while (reads === 0) await Promise.resolve()
    release?.()
    for (const key of await Promise.all(all)) expect(key).not.toBeNull()
    expect(reads).toBe(1)
  })

  it('are found after a rotation that nobody announced, and read at most once in ten seconds for unknown ids', async () => {
    const keys = newKeys()
    await keys.find('first', NOW_MS)
    published = [first, second]
    expect(await keys.find('second', NOW_MS + 9_999)).toBeNull()
    expect(reads).toBe(1)
    expect(await keys.find('second', NOW_MS + 10_000)).not.toBeNull()
    for (let forged = 0; forged < 100; forged++) await keys.find(`forged ${forged}`, NOW_MS + 19_999)
    expect(reads).toBe(2)
  })

  it('are those of the latest set alone: one that was withdrawn is gone with the next read', async () => {
    const keys = newKeys()
    await keys.find('first', NOW_MS)
    published = [second]
    expect(await keys.find('first', NOW_MS + 5 * MINUTE_MS)).toBeNull()
  })

  it('are read again when the clock was set back, and new ones found', async () => {
    const keys = newKeys()
    await keys.find('first', NOW_MS)
    published = [second]
    expect(await keys.find('second', NOW_MS - DAY_MS)).not.toBeNull()
    expect(await keys.find('first', NOW_MS - DAY_MS)).toBeNull()
    expect(reads).toBe(2)
  })

  it('go on for a day while the issuer is out of reach, and no longer', async () => {
    const keys = newKeys()
    await keys.find('first', NOW_MS)
    outage = true
    expect(await keys.find('first', NOW_MS + DAY_MS - 1)).not.toBeNull()
    await expect(keys.find('first', NOW_MS + DAY_MS)).rejects.toMatchObject(UNAVAILABLE)
  })

  it('make nobody else wait for an issuer that is slow, where the key is known', async () => {
    const keys = newKeys()
    await keys.find('first', NOW_MS)
    // No patience ends by itself.
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

  it('leave it open whether an id is unknown while the issuer is out of reach', async () => {
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

  it('are out of reach, and not unknown, while the one who reads them was cancelled', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    hold()
    const keys = newKeys()
    // A Worker's request that is gone takes its timers and its answers with it.
    vi.spyOn(globalThis, 'setTimeout').mockReturnValueOnce(setTimeout(() => undefined, 0))
    void keys.find('first', NOW_MS)
    const found = keys.find('first', NOW_MS + 1).catch((fault: unknown) => fault)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(await found).toMatchObject(UNAVAILABLE)
    vi.restoreAllMocks()
    vi.useRealTimers()
  })

  it('are asked for again ten seconds after a cold start that failed', async () => {
    outage = true
    const keys = newKeys()
    await expect(keys.find('first', NOW_MS)).rejects.toMatchObject(UNAVAILABLE)
    outage = false
    await expect(keys.find('first', NOW_MS + 9_999)).rejects.toMatchObject(UNAVAILABLE)
    expect(await keys.find('first', NOW_MS + 10_000)).not.toBeNull()
  })
})

describe('a key store', () => {
  const memory = () => {
    const kept = { text: null as string | null }
    const store: KeyStore = {
      get: async () => kept.text,
      put: async (text) => {
        kept.text = text
      },
    }
    return { kept, store }
  }

  it('carries the last keys over a cold start while the issuer is out of reach, until they are a day old', async () => {
    const { store } = memory()
    await newKeys(store).find('first', NOW_MS)
    outage = true
    expect(await newKeys(store).find('first', NOW_MS + DAY_MS - 1)).not.toBeNull()
    await expect(newKeys(store).find('first', NOW_MS + DAY_MS)).rejects.toMatchObject(UNAVAILABLE)
  })

  it('has keys for a process whose own are too old, where another has read since', async () => {
    const { store } = memory()
    const keys = newKeys(store)
    await keys.find('first', NOW_MS)
    await newKeys(store).find('first', NOW_MS + DAY_MS)
    outage = true
    expect(await keys.find('first', NOW_MS + DAY_MS + MINUTE_MS)).not.toBeNull()
  })

  it('is passed over while the issuer is there', async () => {
    const { store } = memory()
    await newKeys(store).find('first', NOW_MS)
    published = [second]
    expect(await newKeys(store).find('first', NOW_MS + 1)).toBeNull()
  })

  it('stands in nobody’s way when it fails, or holds what is no key set', async () => {
    const broken: KeyStore = {
      get: () => Promise.reject(new Error('down')),
      put: () => {
        throw new Error('down')
      },
    }
    expect(await newKeys(broken).find('first', NOW_MS)).not.toBeNull()
    outage = true
    for (const text of ['', 'null', '{}', '{"readAtMs":"x","text":"{}"}', '{"text":"[]"}']) {
      const { kept, store } = memory()
      kept.text = text
      await expect(newKeys(store).find('first', NOW_MS)).rejects.toMatchObject(UNAVAILABLE)
    }
    await expect(newKeys(broken).find('first', NOW_MS)).rejects.toMatchObject(UNAVAILABLE)
  })

  it('does not make keys younger than they are, whatever time stands in it', async () => {
    const { kept, store } = memory()
    await newKeys(store).find('first', NOW_MS)
    outage = true
    const { text } = JSON.parse(kept.text ?? '')
    kept.text = JSON.stringify({ text })
    await expect(newKeys(store).find('first', NOW_MS)).rejects.toMatchObject(UNAVAILABLE)
    kept.text = JSON.stringify({ text, readAtMs: NOW_MS + 1 })
    await expect(newKeys(store).find('first', NOW_MS)).rejects.toMatchObject(UNAVAILABLE)
  })
})
