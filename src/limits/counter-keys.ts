/**
 * The names of counters. Each is an HMAC of the address or identifier that it limits, so that dashboards show neither. The key
 * does not come from AUTH_SECRET, because during a gradual deployment both versions must use the same names while secrets change.
 */
import { hmac, importHmacKey, toBase64Url, utf8 } from '../crypto/bytes.ts'
import { orUnavailable, ServiceError } from '../errors/service-error.ts'
import { readNamingKey } from './naming-key-store.ts'

/** Enough to distinguish names, and too short to find the counter by it. */
const DIGEST_LENGTH = 16

/** @returns the beginning of a counter's name, by which the log identifies the requester or identifier that is counted */
export function digestOf(counterName: string): string {
  return counterName.slice(0, DIGEST_LENGTH)
}

export class CounterKeys {
  readonly #db: D1Database
  #key: CryptoKey | null = null

  constructor(db: D1Database) {
    this.#db = db
  }

  /** @param counted what counts as one requester (RequesterAddress) @throws {ServiceError} as `#name` */
  ofRequester(counted: string): Promise<string> {
    return this.#name(`client:${counted}`)
  }

  /** As `ofRequester`, without a read of D1: null in an isolate that has not loaded the key yet. */
  async ofRequesterIfReady(counted: string): Promise<string | null> {
    return this.#key === null ? null : this.ofRequester(counted)
  }

  /**
   * @param kind null for text that cannot be an identifier of any account
   * @param compared the identifier's compared form
   * @throws {ServiceError} as `#name`
   */
  ofIdentifier(kind: string | null, compared: string): Promise<string> {
    return this.#name(`identifier:${kind ?? 'none'}:${compared}`)
  }

  /** @throws {ServiceError} `unavailable`; `misconfigured` if the database has no naming key */
  async #name(text: string): Promise<string> {
    this.#key ??= await this.#load()
    return toBase64Url(await hmac(this.#key, utf8(text)))
  }

  async #load(): Promise<CryptoKey> {
    const key = await orUnavailable(readNamingKey(this.#db))
    if (key !== null) return importHmacKey(utf8(key))
    throw new ServiceError('misconfigured', {}, { cause: new Error('D1 has no naming key: run schema.sql') })
  }
}
