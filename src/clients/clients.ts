/** The clients as one isolate knows them. Results are shared between requests, promises are not (signing-keys.ts). */

import { type Bytes, constantTimeEqual, randomBytes, sha256, toBase64Url, utf8 } from '../crypto/bytes.ts'
import { orUnavailable } from '../errors/service-error.ts'
import { BoundedMap } from '../runtime/bounded-map.ts'
import { describeError, log } from '../runtime/log.ts'
import { type Client, findClient } from './client-store.ts'
import { type EncryptionKey, importEncryptionKey } from './encryption-key.ts'

/** Together 30 s: within that a client that was removed is turned away everywhere, while D1 is in reach. */
const RELOAD_AFTER_MS = 25_000
/** One request reads, and again after a read that failed; the others go on with what is known. */
const RETRY_AFTER_MS = 5_000
/** As long as an isolate goes on with signing keys while D1 is out of reach. */
const STALE_MS = 600_000
/** Of one isolate; the oldest go first. */
const MAX_KNOWN = 1_000

export interface KnownClient extends Client {
  /** Null where the client has none. */
  readonly encryptionKey: EncryptionKey | null
}

interface Known {
  readonly client: KnownClient
  readonly readAtMs: number
  readonly reloadAtMs: number
}

export class Clients {
  readonly #db: D1Database
  readonly #known = new Map<string, Known>()
  /** Until when an id is known to belong to no client. Ids are random: no client gets one that was asked for before. */
  readonly #unknownUntilMs = new BoundedMap<number>(MAX_KNOWN)
  /** How often one was removed here: a read that it overtook is not kept. */
  #removals = 0

  constructor(db: D1Database) {
    this.#db = db
  }

  /**
   * @returns null for an id that no client has
   * @throws {ServiceError} `unavailable`
   */
  async find(clientId: string, nowMs: number): Promise<KnownClient | null> {
    const known = this.#known.get(clientId)
    if (nowMs < (this.#unknownUntilMs.get(clientId) ?? 0)) return null
    if (known === undefined || nowMs - known.readAtMs >= STALE_MS) return this.#load(clientId, nowMs)
    if (nowMs < known.reloadAtMs) return known.client
    this.#known.set(clientId, { ...known, reloadAtMs: nowMs + RETRY_AFTER_MS })
    try {
      return await this.#load(clientId, nowMs)
    } catch (error) {
      log('warn', 'client_stale', { client_id: clientId, error: describeError(error) })
      return known.client
    }
  }

  /** Forgets one that was removed. */
  forget(clientId: string): void {
    this.#known.delete(clientId)
    this.#removals += 1
  }

  async #load(clientId: string, nowMs: number): Promise<KnownClient | null> {
    const removalsBefore = this.#removals
    const client = await orUnavailable(findClient(this.#db, clientId))
    const known = client === null ? null : await withEncryptionKey(client)
    if (removalsBefore === this.#removals) this.#keep(clientId, known, nowMs)
    return known
  }

  #keep(clientId: string, client: KnownClient | null, nowMs: number): void {
    this.#known.delete(clientId)
    if (client === null) {
      this.#unknownUntilMs.set(clientId, nowMs + RELOAD_AFTER_MS)
      return
    }
    this.#known.set(clientId, { client, readAtMs: nowMs, reloadAtMs: nowMs + RELOAD_AFTER_MS })
    const [oldest] = this.#known.keys()
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest)
  }
}

async function withEncryptionKey(client: Client): Promise<KnownClient> {
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
