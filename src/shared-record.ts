/**
 * What every isolate reads from D1, in one round trip to the primary: the signing keys, the key of the counters' names and the
 * run-time settings. Each of their classes takes its part from the cached record.
 */
import { orUnavailable } from './errors/service-error.ts'
import { type CacheContext, IsolateCache } from './runtime/isolate-cache.ts'
import { describeError, log } from './runtime/log.ts'
import {
  type NamingKeyRow,
  type SettingsRow,
  selectNamingKey,
  selectSettings,
} from './settings/settings-store.ts'
import { type SigningKeyRow, selectKeys } from './tokens/signing-key-store.ts'

export interface SharedRecord {
  readonly signingKeys: readonly SigningKeyRow[]
  /** Null if the database has none. */
  readonly namingKey: string | null
  readonly settings: readonly SettingsRow[]
  /** Unix milliseconds: when the request that read the record began. */
  readonly readAtMs: number
}

/** What a change in one batch returns. */
interface Batch {
  /** The results of the statements of the change. */
  readonly results: readonly D1Result[]
  /** The record after the change. */
  readonly record: SharedRecord
}

/** While D1 is available, every isolate uses a change within 30 s. While it is unavailable, the last record is used. */
const TIMES = { freshMs: 20_000, usableMs: 30_000, staleMs: Number.POSITIVE_INFINITY, retryMs: 5_000 }

/** The rows of all statements: each result has those of its own statement only. */
type Row = SigningKeyRow & NamingKeyRow & SettingsRow

export class SharedRecords {
  readonly #db: D1Database
  readonly #cache: IsolateCache<SharedRecord>

  constructor(db: D1Database) {
    this.#db = db
    this.#cache = new IsolateCache({
      ...TIMES,
      load: async (nowMs) => (await this.#run([], nowMs)).record,
      onStale,
    })
  }

  /**
   * @param staleMs up to which age the last record is used while D1 is unavailable; for ever by default
   * @throws {ServiceError} `unavailable` if there is no such record
   */
  get(ctx: CacheContext, staleMs?: number): Promise<SharedRecord> {
    return this.#cache.get(ctx, staleMs)
  }

  /** Reads the record from D1. @throws {ServiceError} `unavailable` */
  latest(nowMs: number): Promise<SharedRecord> {
    return this.#cache.refresh(nowMs)
  }

  /**
   * Executes the statements of a change and reads the record, in one batch. This isolate uses the record at once.
   * @throws {ServiceError} `unavailable`
   */
  async change(statements: readonly D1PreparedStatement[], nowMs: number): Promise<Batch> {
    let results: readonly D1Result[] = []
    const record = await this.#cache.change(async () => {
      const batch = await this.#run(statements, nowMs)
      results = batch.results
      return batch.record
    }, nowMs)
    return { results, record }
  }

  async #run(statements: readonly D1PreparedStatement[], nowMs: number): Promise<Batch> {
    const db = this.#db
    const batch = [...statements, selectKeys(db), selectNamingKey(db), selectSettings(db)]
    const results = await orUnavailable(db.withSession('first-primary').batch<Row>(batch))
    const [signingKeys, namingKey, settings] = results
      .slice(statements.length)
      .map((result) => result.results)
    const record = {
      signingKeys: signingKeys ?? [],
      namingKey: namingKey?.[0]?.key ?? null,
      settings: settings ?? [],
      readAtMs: nowMs,
    }
    return { results: results.slice(0, statements.length), record }
  }
}

function onStale(error: unknown, ageMs: number): void {
  log('warn', 'shared_record_stale', { age_seconds: Math.floor(ageMs / 1000), error: describeError(error) })
}
