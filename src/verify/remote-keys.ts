/**
 * An issuer's public keys as one process knows them. A key set counts as fresh for the 5 minutes that the issuer says it
 * may be cached; while the issuer is out of reach the last one goes on for a day, which is how long a key is published
 * before it signs.
 */
import { type Fetch, fetchText, within } from './fetch-text.ts'
import { parseJwks } from './jwks.ts'
import type { VerificationKey } from './pinned-jwt.ts'
import { VerificationError } from './refusal.ts'

const FRESH_MS = 300_000
const STALE_MS = 86_400_000
/** An unknown key id has the keys read again at most this often; so has an issuer that is out of reach. */
const COOLDOWN_MS = 10_000
/** Longer than a read takes: where that belongs to a request that was cancelled, nobody waits for ever. */
const PATIENCE_MS = 5_000
const STORE_MS = 1_000

/**
 * Where the last key set outlives the process, for a cold start while the issuer is out of reach. Who can write there
 * can sign tokens that are believed.
 */
export interface KeyStore {
  /** @returns what was last put, or null */
  get(): Promise<string | null>
  put(text: string): Promise<void>
}

export interface RemoteKeysOptions {
  readonly url: string
  readonly fetch: Fetch
  readonly store: KeyStore | undefined
}

interface Known {
  readonly keys: ReadonlyMap<string, VerificationKey>
  readonly readAtMs: number
}

export class RemoteKeys {
  readonly #options: RemoteKeysOptions
  #known: Known | null = null
  #reading: Promise<void> | null = null
  /** Why the last read brought no key set; null once it has. */
  #failure: unknown = null
  #triedAtMs = Number.NEGATIVE_INFINITY

  constructor(options: RemoteKeysOptions) {
    this.#options = options
  }

  /**
   * @returns the key with this id, or null where the issuer has none
   * @throws {VerificationError} `keys_unavailable` where that cannot be told
   */
  async find(kid: string, nowMs: number): Promise<VerificationKey | null> {
    const known = this.#usable(kid, nowMs)
    if (known !== null && isWithin(FRESH_MS, this.#known?.readAtMs ?? 0, nowMs)) return known
    if (!isWithin(COOLDOWN_MS, this.#triedAtMs, nowMs)) await this.#read(nowMs)
    else if (known === null) await this.#othersRead()
    const key = this.#usable(kid, nowMs)
    if (key !== null) return key
    if (this.#failure === null) return null
    throw new VerificationError('keys_unavailable', { cause: this.#failure })
  }

  #usable(kid: string, nowMs: number): VerificationKey | null {
    if (this.#known === null || nowMs - this.#known.readAtMs >= STALE_MS) return null
    return this.#known.keys.get(kid) ?? null
  }

  /** One request reads, and those that need what it brings wait for it; the others go on with what is known. */
  async #read(nowMs: number): Promise<void> {
    this.#triedAtMs = nowMs
    const reading = this.#reload(nowMs)
    this.#reading = reading
    await reading
    if (this.#reading === reading) this.#reading = null
  }

  async #othersRead(): Promise<void> {
    if (this.#reading !== null) await within(PATIENCE_MS, this.#reading).catch(() => undefined)
  }

  async #reload(nowMs: number): Promise<void> {
    this.#failure = new Error('the keys are being read')
    try {
      const text = await fetchText(this.#options.url, this.#options.fetch)
      this.#known = { keys: await parseJwks(text), readAtMs: nowMs }
      this.#failure = null
      await this.#store(JSON.stringify({ readAtMs: nowMs, text }))
    } catch (error) {
      this.#failure = error
      const stored = await this.#stored(nowMs)
      // Another process may have read later than this one.
      if (stored !== null && stored.readAtMs > (this.#known?.readAtMs ?? 0)) this.#known = stored
    }
  }

  /** What the store cannot do is no reason to refuse anybody. */
  async #store(text: string): Promise<void> {
    const { store } = this.#options
    const putting = Promise.resolve().then(() => store?.put(text))
    await within(STORE_MS, putting).catch(() => undefined)
  }

  async #stored(nowMs: number): Promise<Known | null> {
    const { store } = this.#options
    try {
      const stored = store === undefined ? null : await within(STORE_MS, store.get())
      const { readAtMs, text } = JSON.parse(stored ?? '')
      // A time that has not come would make them younger than they are.
      return readAtMs <= nowMs ? { keys: await parseJwks(text), readAtMs } : null
    } catch {
      return null
    }
  }
}

/** Either way: a clock that is set back must not make keys fresh for as long. */
function isWithin(limitMs: number, sinceMs: number, nowMs: number): boolean {
  return Math.abs(nowMs - sinceMs) < limitMs
}
