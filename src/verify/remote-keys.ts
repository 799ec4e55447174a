/**
 * Caches an issuer's public keys in one process. A key set is fresh for 5 minutes, the cache lifetime that the issuer
 * announces. While the issuer is unavailable the last set stays in use for a day, which is how long a key is published
 * before it signs.
 */
import { type Fetch, fetchText, withDeadline } from './fetch-text.ts'
import { parseJwks } from './jwks.ts'
import type { VerificationKey } from './pinned-jwt.ts'
import { VerificationError } from './refusal.ts'

const FRESH_MS = 300_000
const STALE_MS = 86_400_000
/** Unknown key ids and failed reads cause at most one read in this time. */
const COOLDOWN_MS = 10_000
/** Longer than a read takes. A read whose request was cancelled never finishes, and waiting for it must end. */
const MAX_WAIT_MS = 5_000
const STORE_TIMEOUT_MS = 1_000

/**
 * Stores the last key set beyond the process, for a cold start while the issuer is unavailable. Write access to the store
 * is enough to sign tokens that this verifier accepts.
 */
export interface KeyStore {
  /** @returns the text that was stored last, or null */
  get(): Promise<string | null>
  put(text: string): Promise<void>
}

export interface RemoteKeysOptions {
  readonly url: string
  readonly fetch: Fetch
  readonly store: KeyStore | undefined
}

interface KeySet {
  readonly keys: ReadonlyMap<string, VerificationKey>
  readonly readAtMs: number
}

export class RemoteKeys {
  readonly #options: RemoteKeysOptions
  #current: KeySet | null = null
  #reading: Promise<void> | null = null
  /** Why the last read failed; null if it succeeded. */
  #failure: unknown = null
  #lastReadAtMs = Number.NEGATIVE_INFINITY

  constructor(options: RemoteKeysOptions) {
    this.#options = options
  }

  /**
   * @returns the key with this id, or null if the issuer has no such key
   * @throws {VerificationError} `keys_unavailable` if the keys cannot be read and the cache does not have this one
   */
  async find(kid: string, nowMs: number): Promise<VerificationKey | null> {
    const cached = this.#cached(kid, nowMs)
    if (cached !== null && isWithin(FRESH_MS, this.#current?.readAtMs ?? 0, nowMs)) return cached
    if (!isWithin(COOLDOWN_MS, this.#lastReadAtMs, nowMs)) await this.#read(nowMs)
    else if (cached === null) await this.#waitForRead()
    const key = this.#cached(kid, nowMs)
    if (key !== null) return key
    if (this.#failure === null) return null
    throw new VerificationError('keys_unavailable', { cause: this.#failure })
  }

  #cached(kid: string, nowMs: number): VerificationKey | null {
    if (this.#current === null || nowMs - this.#current.readAtMs >= STALE_MS) return null
    return this.#current.keys.get(kid) ?? null
  }

  /** One request reads. Requests whose key is not cached wait for it; the others continue with the cached keys. */
  async #read(nowMs: number): Promise<void> {
    this.#lastReadAtMs = nowMs
    const reading = this.#reload(nowMs)
    this.#reading = reading
    await reading
    if (this.#reading === reading) this.#reading = null
  }

  async #waitForRead(): Promise<void> {
    if (this.#reading !== null) await withDeadline(this.#reading, MAX_WAIT_MS).catch(() => undefined)
  }

  async #reload(nowMs: number): Promise<void> {
    this.#failure = new Error('the keys are being read')
    try {
      const text = await fetchText(this.#options.url, this.#options.fetch)
      this.#current = { keys: await parseJwks(text), readAtMs: nowMs }
      this.#failure = null
      await this.#store(JSON.stringify({ readAtMs: nowMs, text }))
    } catch (error) {
      this.#failure = error
      const stored = await this.#stored(nowMs)
      // Another process may have read the keys more recently than this one.
      if (stored !== null && stored.readAtMs > (this.#current?.readAtMs ?? 0)) this.#current = stored
    }
  }

  /** Ignores errors of the store: they are no reason to refuse a request. */
  async #store(text: string): Promise<void> {
    const { store } = this.#options
    const putting = Promise.resolve().then(() => store?.put(text))
    await withDeadline(putting, STORE_TIMEOUT_MS).catch(() => undefined)
  }

  async #stored(nowMs: number): Promise<KeySet | null> {
    const { store } = this.#options
    try {
      const stored = store === undefined ? null : await withDeadline(store.get(), STORE_TIMEOUT_MS)
      const { readAtMs, text } = JSON.parse(stored ?? '')
      // A time in the future would make the keys appear fresher than they are.
      return readAtMs <= nowMs ? { keys: await parseJwks(text), readAtMs } : null
    } catch {
      return null
    }
  }
}

/** Compares in both directions, so that setting the clock back does not keep keys fresh for longer. */
function isWithin(limitMs: number, sinceMs: number, nowMs: number): boolean {
  return Math.abs(nowMs - sinceMs) < limitMs
}
