/**
 * The names of counters. Each is an HMAC of the address or identifier that it limits, so that dashboards show neither. The key
 * does not come from AUTH_SECRET, because during a gradual deployment both versions must use the same names while secrets change.
 */
import { hmac, importHmacKey, toBase64Url, utf8 } from '../crypto/bytes.ts'
import { ServiceError } from '../errors/service-error.ts'
import type { CacheContext } from '../runtime/isolate-cache.ts'
import type { SharedRecord, SharedRecords } from '../shared-record.ts'

/** Enough to distinguish names, and too short to find the counter by it. */
const DIGEST_LENGTH = 16

/** @returns the beginning of a counter's name, by which the log identifies the requester or identifier that is counted */
export function digestOf(counterName: string): string {
  return counterName.slice(0, DIGEST_LENGTH)
}

export class CounterKeys {
  readonly #records: SharedRecords
  /** It never changes, so an isolate that has it reads it no more. */
  #key: CryptoKey | null = null

  constructor(records: SharedRecords) {
    this.#records = records
  }

  /** @param counted what counts as one requester (RequesterAddress) @throws {ServiceError} as `#loadKey` */
  async ofRequester(counted: string, ctx: CacheContext): Promise<string> {
    return counterOfRequester(await this.#loadKey(ctx), counted)
  }

  /** As `ofRequester`, without a read of D1: null in an isolate that has not loaded the key yet. */
  async ofRequesterIfReady(counted: string): Promise<string | null> {
    return this.#key === null ? null : counterOfRequester(this.#key, counted)
  }

  /**
   * @param kind null for text that cannot be an identifier of any account
   * @param compared the identifier's compared form
   * @throws {ServiceError} as `#loadKey`
   */
  async ofIdentifier(kind: string | null, compared: string, ctx: CacheContext): Promise<string> {
    return nameUnder(await this.#loadKey(ctx), `identifier:${kind ?? 'none'}:${compared}`)
  }

  /** @throws {ServiceError} `unavailable`; `misconfigured` if the database has no naming key */
  async #loadKey(ctx: CacheContext): Promise<CryptoKey> {
    this.#key ??= await importNamingKey(await this.#records.get(ctx))
    return this.#key
  }
}

async function importNamingKey({ namingKey }: SharedRecord): Promise<CryptoKey> {
  if (namingKey !== null) return importHmacKey(utf8(namingKey))
  throw new ServiceError('misconfigured', {}, { cause: new Error('D1 has no naming key: run schema.sql') })
}

function counterOfRequester(key: CryptoKey, counted: string): Promise<string> {
  return nameUnder(key, `client:${counted}`)
}

async function nameUnder(key: CryptoKey, text: string): Promise<string> {
  return toBase64Url(await hmac(key, utf8(text)))
}
