/** HTTP requests to the service. */
import { GatehouseError, toError } from './errors.ts'
import type { TokenResponse } from './wire.ts'

/** The time limit of each request. */
export const TIMEOUT_MS = 20_000
/**
 * An idempotent request is repeated if its connection broke, because the response may have been lost. The service gives a
 * replaced refresh token the same successor within a grace of 10 s, so repetitions must come within that time.
 */
const RETRY_DELAYS_MS = [500, 2_000]
const MAX_RETRY_MS = 6_000

export class Service {
  readonly #url: string
  readonly #usesCookie: boolean

  constructor(url: string, usesCookie: boolean) {
    this.#url = url
    this.#usesCookie = usesCookie
  }

  /** Registers or logs in. @throws {GatehouseError} */
  async authenticate(path: '/auth/register' | '/auth/login', fields: object): Promise<TokenResponse> {
    return this.#tokens(
      await this.#post(path, { ...fields, ...(this.#usesCookie && { transport: 'cookie' }) }),
    )
  }

  /** @param refreshToken null if it is in a cookie. @throws {GatehouseError} */
  refresh(refreshToken: string | null): Promise<TokenResponse> {
    return withRetries(async () => this.#tokens(await this.#postToken('/auth/refresh', refreshToken)))
  }

  /** @throws {GatehouseError} */
  async logOut(refreshToken: string | null): Promise<void> {
    await withRetries(() => this.#postToken('/auth/logout', refreshToken))
  }

  /** Ends a session if only its access token is known. @throws {GatehouseError} */
  async logOutByAccessToken(accessToken: string): Promise<void> {
    await this.#send('/auth/logout', { headers: { Authorization: `Bearer ${accessToken}` } })
  }

  /** Checks the response's members, because a proxy in front of the service may have sent it. */
  async #tokens(response: Response): Promise<TokenResponse> {
    const body: Partial<TokenResponse> | null = await response.json().catch((cause) => {
      throw cause instanceof SyntaxError ? this.#unexpectedResponse() : this.#networkError(cause)
    })
    const { access_token, expires_in, user } = body ?? {}
    if (access_token === undefined || expires_in === undefined || user === undefined)
      throw this.#unexpectedResponse()
    const refreshToken = body?.refresh_token
    if (!this.#usesCookie && refreshToken === undefined) throw this.#unexpectedResponse()
    return { access_token, expires_in, user, refresh_token: refreshToken }
  }

  #unexpectedResponse(): GatehouseError {
    return new GatehouseError('internal', `${this.#url} sent a response that is not the service's.`)
  }

  #networkError(cause: unknown): GatehouseError {
    const hint = `the browser is offline, or CORS_ORIGINS does not contain ${location.origin}`
    return new GatehouseError('network', `No response from ${this.#url}: ${hint}.`, { cause })
  }

  #postToken(path: string, refreshToken: string | null): Promise<Response> {
    if (refreshToken !== null) return this.#post(path, { refresh_token: refreshToken })
    return this.#send(path, { headers: { 'X-Gatehouse-CSRF': '1' }, credentials: 'include' })
  }

  #post(path: string, body: object): Promise<Response> {
    const init = { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }
    return this.#send(path, { ...init, credentials: this.#usesCookie ? 'include' : 'omit' })
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const response = await fetch(this.#url + path, { method: 'POST', ...init, signal }).catch((cause) => {
      throw this.#networkError(cause)
    })
    if (!response.ok) throw await toError(response)
    return response
  }
}

/** Tries one after the other: an old refresh token that reached the service late would look stolen. */
async function withRetries<T>(call: () => Promise<T>): Promise<T> {
  const startMs = Date.now()
  for (const delayMs of RETRY_DELAYS_MS) {
    try {
      return await call()
    } catch (error) {
      const isLost = error instanceof GatehouseError && error.code === 'network' && navigator.onLine
      if (!isLost || Date.now() - startMs > MAX_RETRY_MS) throw error
      await new Promise((resolve) => setTimeout(resolve, delayMs))
    }
  }
  return call()
}
