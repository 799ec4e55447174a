/** The run-time settings as one isolate knows them. Results are shared between requests, promises are not (signing-keys.ts). */
import type { AllowList } from '../accounts/allow-list.ts'
import { applyRules, type LimitRules } from '../config/limits.ts'
import { orUnavailable, ServiceError } from '../errors/service-error.ts'
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

/** Together 30 s: within that a change is in force everywhere. */
const RELOAD_AFTER_MS = 25_000
/** One request reads, and again after a read that failed; the others go on with what is known. */
const RETRY_AFTER_MS = 5_000

export interface OperatorSettings {
  readonly registrationOpen: boolean
  readonly registrationAllow: AllowList
  readonly rules: LimitRules
  /** Unix milliseconds: sessions that began before have ended, everybody's. */
  readonly sessionsNotBeforeMs: number
  /** Unix seconds; null while nothing was ever changed. */
  readonly updatedAt: number | null
  /** An account's id, or `admin_token`. */
  readonly updatedBy: string | null
}

const NO_LIST: AllowList = { email_domains: [], emails: [], phones: [], usernames: [] }

export class RunTimeSettings {
  readonly #db: D1Database
  readonly #defaults: LimitRules
  #known: OperatorSettings | null = null
  #reloadAtMs = 0
  #changes = 0

  constructor(db: D1Database, defaults: LimitRules) {
    this.#db = db
    this.#defaults = defaults
  }

  /** The rules in force. D1 out of reach: the last known, else the defaults, never none. */
  async rules(nowMs: number): Promise<LimitRules> {
    return (await this.#reload(nowMs))?.rules ?? this.#defaults
  }

  /**
   * All that is in force; at most 30 s old while D1 is in reach, else the last known.
   * @throws {ServiceError} `unavailable` where nothing is known: a registration that was closed must not open by an error
   */
  async current(nowMs: number): Promise<OperatorSettings> {
    const settings = await this.#reload(nowMs)
    if (settings !== null) return settings
    throw new ServiceError('unavailable', {}, { cause: new Error('the settings were never read') })
  }

  /** What stands in D1. @throws {ServiceError} `unavailable` */
  async latest(nowMs: number): Promise<OperatorSettings> {
    const changesBefore = this.#changes
    const { results } = await orUnavailable(readSettings(this.#db).all<SettingsRow>())
    // A read that a change overtook may be older than what is known by now.
    const overtaken = changesBefore !== this.#changes
    return overtaken && this.#known !== null ? this.#known : this.#take(results, nowMs)
  }

  /**
   * Changes what is given and records it, in one batch; in force in this isolate at once. Nothing given changes nothing.
   * @param actor an account's id, or `admin_token`
   * @throws {ServiceError} `unavailable`
   */
  async change(change: SettingsChange, actor: string, nowMs: number): Promise<OperatorSettings> {
    if (saysNothing(change)) return this.latest(nowMs)
    const now = Math.floor(nowMs / 1000)
    const write = mergeSettings(this.#db, change, now, actor)
    return this.#write(write, insertSettingsChange(this.#db, change, now, actor), nowMs)
  }

  /**
   * Ends everybody's sessions, and records it; in force in this isolate at once.
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
    const overtaken = changesBefore !== this.#changes
    this.#changes += 1
    return overtaken ? this.latest(nowMs) : this.#take(results[2]?.results ?? [], nowMs)
  }

  async #reload(nowMs: number): Promise<OperatorSettings | null> {
    if (nowMs < this.#reloadAtMs) return this.#known
    if (this.#known !== null) this.#reloadAtMs = nowMs + RETRY_AFTER_MS
    try {
      return await this.latest(nowMs)
    } catch (error) {
      log('warn', 'settings_stale', { error: describeError(error) })
      this.#reloadAtMs = nowMs + RETRY_AFTER_MS
      return this.#known
    }
  }

  #take(rows: readonly SettingsRow[], nowMs: number): OperatorSettings {
    const settings = this.#over(toStoredSettings(rows))
    this.#known = settings
    this.#reloadAtMs = nowMs + RELOAD_AFTER_MS
    return settings
  }

  #over({ document, updatedAt, updatedBy }: StoredSettings): OperatorSettings {
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

function saysNothing(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value === undefined
  return Object.values(value).every(saysNothing)
}
