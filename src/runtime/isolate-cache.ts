/**
 * A value that one isolate reads from a dependency and shares between requests. Requests share results, not promises, because a
 * cancelled request must not leave others waiting for its I/O.
 */

/** What a cache needs of the request that uses it. */
export interface CacheContext {
  /** Unix milliseconds: when the request began. */
  readonly nowMs: number
  /** Lets a reload continue after the response. */
  readonly waitUntil: (work: Promise<unknown>) => void
}

/** Ages are in milliseconds, counted from when the request that read the value began. */
export interface IsolateCacheOptions<Value> {
  /** Reads the value. @param nowMs when the request that reads began */
  readonly load: (nowMs: number) => Promise<Value>
  /** Up to this age the value is used without I/O. */
  readonly freshMs: number
  /** Up to this age the value is used, and reloaded in the background. For an older one callers wait for a load. */
  readonly usableMs: number
  /** Up to this age the value is used if a load fails. After that callers get the error. */
  readonly staleMs: number
  /** Milliseconds between reloads in the background, whether they are in progress or failed. */
  readonly retryMs: number
  /** Reports that a load failed and a value of this age is used. */
  readonly onStale?: (error: unknown, ageMs: number) => void
}

export class IsolateCache<Value> {
  readonly #options: IsolateCacheOptions<Value>
  #entry: { readonly value: Value; readonly loadedAtMs: number } | null = null
  /** The number of changes in this isolate. A read that began before a change is not cached. */
  #changes = 0
  #reloadAtMs = 0
  #failedAtMs = Number.NEGATIVE_INFINITY

  constructor(options: IsolateCacheOptions<Value>) {
    this.#options = options
  }

  /**
   * @param staleMs for a caller to which the value is stale earlier than the option says
   * @throws what `load` throws, if there is no value that is not stale
   */
  async get(ctx: CacheContext, staleMs = this.#options.staleMs): Promise<Value> {
    const entry = this.#entry
    if (entry === null) return this.refresh(ctx.nowMs)
    const ageMs = ctx.nowMs - entry.loadedAtMs
    if (ageMs < this.#options.freshMs) return entry.value
    if (!this.#isServed(ageMs, staleMs, ctx.nowMs)) return this.#refreshOrStale(staleMs, ctx.nowMs)
    this.#reloadInBackground(ctx, ageMs)
    return entry.value
  }

  /** The value, if it is younger than `usableMs`, otherwise null. Without I/O. */
  peek(nowMs: number): Value | null {
    const entry = this.#entry
    return entry !== null && nowMs - entry.loadedAtMs < this.#options.usableMs ? entry.value : null
  }

  /** Loads the value and caches it. @returns the newest value that is known then @throws what `load` throws */
  async refresh(nowMs: number): Promise<Value> {
    const changesBefore = this.#changes
    try {
      const value = await this.#options.load(nowMs)
      if (changesBefore === this.#changes) this.set(value, nowMs)
      return this.#entry === null ? value : this.#entry.value
    } catch (error) {
      this.#failedAtMs = Math.max(this.#failedAtMs, nowMs)
      throw error
    }
  }

  /** Caches a value that was observed elsewhere, unless a later request has observed one. */
  set(value: Value, nowMs: number): void {
    if (this.#entry !== null && nowMs < this.#entry.loadedAtMs) return
    this.#entry = { value, loadedAtMs: nowMs }
  }

  /** Forgets the value after a change. It is not used again, even if the dependency is unavailable from now on. */
  invalidate(): void {
    this.#entry = null
    this.#changes += 1
  }

  /**
   * Runs a write that also reads the new value, which this isolate then uses at once. A write that overlaps with another change
   * may have read an outdated value, so the value is then loaded.
   * @returns the new value
   * @throws what `write` throws; the cached value then stays
   */
  async change(write: () => Promise<Value>, nowMs: number): Promise<Value> {
    const changesBefore = this.#changes
    const value = await write()
    const overlaps = changesBefore !== this.#changes
    this.invalidate()
    if (overlaps) return this.refresh(nowMs)
    this.set(value, nowMs)
    return value
  }

  /** During an outage no caller waits: for `usableMs` after a failed load, callers get the last value. */
  #isServed(ageMs: number, staleMs: number, nowMs: number): boolean {
    const { usableMs } = this.#options
    return ageMs < usableMs || (ageMs < staleMs && nowMs - this.#failedAtMs < usableMs)
  }

  #reloadInBackground({ nowMs, waitUntil }: CacheContext, ageMs: number): void {
    if (nowMs < this.#reloadAtMs) return
    this.#reloadAtMs = nowMs + this.#options.retryMs
    waitUntil(this.refresh(nowMs).catch((error: unknown) => this.#options.onStale?.(error, ageMs)))
  }

  async #refreshOrStale(staleMs: number, nowMs: number): Promise<Value> {
    try {
      return await this.refresh(nowMs)
    } catch (error) {
      const last = this.#entry
      if (last === null || nowMs - last.loadedAtMs >= staleMs) throw error
      this.#options.onStale?.(error, nowMs - last.loadedAtMs)
      return last.value
    }
  }
}
