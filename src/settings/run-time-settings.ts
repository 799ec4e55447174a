/** The cache of the run-time settings in one isolate. Requests share results, not promises (signing-keys.ts). */
import type { AllowList } from '../accounts/identifier.ts'
import { applyRules } from '../config/limits.ts'
import { orUnavailable, ServiceError } from '../errors/service-error.ts'
import type { LimitRules } from '../limits/rules.ts'
import { describeError, log } from '../runtime/log.ts'
import {
  insertSettingsChange,
  mergeSettings,
  raiseSessionsNotBefore,
  readSettings,
  type SettingsChange,
  type SettingsRow,
  type StoredSettings,
  toStoredSettings,
} from './settings-store.ts'

/** With RETRY_AFTER_MS 30 s: within this time every isolate uses a change. */
const RELOAD_AFTER_MS = 25_000
/** The time until the next read after one that is in progress or failed. Other requests use the cached settings. */
const RETRY_AFTER_MS = 5_000

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
  readonly #defaults: LimitRules
  #cached: OperatorSettings | null = null
  #reloadAtMs = 0
  #changes = 0

  constructor(db: D1Database, defaults: LimitRules) {
    this.#db = db
    this.#defaults = defaults
  }

  /** The current rules. While D1 is unavailable: the last ones that were read, otherwise the defaults. */
  async rules(nowMs: number): Promise<LimitRules> {
    return (await this.#reload(nowMs))?.rules ?? this.#defaults
  }

  /**
   * The current settings: at most 30 s old while D1 is available, otherwise the last ones that were read.
   * @throws {ServiceError} `unavailable` if none were ever read, because an error must not open a closed registration
   */
  async current(nowMs: number): Promise<OperatorSettings> {
    const settings = await this.#reload(nowMs)
    if (settings !== null) return settings
    throw new ServiceError('unavailable', {}, { cause: new Error('the settings were never read') })
  }

  /** Reads the settings from D1. @throws {ServiceError} `unavailable` */
  async latest(nowMs: number): Promise<OperatorSettings> {
    const changesBefore = this.#changes
    const { results } = await orUnavailable(readSettings(this.#db).all<SettingsRow>())
    // A read that began before a change may be older than the cached settings.
    const isOutdated = changesBefore !== this.#changes
    return isOutdated && this.#cached !== null ? this.#cached : this.#store(results, nowMs)
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
    const write = mergeSettings(this.#db, change, now, actor)
    return this.#write(write, insertSettingsChange(this.#db, change, now, actor), nowMs)
  }

  /**
   * Ends the sessions of all accounts, and records it. This isolate applies it at once.
   * @throws {ServiceError} `unavailable`
   */
  async endEverySession(actor: string, nowMs: number): Promise<void> {
    const write = raiseSessionsNotBefore(this.#db, nowMs, actor)
    const change = { sessions_not_before: nowMs }
    await this.#write(write, insertSettingsChange(this.#db, change, Math.floor(nowMs / 1000), actor), nowMs)
  }

  async #write(
    write: D1PreparedStatement,
    record: D1PreparedStatement,
    nowMs: number,
  ): Promise<OperatorSettings> {
    const batch = [write, record, readSettings(this.#db)]
    const changesBefore = this.#changes
    const results = await orUnavailable(this.#db.batch<SettingsRow>(batch))
    const isOutdated = changesBefore !== this.#changes
    this.#changes += 1
    return isOutdated ? this.latest(nowMs) : this.#store(results[2]?.results ?? [], nowMs)
  }

  async #reload(nowMs: number): Promise<OperatorSettings | null> {
    if (nowMs < this.#reloadAtMs) return this.#cached
    if (this.#cached !== null) this.#reloadAtMs = nowMs + RETRY_AFTER_MS
    try {
      return await this.latest(nowMs)
    } catch (error) {
      log('warn', 'settings_stale', { error: describeError(error) })
      this.#reloadAtMs = nowMs + RETRY_AFTER_MS
      return this.#cached
    }
  }

  #store(rows: readonly SettingsRow[], nowMs: number): OperatorSettings {
    const settings = this.#toOperatorSettings(toStoredSettings(rows))
    this.#cached = settings
    this.#reloadAtMs = nowMs + RELOAD_AFTER_MS
    return settings
  }

  #toOperatorSettings({ document, updatedAt, updatedBy }: StoredSettings): OperatorSettings {
    return {
      registrationOpen: document.registration_open ?? true,
      registrationAllow: { ...NO_LIST, ...(document.registration_allow as Partial<AllowList> | undefined) },
      rules: applyRules(this.#defaults, document.rules ?? {}),
      sessionsNotBeforeMs: document.sessions_not_before ?? 0,
      updatedAt,
      updatedBy,
    }
  }
}

function isEmpty(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value === undefined
  return Object.values(value).every(isEmpty)
}
