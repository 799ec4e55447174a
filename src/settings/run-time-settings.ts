/**
 * The run-time settings as one isolate knows them. D1 out of reach: the last known, else the defaults, never none.
 * Results are shared between requests, promises are not (signing-keys.ts says why).
 */
import type { AllowList } from '../accounts/allow-list.ts'
import { applyRules, type LimitRules } from '../config/limits.ts'
import { reach } from '../errors.ts'
import { describeFault, log } from '../log.ts'
import {
  insertSettingsChange,
  mergeSettings,
  readSettings,
  type SettingsChange,
  type SettingsRow,
  type StoredSettings,
  toStoredSettings,
} from './settings-store.ts'

const RELOAD_AFTER_MS = 30_000
/** After a read that failed: an outage is not made worse by every request. */
const RETRY_AFTER_MS = 5_000

export interface OperatorSettings {
  readonly registrationOpen: boolean
  readonly registrationAllow: AllowList
  readonly rules: LimitRules
  /** Unix seconds; null while nothing was ever changed. */
  readonly updatedAt: number | null
  /** An account's id, or `admin_token`. */
  readonly updatedBy: string | null
}

const NO_LIST: AllowList = { email_domains: [], emails: [], phones: [], usernames: [] }

export class RunTimeSettings {
  readonly #db: D1Database
  readonly #defaults: LimitRules
  #known: OperatorSettings
  #reloadAtMs = 0
  #changes = 0

  constructor(db: D1Database, defaults: LimitRules) {
    this.#db = db
    this.#defaults = defaults
    this.#known = this.#over(toStoredSettings([]))
  }

  /** What is in force, at most 30 s old while D1 is in reach. Never throws. */
  async current(nowMs: number): Promise<OperatorSettings> {
    if (nowMs < this.#reloadAtMs) return this.#known
    try {
      return await this.latest(nowMs)
    } catch (fault) {
      log('warn', 'settings_stale', { fault: describeFault(fault) })
      this.#reloadAtMs = nowMs + RETRY_AFTER_MS
      return this.#known
    }
  }

  /** What stands in D1. @throws {ServiceError} `unavailable` */
  async latest(nowMs: number): Promise<OperatorSettings> {
    const changesBefore = this.#changes
    const { results } = await reach(readSettings(this.#db).all<SettingsRow>())
    // A read that a change overtook may be older than what is known by now.
    return changesBefore === this.#changes ? this.#take(results, nowMs) : this.#known
  }

  /**
   * Changes what is given and records it, in one batch; in force in this isolate at once.
   * @param actor an account's id, or `admin_token`
   * @throws {ServiceError} `unavailable`
   */
  async change(change: SettingsChange, actor: string, nowMs: number): Promise<OperatorSettings> {
    const now = Math.floor(nowMs / 1000)
    const batch = [
      mergeSettings(this.#db, change, now, actor),
      insertSettingsChange(this.#db, change, now, actor),
      readSettings(this.#db),
    ]
    const results = await reach(this.#db.batch<SettingsRow>(batch))
    this.#changes += 1
    return this.#take(results[2]?.results ?? [], nowMs)
  }

  #take(rows: readonly SettingsRow[], nowMs: number): OperatorSettings {
    this.#known = this.#over(toStoredSettings(rows))
    this.#reloadAtMs = nowMs + RELOAD_AFTER_MS
    return this.#known
  }

  #over({ document, updatedAt, updatedBy }: StoredSettings): OperatorSettings {
    return {
      registrationOpen: document.registration_open ?? true,
      registrationAllow: { ...NO_LIST, ...(document.registration_allow as Partial<AllowList> | undefined) },
      rules: applyRules(this.#defaults, document.rules ?? {}),
      updatedAt,
      updatedBy,
    }
  }
}
