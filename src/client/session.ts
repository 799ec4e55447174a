/** The session of this browser, as this tab knows it: an access token in memory, renewed by whichever tab needs it first. */
import { GatehouseError } from './errors.ts'
import type { Service } from './service.ts'
import type { TokenStorage } from './storage.ts'
import { Tabs } from './tabs.ts'
import type { TokenAnswer, User } from './wire.ts'

export interface Held {
  readonly accessToken: string
  /** By this browser's clock, in unix milliseconds. */
  readonly expiresAtMs: number
  /** When it is time for the next one. */
  readonly renewAtMs: number
  readonly user: User
}

/** Undefined: nobody has asked yet. Null: nobody is logged in. */
type Known = Held | null | undefined

/** A token is renewed this long before it expires, or in its last quarter. */
const MARGIN_MS = 30_000
/** How long an API's refusals after one that was looked into are taken for its own error. */
const REFUSAL_PAUSE_MS = 5_000
const ENDED = ['invalid_refresh_token', 'refresh_token_reused']

export class Session {
  readonly #service: Service
  /** Null: a cookie has the refresh token. */
  readonly #storage: TokenStorage | null
  readonly #tabs: Tabs<{ readonly held: Held | null }>
  readonly #listeners = new Set<(user: User | null) => void>()
  #known: Known
  #renewing: Promise<Held | null> | null = null
  /** When a refusal was last looked into. */
  #refusedAtMs = 0

  /** @param name of what the tabs share; null: nothing */
  constructor(service: Service, storage: TokenStorage | null, name: string | null) {
    this.#service = service
    this.#storage = storage
    this.#tabs = new Tabs(name, ({ held }) => this.#know(held))
  }

  onChange(listener: (user: User | null) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * @returns what is good for a while yet; null where nobody is logged in
   * @throws {GatehouseError} where that cannot be known now
   */
  async current(): Promise<Held | null> {
    const known = this.#known
    if (known === null || (known !== undefined && Date.now() < known.renewAtMs)) return known
    try {
      return await this.renew(known?.accessToken ?? null)
    } catch (error) {
      // It is not over yet: a service out of reach is nobody's trouble before that.
      if (known !== undefined && Date.now() < known.expiresAtMs && this.#known === known) return known
      throw error
    }
  }

  /**
   * Calls for a new token are one while they last, in this tab and in all.
   * @param stale the access token that is no longer good
   * @throws {GatehouseError} where the service is out of reach
   */
  renew(stale: string | null): Promise<Held | null> {
    this.#renewing ??= this.#tabs
      .alone(() => this.#renewed(stale))
      .finally(() => {
        this.#renewing = null
      })
    return this.#renewing
  }

  /**
   * For an API that refuses a token as invalid. One that refuses new ones as well is not asked about again and again.
   * @returns null where another token would not help
   * @throws {GatehouseError} where the service is out of reach
   */
  async replaceRefused({ accessToken, user }: Held): Promise<Held | null> {
    if (Date.now() < this.#refusedAtMs + REFUSAL_PAUSE_MS && this.#known?.accessToken === accessToken)
      return null
    this.#refusedAtMs = Date.now()
    const renewed = await this.renew(accessToken)
    // What one person asked for is not asked for in another's name.
    return renewed?.user.id === user.id ? renewed : null
  }

  /** @param enter logs in or registers. @throws {GatehouseError} */
  begin(enter: () => Promise<TokenAnswer>): Promise<User> {
    return this.#tabs.alone(async () => {
      const answer = await enter()
      const held = await this.#take(this.#storage === null ? await this.#provenByCookie(answer) : answer)
      return held.user
    })
  }

  /** @throws {GatehouseError} `network`: forgotten here, but not ended; with a cookie: not even that */
  end(): Promise<void> {
    return this.#tabs.alone(async () => {
      const token = (await this.#storage?.get()) ?? null
      const known = this.#known
      if (this.#storage === null) await this.#service.logOut(null)
      await this.#forget()
      if (token !== null) await this.#service.logOut(token)
      else if (known && this.#storage !== null) await this.#service.logOutByAccessToken(known.accessToken)
    })
  }

  async #renewed(stale: string | null): Promise<Held | null> {
    const known = this.#known
    // Another tab was first.
    if (known === null || (known !== undefined && known.accessToken !== stale)) return known
    const token = (await this.#storage?.get()) ?? null
    if (this.#storage !== null && token === null) return this.#forget()
    const answer = await this.#service.refresh(token).catch((error: unknown) => {
      if (!(error instanceof GatehouseError) || !ENDED.includes(error.code)) throw error
      return null
    })
    if (!(await this.#isStill(known, token, answer?.refresh_token))) return this.#known ?? null
    return answer === null ? this.#forget() : this.#take(answer)
  }

  /** While a tab waited for the service, another may have logged out, or somebody else in: that stands. */
  async #isStill(known: Known, token: string | null, next: string | undefined): Promise<boolean> {
    if (this.#known !== known) return false
    const stored = (await this.#storage?.get()) ?? null
    return stored === token || stored === next
  }

  /**
   * A browser that blocks the cookie says nothing of it: whether it kept it shows when it is sent. One that another host of
   * the site has set may be sent in its place.
   */
  async #provenByCookie({ access_token, user }: TokenAnswer): Promise<TokenAnswer> {
    const proven = await this.#service.refresh(null).catch((error: unknown) => {
      if (!(error instanceof GatehouseError) || !ENDED.includes(error.code)) throw error
      return null
    })
    if (proven?.user.id === user.id) return proven
    await this.#service.logOutByAccessToken(access_token).catch(() => undefined)
    const message = 'The browser keeps no cookie of the service: use another storage, or the same site.'
    throw new GatehouseError('cookie_blocked', message)
  }

  async #take({ access_token, expires_in, refresh_token, user }: TokenAnswer): Promise<Held> {
    if (refresh_token !== undefined) await this.#storage?.set(refresh_token)
    // Tokens count in whole seconds, and begin with the one that they are made in.
    const lifetimeMs = (expires_in - 1) * 1000
    const nowMs = Date.now()
    const marginMs = Math.min(MARGIN_MS, lifetimeMs / 4)
    const held = {
      accessToken: access_token,
      expiresAtMs: nowMs + lifetimeMs,
      renewAtMs: nowMs + lifetimeMs - marginMs,
      user,
    }
    this.#learn(held)
    return held
  }

  async #forget(): Promise<null> {
    await this.#storage?.set(null)
    this.#learn(null)
    return null
  }

  #learn(held: Held | null): void {
    this.#tabs.tell({ held })
    this.#know(held)
  }

  #know(held: Held | null): void {
    const [before, after] = [this.#known?.user ?? null, held?.user ?? null]
    this.#known = held
    if (JSON.stringify(before) === JSON.stringify(after)) return
    for (const listener of this.#listeners) {
      try {
        listener(after)
      } catch (error) {
        // The page's own error, and no reason to lose what was learnt.
        reportError(error)
      }
    }
  }
}
