/** The clients as an isolate uses them. Each is cached by its id. */

import { type Bytes, constantTimeEqual, randomBytes, sha256, toBase64Url, utf8 } from '../crypto/bytes.ts'
import { orUnavailable, ServiceError } from '../errors/service-error.ts'
import { BoundedMap } from '../runtime/bounded-map.ts'
import { withDeadline } from '../runtime/deadline.ts'
import { type CacheContext, IsolateCache } from '../runtime/isolate-cache.ts'
import { describeError, log } from '../runtime/log.ts'
import { type Client, deleteClient, findClient, insertClient, listClients } from './client-store.ts'
import { type EncryptionKey, importEncryptionKey } from './encryption-key.ts'

/** Every isolate refuses a removed client within 30 s, or 10 min while D1 is unavailable. */
const TIMES = { freshMs: 20_000, usableMs: 30_000, staleMs: 600_000, retryMs: 5_000 }
/** How many known ids, and how many unknown ones, an isolate caches. The oldest are removed first. */
const MAX_CACHED = 1_000

export interface CachedClient extends Client {
  /** Null if the client has none. */
  readonly encryptionKey: EncryptionKey | null
}

/** Null if no client has the id. */
type ClientCache = IsolateCache<CachedClient | null>

export class Clients {
  readonly #db: D1Database
  readonly #known = new BoundedMap<ClientCache>(MAX_CACHED)
  /** Apart from the known ones, so that requests with made-up ids do not remove these. */
  readonly #unknown = new BoundedMap<ClientCache>(MAX_CACHED)

  constructor(db: D1Database) {
    this.#db = db
  }

  /**
   * @returns null if no client has this id
   * @throws {ServiceError} `unavailable`
   */
  async find(clientId: string, ctx: CacheContext): Promise<CachedClient | null> {
    const known = this.#known.get(clientId)
    if (known !== undefined) return known.get(ctx)
    const cache = this.#unknown.get(clientId) ?? this.#addUnknown(clientId)
    const client = await cache.get(ctx)
    const wasRemoved = this.#unknown.get(clientId) !== cache
    if (client === null || wasRemoved) return client
    this.#unknown.delete(clientId)
    this.#known.set(clientId, cache)
    return client
  }

  /** All clients, in the order in which they were registered. @throws {ServiceError} `unavailable` */
  list(): Promise<readonly Client[]> {
    return orUnavailable(listClients(this.#db))
  }

  /** If the result is lost, reads whether the client is stored: if so, the caller must get its secret. @throws {ServiceError} `unavailable` */
  async insert(client: Client): Promise<void> {
    try {
      await withDeadline(insertClient(this.#db, client).run())
    } catch (cause) {
      if ((await orUnavailable(findClient(this.#db, client.clientId))) !== null) return
      throw new ServiceError('unavailable', {}, { cause })
    }
  }

  /**
   * Removes a client. This isolate refuses it at once. If the result is lost, reads whether the client is gone.
   * @returns false if there was no such client
   * @throws {ServiceError} `unavailable`
   */
  async remove(clientId: string): Promise<boolean> {
    try {
      const { meta } = await withDeadline(deleteClient(this.#db, clientId).run())
      return meta.changes === 1
    } catch (cause) {
      if ((await orUnavailable(findClient(this.#db, clientId))) === null) return true
      throw new ServiceError('unavailable', {}, { cause })
    } finally {
      this.#known.delete(clientId)
      this.#unknown.delete(clientId)
    }
  }

  #addUnknown(clientId: string): ClientCache {
    const cache: ClientCache = new IsolateCache({
      ...TIMES,
      load: () => this.#load(clientId),
      onStale: (error) => log('warn', 'client_stale', { client_id: clientId, error: describeError(error) }),
    })
    this.#unknown.set(clientId, cache)
    return cache
  }

  async #load(clientId: string): Promise<CachedClient | null> {
    const client = await orUnavailable(findClient(this.#db, clientId))
    return client === null ? null : withEncryptionKey(client)
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
