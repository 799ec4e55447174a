/** Calls of the service. */
import { GatehouseError, toError } from './errors.ts'
import type { TokenAnswer } from './wire.ts'

/** No call takes longer. */
export const TIMEOUT_MS = 20_000
/**
 * A call that may be made twice is made again where its connection broke, since the answer may be lost: within the service's
 * grace of 10 s, in which a refresh token that was replaced still gets the same one.
 */
const PAUSES_MS = [500, 2_000]
const RETRIED_FOR_MS = 6_000

export class Service {
  readonly #url: string
  readonly #byCookie: boolean

  constructor(url: string, byCookie: boolean) {
    this.#url = url
    this.#byCookie = byCookie
  }

  /** Registers or logs in. @throws {GatehouseError} */
  async enter(path: '/auth/register' | '/auth/login', fields: object): Promise<TokenAnswer> {
    return this.#tokens(await this.#post(path, { ...fields, ...(this.#byCookie && { transport: 'cookie' }) }))
  }

  /** @param refreshToken null where a cookie has it. @throws {GatehouseError} */
  refresh(refreshToken: string | null): Promise<TokenAnswer> {
    return untilAnswered(async () => this.#tokens(await this.#postToken('/auth/refresh', refreshToken)))
  }

  /** @throws {GatehouseError} */
  async logOut(refreshToken: string | null): Promise<void> {
    await untilAnswered(() => this.#postToken('/auth/logout', refreshToken))
  }

  /** Ends a session of which only the access token is known. @throws {GatehouseError} */
  async logOutByAccessToken(accessToken: string): Promise<void> {
    await this.#send('/auth/logout', { headers: { Authorization: `Bearer ${accessToken}` } })
  }

  /** What stands between the page and the service may answer in its name. */
  async #tokens(answer: Response): Promise<TokenAnswer> {
    const body: Partial<TokenAnswer> | null = await answer.json().catch((cause) => {
      throw cause instanceof SyntaxError ? this.#strange() : this.#noAnswer(cause)
    })
    const { access_token, expires_in, user } = body ?? {}
    if (access_token === undefined || expires_in === undefined || user === undefined) throw this.#strange()
    const inBody = body?.refresh_token
    if (!this.#byCookie && inBody === undefined) throw this.#strange()
    return { access_token, expires_in, user, refresh_token: inBody }
  }

  #strange(): GatehouseError {
    return new GatehouseError('internal', `${this.#url} answered, but not as the service does.`)
  }

  #noAnswer(cause: unknown): GatehouseError {
    const hint = `offline, or CORS_ORIGINS does not name ${location.origin}`
    return new GatehouseError('network', `No answer from ${this.#url}: ${hint}.`, { cause })
  }

  #postToken(path: string, refreshToken: string | null): Promise<Response> {
    if (refreshToken !== null) return this.#post(path, { refresh_token: refreshToken })
    return this.#send(path, { headers: { 'X-Gatehouse-CSRF': '1' }, credentials: 'include' })
  }

  #post(path: string, body: object): Promise<Response> {
    const init = { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }
    return this.#send(path, { ...init, credentials: this.#byCookie ? 'include' : 'omit' })
  }

  async #send(path: string, init: RequestInit): Promise<Response> {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const answer = await fetch(this.#url + path, { method: 'POST', ...init, signal }).catch((cause) => {
      throw this.#noAnswer(cause)
    })
    if (!answer.ok) throw await toError(answer)
    return answer
  }
}

/** No try overtakes another: one that came to the service late would be taken for a thief's. */
async function untilAnswered<T>(call: () => Promise<T>): Promise<T> {
  const startMs = Date.now()
  for (const pauseMs of PAUSES_MS) {
    try {
      return await call()
    } catch (error) {
      const isLost = error instanceof GatehouseError && error.code === 'network' && navigator.onLine
      if (!isLost || Date.now() - startMs > RETRIED_FOR_MS) throw error
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }
  return call()
}
