/** The cache of clients in one isolate. Requests share results, not promises (signing-keys.ts). */

import { type Bytes, constantTimeEqual, randomBytes, sha256, toBase64Url, utf8 } from '../crypto/bytes.ts'
import { orUnavailable } from '../errors/service-error.ts'
import { BoundedMap } from '../runtime/bounded-map.ts'
import { describeError, log } from '../runtime/log.ts'
import { type Client, findClient } from './client-store.ts'
import { type EncryptionKey, importEncryptionKey } from './encryption-key.ts'

/** With RETRY_AFTER_MS 30 s: within this time every isolate refuses a removed client, while D1 is available. */
const RELOAD_AFTER_MS = 25_000
/** The time until the next read after one that is in progress or failed. Other requests use the cached client. */
const RETRY_AFTER_MS = 5_000
/** How long an isolate uses a cached client while D1 is unavailable; the same as for signing keys. */
const STALE_MS = 600_000
/** The capacity of the cache in one isolate. The oldest entries are removed first. */
const MAX_CACHED = 1_000

export interface CachedClient extends Client {
  /** Null if the client has none. */
  readonly encryptionKey: EncryptionKey | null
}

interface CacheEntry {
  readonly client: CachedClient
  readonly readAtMs: number
  readonly reloadAtMs: number
}

export class Clients {
  readonly #db: D1Database
  readonly #entries = new Map<string, CacheEntry>()
  /** Until when an id is cached as unknown. Ids are random, so no new client gets an id that was requested before. */
  readonly #unknownUntilMs = new BoundedMap<number>(MAX_CACHED)
  /** The number of removals in this isolate. A read that began before a removal is not cached. */
  #removals = 0

  constructor(db: D1Database) {
    this.#db = db
  }

  /**
   * @returns null if no client has this id
   * @throws {ServiceError} `unavailable`
   */
  async find(clientId: string, nowMs: number): Promise<CachedClient | null> {
    const cached = this.#entries.get(clientId)
    if (nowMs < (this.#unknownUntilMs.get(clientId) ?? 0)) return null
    if (cached === undefined || nowMs - cached.readAtMs >= STALE_MS) return this.#load(clientId, nowMs)
    if (nowMs < cached.reloadAtMs) return cached.client
    this.#entries.set(clientId, { ...cached, reloadAtMs: nowMs + RETRY_AFTER_MS })
    try {
      return await this.#load(clientId, nowMs)
    } catch (error) {
      log('warn', 'client_stale', { client_id: clientId, error: describeError(error) })
      return cached.client
    }
  }

  /** Deletes a removed client from the cache. */
  invalidate(clientId: string): void {
    this.#entries.delete(clientId)
    this.#removals += 1
  }

  async #load(clientId: string, nowMs: number): Promise<CachedClient | null> {
    const removalsBefore = this.#removals
    const client = await orUnavailable(findClient(this.#db, clientId))
    const loaded = client === null ? null : await withEncryptionKey(client)
    if (removalsBefore === this.#removals) this.#store(clientId, loaded, nowMs)
    return loaded
  }

  #store(clientId: string, client: CachedClient | null, nowMs: number): void {
    this.#entries.delete(clientId)
    if (client === null) {
      this.#unknownUntilMs.set(clientId, nowMs + RELOAD_AFTER_MS)
      return
    }
    this.#entries.set(clientId, { client, readAtMs: nowMs, reloadAtMs: nowMs + RELOAD_AFTER_MS })
    const [oldest] = this.#entries.keys()
    if (this.#entries.size > MAX_CACHED && oldest !== undefined) this.#entries.delete(oldest)
  }
}

async function withEncryptionKey(client: Client): Promise<CachedClient> {
  const { encryptionJwk } = client
  const encryptionKey = encryptionJwk === null ? null : await importEncryptionKey(encryptionJwk)
  return { ...client, encryptionKey }
}

const SECRET_BYTES = 32

export function newClientSecret(): string {
  return toBase64Url(randomBytes(SECRET_BYTES))
}

export function hashClientSecret(secret: string): Promise<Bytes> {
  return sha256(utf8(secret))
}

export async function isClientSecret(secret: string, secretHash: Bytes): Promise<boolean> {
  return constantTimeEqual(await hashClientSecret(secret), secretHash)
}
