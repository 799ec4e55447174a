/**
 * `gatehouse-edge/client`, the browser SDK: logs people in from a page and sends the access token to the page's APIs. It has
 * no dependencies, and all tabs of an origin share one session.
 */
import type { SolveChallenge } from './challenge.ts'
import { GatehouseError } from './errors.ts'
import { fetchWithToken, openWebSocket } from './requests.ts'
import { Service } from './service.ts'
import { Session } from './session.ts'
import { openStorage, type StorageChoice } from './storage.ts'
import type { Challenge, User } from './wire.ts'

export { challengeIn, type SolveChallenge, type WidgetOptions } from './challenge.ts'
export { type ErrorCode, GatehouseError } from './errors.ts'
export type { StorageChoice, TokenStorage } from './storage.ts'
export type { Challenge, FieldError, Problem, User } from './wire.ts'

export interface ClientOptions {
  /** The service's PUBLIC_URL, such as `https://auth.example.com`. */
  readonly url: string
  /** Origins to which the access token is sent, such as `https://api.example.com`. The service is always one of them. */
  readonly apis?: readonly string[]
  /** Where the refresh token is stored. Default: `localStorage`. */
  readonly storage?: StorageChoice
  /** Called when the service requires a challenge. Default: the call rejects with `challenge_required`. */
  readonly challenge?: SolveChallenge
  /** Whether the tabs of this origin share the session. Default: true. Set it to false for a storage that tabs do not share. */
  readonly tabs?: boolean
}

/** All calls reject with a GatehouseError. */
export interface Client {
  /** Creates an account and logs in. At least one identifier is required. */
  readonly register: (account: Registration) => Promise<User>
  readonly logIn: (credentials: Credentials) => Promise<User>
  /**
   * Ends the session, in every tab. Rejects with `network` if the service cannot be reached. The refresh token is then removed
   * from the storage, but the session continues at the service. In cookie mode nothing has changed.
   */
  readonly logOut: () => Promise<void>
  /** Returns the user who is logged in, or null. Rejects if it has to ask the service and cannot reach it. */
  readonly user: () => Promise<User | null>
  /**
   * Calls the listener when the user changes, in this tab or another: login, logout, another profile. Returns a function
   * that removes the listener.
   */
  readonly onChange: (listener: (user: User | null) => void) => () => void
  /**
   * `fetch` that sends the access token, to the APIs only. A token that is about to expire is renewed first. After a response
   * that refuses the token as invalid, the request is sent once more with a new token. Rejects as `fetch` does, and with a
   * GatehouseError if no token can be obtained.
   */
  readonly fetch: typeof fetch
  /**
   * Opens a WebSocket and sends the access token, to the APIs only. The token is sent as a subprotocol, because browsers cannot
   * set headers on a WebSocket. A token that is about to expire is renewed first. The gateway removes the token, and selects
   * `gatehouse` if the origin selects none of `protocols`.
   * @param url http, https, ws or wss; a relative URL is resolved against the page's
   * @param protocols subprotocols of the API, the preferred one first
   * @throws {GatehouseError} if no token can be obtained
   * @throws {DOMException} as `new WebSocket` does
   */
  readonly webSocket: (url: string | URL, protocols?: readonly string[]) => Promise<WebSocket>
}

export interface Registration {
  readonly username?: string
  readonly email?: string
  readonly phone?: string
  readonly password: string
}

export interface Credentials {
  /** A username, an email address or a phone number. */
  readonly identifier: string
  readonly password: string
  /** Space-separated scopes. They restrict what the tokens allow. */
  readonly scope?: string
}

/**
 * The service may require a second challenge for one call, and a solution may expire before it is sent. More challenges than
 * this end the call.
 */
const MAX_CHALLENGES = 3

/** @throws {TypeError} if a URL is invalid */
export function createClient(options: ClientOptions): Client {
  const url = new URL(options.url).origin
  const trusted = new Set([url, ...(options.apis ?? []).map(toOrigin)])
  const name = `gatehouse ${url}`
  const storage = openStorage(options.storage ?? 'localStorage', name)
  // Tabs with another kind of storage, or with another version of the tab protocol, do not share this session.
  const tabGroup = `${name} ${storage === null ? 'cookie' : 'token'} 2`
  const service = new Service(url, storage === null)
  const session = new Session(service, storage, options.tabs === false ? null : tabGroup)
  const authenticate = (path: '/auth/register' | '/auth/login', fields: object) =>
    withChallenges(options.challenge, (solution) => {
      const body = { ...fields, ...(solution !== null && { challenge: solution }) }
      return session.start(() => service.authenticate(path, body))
    })
  return {
    register: (account) => authenticate('/auth/register', account),
    logIn: (credentials) => authenticate('/auth/login', credentials),
    logOut: () => session.end(),
    user: async () => (await session.current())?.user ?? null,
    onChange: (listener) => session.onChange(listener),
    fetch: (input, init) => fetchWithToken(session, trusted, input, init),
    webSocket: (url, protocols = []) => openWebSocket(session, trusted, url, protocols),
  }
}

function toOrigin(api: string): string {
  const { origin, pathname } = new URL(api)
  if (pathname === '/') return origin
  throw new TypeError(`apis: "${api}" must be an origin without a path`)
}

/** Calls without a solution first, then with the solution of each challenge that the service requires. */
async function withChallenges(
  solve: SolveChallenge | undefined,
  call: (solution: string | null) => Promise<User>,
): Promise<User> {
  let challenge: Challenge | null = null
  for (let solved = 0; ; solved++) {
    const attempt = new AbortController()
    try {
      const solution = challenge === null ? null : await solve?.(challenge, attempt.signal)
      return await call(solution ?? null)
    } catch (error) {
      challenge = challengeOf(error)
      if (challenge === null || solve === undefined || solved === MAX_CHALLENGES) throw error
    } finally {
      attempt.abort()
    }
  }
}

function challengeOf(error: unknown): Challenge | null {
  return (error instanceof GatehouseError && error.problem?.challenge) || null
}
