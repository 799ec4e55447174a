/** The run-time settings, as an operator set them over the defaults of the deployment. */
import type { AllowList } from '../accounts/identifier.ts'
import { applyRules } from '../config/limits.ts'
import { orUnavailable } from '../errors/service-error.ts'
import type { LimitRules } from '../limits/rules.ts'
import type { CacheContext } from '../runtime/isolate-cache.ts'
import type { SharedRecord, SharedRecords } from '../shared-record.ts'
import {
  insertSettingsChange,
  mergeSettings,
  raiseSessionsNotBefore,
  readSchemaVersion,
  type SettingsChange,
  type SettingsDocument,
  toStoredSettings,
} from './settings-store.ts'

export interface OperatorSettings {
  readonly registrationOpen: boolean
  readonly registrationAllow: AllowList
  readonly rules: LimitRules
  /** Unix milliseconds: the sessions of all accounts that began before this time have ended. */
  readonly sessionsNotBeforeMs: number
  /** Unix seconds; null if no setting was ever changed. */
  readonly updatedAt: number | null
  /** An account's id, or `admin_token`. */
  readonly updatedBy: string | null
}

const NO_LIST: AllowList = { email_domains: [], emails: [], phones: [], usernames: [] }

export class RunTimeSettings {
  readonly #db: D1Database
  readonly #records: SharedRecords
  readonly #defaults: LimitRules
  #last: { readonly record: SharedRecord; readonly settings: OperatorSettings } | null = null

  constructor(db: D1Database, records: SharedRecords, defaults: LimitRules) {
    this.#db = db
    this.#records = records
    this.#defaults = defaults
  }

  /**
   * The current settings: at most 30 s old while D1 is available, otherwise the last ones that were read.
   * @throws {ServiceError} `unavailable` if none were ever read, because an error must not open a closed registration
   */
  async current(ctx: CacheContext): Promise<OperatorSettings> {
    return this.#read(await this.#records.get(ctx))
  }

  /** The current rules. @throws {ServiceError} as `current` */
  async rules(ctx: CacheContext): Promise<LimitRules> {
    return (await this.current(ctx)).rules
  }

  /** Reads the settings from D1. @throws {ServiceError} `unavailable` */
  async latest(nowMs: number): Promise<OperatorSettings> {
    return this.#read(await this.#records.latest(nowMs))
  }

  /**
   * Changes the given settings and records the change, in one batch. This isolate uses the change at once. An empty change has
   * no effect.
   * @param actor an account's id, or `admin_token`
   * @throws {ServiceError} `unavailable`
   */
  async change(change: SettingsChange, actor: string, nowMs: number): Promise<OperatorSettings> {
    if (isEmpty(change)) return this.latest(nowMs)
    const now = Math.floor(nowMs / 1000)
    return this.#write(mergeSettings(this.#db, change, now, actor), change, actor, nowMs)
  }

  /**
   * Ends the sessions of all accounts, and records it. This isolate applies it at once.
   * @throws {ServiceError} `unavailable`
   */
  async endEverySession(actor: string, nowMs: number): Promise<void> {
    const write = raiseSessionsNotBefore(this.#db, nowMs, actor)
    await this.#write(write, { sessions_not_before: nowMs }, actor, nowMs)
  }

  /** Reads the version of the database's schema; null if the database has no version. @throws {ServiceError} `unavailable` */
  schemaVersion(): Promise<number | null> {
    return orUnavailable(readSchemaVersion(this.#db))
  }

  async #write(
    write: D1PreparedStatement,
    change: SettingsDocument,
    actor: string,
    nowMs: number,
  ): Promise<OperatorSettings> {
    const insert = insertSettingsChange(this.#db, change, Math.floor(nowMs / 1000), actor)
    const { record } = await this.#records.change([write, insert], nowMs)
    return this.#read(record)
  }

  /** Keeps the result of the last record. */
  #read(record: SharedRecord): OperatorSettings {
    if (this.#last?.record !== record) this.#last = { record, settings: toSettings(record, this.#defaults) }
    return this.#last.settings
  }
}

function toSettings(record: SharedRecord, defaults: LimitRules): OperatorSettings {
  const { document, updatedAt, updatedBy } = toStoredSettings(record.settings)
  return {
    registrationOpen: document.registration_open ?? true,
    registrationAllow: { ...NO_LIST, ...(document.registration_allow as Partial<AllowList> | undefined) },
    rules: applyRules(defaults, document.rules ?? {}),
    sessionsNotBeforeMs: document.sessions_not_before ?? 0,
    updatedAt,
    updatedBy,
  }
}

function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value === undefined
  return Object.values(value).every(isEmpty)
}
