/** HTTP requests to the service. */
import { GatehouseError, isLostResponse, toError } from './errors.ts'
import type { Session, TokenResponse, User } from './wire.ts'

/**
 * An idempotent request is repeated if its connection broke, because the response may have been lost. The service gives a
 * replaced refresh token the same successor within a grace of 10 s, so repetitions must come within that time.
 */
const RETRY_DELAYS_MS = [500, 2_000]
const MAX_RETRY_MS = 6_000

const JSON_TYPE = { 'Content-Type': 'application/json' }

export type Connect = (deadline: AbortSignal) => Service

/** The service, for the requests of one call. */
export class Service {
  readonly #url: string
  readonly #credentials: 'include' | 'omit'
  readonly #deadline: AbortSignal

  /** @param deadline ends requests, and repetitions */
  constructor(url: string, usesCookie: boolean, deadline: AbortSignal) {
    this.#url = url
    this.#credentials = usesCookie ? 'include' : 'omit'
    this.#deadline = deadline
  }

  /** Registers or logs in. @throws {GatehouseError} */
  async authenticate(path: '/auth/register' | '/auth/login', fields: object): Promise<TokenResponse> {
    const transport = this.#credentials === 'include' ? 'cookie' : 'body'
    return this.#tokens(await this.#post(path, { ...fields, transport }))
  }

  /** @param refreshToken null if it is in a cookie. @throws {GatehouseError} */
  refresh(refreshToken: string | null): Promise<TokenResponse> {
    return this.withRetries(async () => this.#tokens(await this.#postToken('/auth/refresh', refreshToken)))
  }

  /** @throws {GatehouseError} */
  async logOut(refreshToken: string | null): Promise<void> {
    await this.withRetries(() => this.#postToken('/auth/logout', refreshToken))
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
    const hint = `the browser is offline, the service is slow or redirects, or CORS_ORIGINS does not contain ${location.origin}`
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
    // The service redirects none of these requests. Another host must not get a password or a token.
    const request: RequestInit = { method: 'POST', ...init, signal: this.#deadline, redirect: 'error' }
    const response = await fetch(this.#url + path, request).catch((cause) => {
      throw this.#networkError(cause)
    })
    if (!response.ok) throw await toError(response)
    return response
  }

  /**
   * Repeats a request whose response may have been lost, at most twice. Tries one after the other: an old refresh token that
   * reached the service late would look stolen.
   */
  async withRetries<T>(call: () => Promise<T>): Promise<T> {
    const startMs = Date.now()
    for (const delayMs of RETRY_DELAYS_MS) {
      try {
        return await call()
      } catch (error) {
        const isLate = this.#deadline.aborted || Date.now() - startMs > MAX_RETRY_MS
        if (isLate || !isLostResponse(error) || !navigator.onLine) throw error
        await new Promise((resolve) => setTimeout(resolve, delayMs))
      }
    }
    return call()
  }
}
