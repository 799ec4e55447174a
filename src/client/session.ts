/** This tab's view of the browser's session: an access token in memory. The first tab that needs a new one refreshes it. */
import { GatehouseError, nullIfEnded } from './errors.ts'
import type { Connect, Service } from './service.ts'
import type { TokenStorage } from './storage.ts'
import { Tabs } from './tabs.ts'
import type { TokenResponse, User } from './wire.ts'

/** A session that is logged in. */
export interface SessionState {
  readonly accessToken: string
  /** Unix time in milliseconds, by this browser's clock. */
  readonly expiresAtMs: number
  /** When the token should be replaced. */
  readonly renewAtMs: number
  readonly user: User
}

/** Undefined: not determined yet. Null: not logged in. */
type KnownState = SessionState | null | undefined
/** The tokens or the user that a request changed; null if it ended the session; undefined if it changed nothing. */
type Change = TokenResponse | User | undefined | null
type SendAuthorized<T> = (service: Service, accessToken: string) => Promise<T>

/** A token is renewed this long before it expires, or in the last quarter of a short lifetime. */
const RENEWAL_MARGIN_MS = 30_000
/**
 * If an API refuses a token again this soon after it was replaced, the cause is the API, and the token is not replaced
 * again.
 */
const REFUSAL_PAUSE_MS = 5_000

export class TabSession {
  readonly #connect: Connect
  /** Null: the refresh token is in a cookie. */
  readonly #storage: TokenStorage | null
  readonly #tabs: Tabs<{ readonly state: SessionState | null }>
  readonly #listeners = new Set<(user: User | null) => void>()
  #state: KnownState
  #renewing: Promise<SessionState | null> | null = null
  /** When a refused token was last replaced. */
  #refusedAtMs = 0

  /** @param name identifies the session that the tabs share; null: tabs do not share it */
  constructor(connect: Connect, storage: TokenStorage | null, name: string | null) {
    this.#connect = connect
    this.#storage = storage
    this.#tabs = new Tabs(name, ({ state }) => this.#setState(state))
  }

  onChange(listener: (user: User | null) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * @returns a session whose token does not expire soon; null if the browser has no session
   * @throws {GatehouseError} if that cannot be determined now
   */
  current(): Promise<SessionState | null> {
    return this.#renewIfDue((stale) => this.renew(stale))
  }

  async #renewIfDue(
    renew: (stale: string | null) => Promise<SessionState | null>,
  ): Promise<SessionState | null> {
    const state = this.#state
    if (state === null || (state !== undefined && Date.now() < state.renewAtMs)) return state
    try {
      return await renew(state?.accessToken ?? null)
    } catch (error) {
      // The token has not expired yet, so an unavailable service does not matter.
      if (state !== undefined && Date.now() < state.expiresAtMs && this.#state === state) return state
      throw error
    }
  }

  /**
   * Gets a new access token. Concurrent calls share one refresh, in this tab and among all tabs.
   * @param stale the access token to replace
   * @throws {GatehouseError} if the service is unavailable
   */
  renew(stale: string | null): Promise<SessionState | null> {
    this.#renewing ??= this.#exclusively((service) => this.#refresh(service, stale)).finally(() => {
      this.#renewing = null
    })
    return this.#renewing
  }

  /** Nothing else sends requests to the service, so that one deadline limits how long a tab delays the others. */
  #exclusively<T>(work: (service: Service) => Promise<T>): Promise<T> {
    return this.#tabs.exclusively((deadline) => work(this.#connect(deadline)))
  }

  /**
   * Replaces a token that an API refused as invalid. An API that refuses new tokens too causes at most one refresh in
   * REFUSAL_PAUSE_MS.
   * @returns null if another token would not help
   * @throws {GatehouseError} if the service is unavailable
   */
  async replaceRefused({ accessToken, user }: SessionState): Promise<SessionState | null> {
    if (Date.now() < this.#refusedAtMs + REFUSAL_PAUSE_MS && this.#state?.accessToken === accessToken)
      return null
    this.#refusedAtMs = Date.now()
    const renewed = await this.renew(accessToken)
    // A request that one user started must not be repeated with another user's token.
    return renewed?.user.id === user.id ? renewed : null
  }

  /** @param authenticate logs in or registers. @throws {GatehouseError} */
  start(authenticate: (service: Service) => Promise<TokenResponse>): Promise<User> {
    return this.#exclusively(async (service) => {
      const tokens = await authenticate(service)
      await this.#store(this.#storage === null ? await this.#confirmCookie(service, tokens) : tokens)
      return tokens.user
    })
  }

  /**
   * @throws {GatehouseError} `network`: the tokens are removed here, but the session continues; in cookie mode nothing has
   * changed
   */
  end(): Promise<void> {
    return this.#exclusively(async (service) => {
      const token = (await this.#storage?.get()) ?? null
      const state = this.#state
      if (this.#storage === null) await service.logOut(null)
      await this.#clear()
      if (token !== null) await service.logOut(token)
      else if (state && this.#storage !== null) await service.logOutByAccessToken(state.accessToken)
    })
  }

  /**
   * Sends a request about the account exclusively among all tabs, so that no refresh gets what the request replaces.
   * @param send called again with a new token if the service refuses the access token
   * @param change what the request changes in the session of the access token
   * @throws {GatehouseError} `invalid_token` if the browser has no session, or the session has ended
   */
  request<T>(send: SendAuthorized<T>, change: (result: T, accessToken: string) => Change): Promise<T> {
    return this.#exclusively(async (service) => {
      const before = await this.#renewIfDue((stale) => this.#refresh(service, stale))
      if (before === null) throw new GatehouseError('invalid_token', 'The browser has no session.')
      const result = await this.#sendRenewing(service, before, send)
      const state = this.#state
      // Without locks another tab may have logged out, or logged in as another user. Its change prevails.
      if (state?.user.id === before.user.id) await this.#apply(state, change(result, state.accessToken))
      return result
    })
  }

  async #sendRenewing<T>(
    service: Service,
    { accessToken, user }: SessionState,
    send: SendAuthorized<T>,
  ): Promise<T> {
    try {
      return await send(service, accessToken)
    } catch (error) {
      if (!(error instanceof GatehouseError) || error.code !== 'invalid_token') throw error
      const renewed = await this.#refresh(service, accessToken)
      if (renewed?.user.id !== user.id) throw error
      return send(service, renewed.accessToken)
    }
  }

  async #apply(state: SessionState, change: Change): Promise<unknown> {
    if (change === undefined) return
    if (change === null) return this.#clear()
    if ('access_token' in change) return this.#store(change)
    return this.#publish({ ...state, user: change })
  }

  async #refresh(service: Service, stale: string | null): Promise<SessionState | null> {
    const state = this.#state
    // Another tab has already refreshed it.
    if (state === null || (state !== undefined && state.accessToken !== stale)) return state
    const token = (await this.#storage?.get()) ?? null
    if (this.#storage !== null && token === null) return this.#clear()
    const tokens = await service.refresh(token).catch(nullIfEnded)
    if (!(await this.#isUnchanged(state, token, tokens?.refresh_token))) return this.#state ?? null
    return tokens === null ? this.#clear() : this.#store(tokens)
  }

  /**
   * While this tab waited for the service, another tab may have logged out, or logged in as another user. Its change
   * prevails.
   */
  async #isUnchanged(state: KnownState, token: string | null, next: string | undefined): Promise<boolean> {
    if (this.#state !== state) return false
    const stored = (await this.#storage?.get()) ?? null
    return stored === token || stored === next
  }

  /**
   * Browsers do not report a blocked cookie, so a refresh shows whether the cookie was stored. The user is compared, because a
   * cookie that another host of the site has set may be sent instead.
   */
  async #confirmCookie(service: Service, { access_token, user }: TokenResponse): Promise<TokenResponse> {
    const tokens = await service.refresh(null).catch(nullIfEnded)
    if (tokens?.user.id === user.id) return tokens
    await service.logOutByAccessToken(access_token).catch(() => undefined)
    const message =
      'The browser does not store the cookie of the service. Use another storage, or serve the page from the same site.'
    throw new GatehouseError('cookie_blocked', message)
  }

  async #store({ access_token, expires_in, refresh_token, user }: TokenResponse): Promise<SessionState> {
    if (refresh_token !== undefined) await this.#storage?.set(refresh_token)
    // Token times are whole seconds, rounded down, so up to one second of the lifetime has passed.
    const lifetimeMs = (expires_in - 1) * 1000
    const nowMs = Date.now()
    const marginMs = Math.min(RENEWAL_MARGIN_MS, lifetimeMs / 4)
    const state = {
      accessToken: access_token,
      expiresAtMs: nowMs + lifetimeMs,
      renewAtMs: nowMs + lifetimeMs - marginMs,
      user,
    }
    this.#publish(state)
    return state
  }

  async #clear(): Promise<null> {
    await this.#storage?.set(null)
    this.#publish(null)
    return null
  }

  #publish(state: SessionState | null): void {
    this.#tabs.publish({ state })
    this.#setState(state)
  }

  #setState(state: SessionState | null): void {
    const [before, after] = [this.#state?.user ?? null, state?.user ?? null]
    this.#state = state
    if (JSON.stringify(before) === JSON.stringify(after)) return
    for (const listener of this.#listeners) {
      try {
        listener(after)
      } catch (error) {
        // An error of the page must not keep other listeners from being called.
        reportError(error)
      }
    }
  }
}
