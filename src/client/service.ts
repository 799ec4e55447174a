/** Calls of the service. */
import { GatehouseError, toError } from './errors.ts'
import type { TokenAnswer } from './wire.ts'

const TIMEOUT_MS = 20_000
/** An answer that got lost is asked for again within the service's grace of 10 s, which then gives the same one. */
const RETRY_DELAYS_MS = [500, 2_000]

export class Service {
  readonly #url: string
  readonly #byCookie: boolean

  constructor(url: string, byCookie: boolean) {
    this.#url = url
    this.#byCookie = byCookie
  }

  /** Registers or logs in. @throws {GatehouseError} */
  async enter(path: '/auth/register' | '/auth/login', fields: object): Promise<TokenAnswer> {
    const answer = await this.#post(path, { ...fields, ...(this.#byCookie && { transport: 'cookie' }) })
    return answer.json()
  }

  /** @param refreshToken null where a cookie has it. @throws {GatehouseError} */
  async refresh(refreshToken: string | null): Promise<TokenAnswer> {
    const answer = await this.#again(() => this.#postToken('/auth/refresh', refreshToken))
    return answer.json()
  }

  /** @throws {GatehouseError} */
  async logOut(refreshToken: string | null): Promise<void> {
    await this.#again(() => this.#postToken('/auth/logout', refreshToken))
  }

  /** Ends a session of which only the access token is known. @throws {GatehouseError} */
  async logOutByAccessToken(accessToken: string): Promise<void> {
    await this.#send('/auth/logout', { headers: { Authorization: `Bearer ${accessToken}` } })
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
      const hint = `offline, or CORS_ORIGINS does not name ${location.origin}`
      throw new GatehouseError('network', `No answer from ${this.#url}: ${hint}.`, { cause })
    })
    if (!answer.ok) throw await toError(answer)
    return answer
  }

  async #again(call: () => Promise<Response>): Promise<Response> {
    for (const delayMs of RETRY_DELAYS_MS) {
      try {
        return await call()
      } catch (fault) {
        const lost = fault instanceof GatehouseError && fault.code === 'network' && navigator.onLine
        if (!lost) throw fault
        await new Promise((resolve) => setTimeout(resolve, delayMs))
      }
    }
    return call()
  }
}
