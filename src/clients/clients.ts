/** The clients as one isolate knows them. Results are shared between requests, promises are not (signing-keys.ts). */
import { reach } from '../errors.ts'
import { describeFault, log } from '../log.ts'
import { type Client, findClient } from './client-store.ts'
import { type EncryptionKey, importEncryptionKey } from './encryption-key.ts'

/** A client that was removed is turned away everywhere after that. */
const RELOAD_AFTER_MS = 30_000
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
}

export class Clients {
  readonly #db: D1Database
  readonly #known = new Map<string, Known>()

  constructor(db: D1Database) {
    this.#db = db
  }

  /**
   * @returns null for an id that no client has
   * @throws {ServiceError} `unavailable`
   */
  async find(clientId: string, nowMs: number): Promise<KnownClient | null> {
    const known = this.#known.get(clientId)
    const ageMs = known === undefined ? STALE_MS : nowMs - known.readAtMs
    if (known !== undefined && ageMs < RELOAD_AFTER_MS) return known.client
    try {
      return await this.#load(clientId, nowMs)
    } catch (fault) {
      if (known === undefined || ageMs >= STALE_MS) throw fault
      log('warn', 'client_stale', { client_id: clientId, fault: describeFault(fault) })
      return known.client
    }
  }

  /** Forgets one that was removed. */
  forget(clientId: string): void {
    this.#known.delete(clientId)
  }

  async #load(clientId: string, nowMs: number): Promise<KnownClient | null> {
    const client = await reach(findClient(this.#db, clientId))
    this.#known.delete(clientId)
    if (client === null) return null
    const { encryptionJwk } = client
    const encryptionKey = encryptionJwk === null ? null : await importEncryptionKey(encryptionJwk)
    const known = { ...client, encryptionKey }
    this.#known.set(clientId, { client: known, readAtMs: nowMs })
    const [oldest] = this.#known.keys()
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest)
    return known
  }
}
