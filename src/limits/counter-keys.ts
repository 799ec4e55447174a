/**
 * Names of counters: an HMAC of what they count, so that no address and no identifier stands in a dashboard. The
 * key does not come from AUTH_SECRET: while secrets change, two releases must name alike.
 */
import { hmac, importHmacKey, toBase64Url, utf8 } from '../crypto/bytes.ts'
import { orUnavailable, ServiceError } from '../errors/service-error.ts'
import { readNamingKey } from './naming-key-store.ts'

/** Enough to tell names apart, and too little to find the counter itself by. */
const DIGEST_LENGTH = 16

/** @returns what the log calls a client or an identifier that is counted: the beginning of its counter's name */
export function digestOf(counterName: string): string {
  return counterName.slice(0, DIGEST_LENGTH)
}

export class CounterKeys {
  readonly #db: D1Database
  #key: CryptoKey | null = null

  constructor(db: D1Database) {
    this.#db = db
  }

  /** @param counted what counts as one client (RequesterAddress) @throws {ServiceError} as `#name` */
  ofRequester(counted: string): Promise<string> {
    return this.#name(`client:${counted}`)
  }

  /** As `ofRequester`, without a look at D1: null in an isolate that has named nothing yet. */
  async ofRequesterIfReady(counted: string): Promise<string | null> {
    return this.#key === null ? null : this.ofRequester(counted)
  }

  /**
   * @param kind null for text that no account could have as an identifier
   * @param compared the identifier's compared form
   * @throws {ServiceError} as `#name`
   */
  ofIdentifier(kind: string | null, compared: string): Promise<string> {
    return this.#name(`identifier:${kind ?? 'none'}:${compared}`)
  }

  /** @throws {ServiceError} `unavailable`; `misconfigured` where the database has no naming key */
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
