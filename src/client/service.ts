/** HTTP requests to the service. */
import { GatehouseError, isLostResponse, toError } from './errors.ts'
import type { Session, TokenResponse, User } from './wire.ts'

/** The time limit of each request. */
export const TIMEOUT_MS = 20_000
/**
 * An idempotent request is repeated if its connection broke, because the response may have been lost. The service gives a
 * replaced refresh token the same successor within a grace of 10 s, so repetitions must come within that time.
 */
const RETRY_DELAYS_MS = [500, 2_000]
const MAX_RETRY_MS = 6_000

const JSON_TYPE = { 'Content-Type': 'application/json' }

export class Service {
  readonly #url: string
  readonly #credentials: 'include' | 'omit'

  constructor(url: string, usesCookie: boolean) {
    this.#url = url
    this.#credentials = usesCookie ? 'include' : 'omit'
  }

  /** Registers or logs in. @throws {GatehouseError} */
  async authenticate(path: '/auth/register' | '/auth/login', fields: object): Promise<TokenResponse> {
    const transport = this.#credentials === 'include' ? 'cookie' : 'body'
    return this.#tokens(await this.#post(path, { ...fields, transport }))
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

  /** @throws {GatehouseError} */
  async changePassword(accessToken: string, body: object): Promise<TokenResponse> {
    return this.#tokens(await this.sendAuthorized(accessToken, 'PUT', '/auth/me/password', body))
  }

  /** @throws {GatehouseError} */
  async updateProfile(accessToken: string, body: object): Promise<User> {
    return this.#json(await this.sendAuthorized(accessToken, 'PATCH', '/auth/me', body), ['id'])
  }

  /** @throws {GatehouseError} */
  async sessions(accessToken: string): Promise<{ readonly sessions: readonly Session[] }> {
    return this.#json(await this.sendAuthorized(accessToken, 'GET', '/auth/sessions'), ['sessions'])
  }

  /** Sends cookies too, because the response may replace or clear the one of the session. @throws {GatehouseError} */
  sendAuthorized(accessToken: string, method: string, path: string, body?: object): Promise<Response> {
    const headers = { Authorization: `Bearer ${accessToken}`, ...(body && JSON_TYPE) }
    const init = { method, headers, body: body === undefined ? null : JSON.stringify(body) }
    return this.#send(path, { ...init, credentials: this.#credentials })
  }

  async #tokens(response: Response): Promise<TokenResponse> {
    const inBody = this.#credentials === 'omit' ? (['refresh_token'] as const) : []
    return this.#json(response, ['access_token', 'expires_in', 'user', ...inBody])
  }

  /** @param members are checked, because a proxy in front of the service may have sent the response */
  async #json<T extends object>(response: Response, members: readonly (keyof T)[]): Promise<T> {
    const body: T | null = await response.json().catch((cause) => {
      throw cause instanceof SyntaxError ? this.#unexpectedResponse() : this.#networkError(cause)
    })
    if (body === null || members.some((name) => body[name] === undefined)) throw this.#unexpectedResponse()
    return body
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
    return this.#send(path, {
      headers: JSON_TYPE,
      body: JSON.stringify(body),
      credentials: this.#credentials,
    })
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

/**
 * Repeats a request whose response may have been lost, at most twice. Tries one after the other: an old refresh token that
 * reached the service late would look stolen.
 */
export async function withRetries<T>(call: () => Promise<T>): Promise<T> {
  const startMs = Date.now()
  for (const delayMs of RETRY_DELAYS_MS) {
    try {
      return await call()
    } catch (error) {
      if (!isLostResponse(error) || !navigator.onLine || Date.now() - startMs > MAX_RETRY_MS) throw error
      await new Promise((resolve) => setTimeout(resolve, delayMs))
    }
  }
  return call()
}
