/**
 * `gatehouse-edge/client`: log in from a page, and carry the access token to its APIs. Runs in browsers, depends on nothing,
 * and keeps all tabs of the origin on one session.
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
  /** Origins that get the access token, such as `https://api.example.com`; the service itself is always one. */
  readonly apis?: readonly string[]
  /** Where the refresh token is kept. Default: `localStorage`. */
  readonly storage?: StorageChoice
  /** Asked for when the service wants a challenge solved. Default: the call rejects with `challenge_required`. */
  readonly challenge?: SolveChallenge
  /** Whether the tabs of this origin share the session. Default: true; false for a storage that they do not share. */
  readonly tabs?: boolean
}

/** Every call rejects with a GatehouseError. */
export interface Client {
  /** Makes an account and logs in. One identifier or more. */
  readonly register: (account: Registration) => Promise<User>
  readonly logIn: (credentials: Credentials) => Promise<User>
  /**
   * Ends the session, in every tab. Rejects with `network` where the service is out of reach: the refresh token is
   * forgotten here then, but the session lives on; one with a cookie stays.
   */
  readonly logOut: () => Promise<void>
  /** Who is logged in; null for nobody. Rejects where the service must be asked, and is out of reach. */
  readonly user: () => Promise<User | null>
  /** Calls when somebody logs in or out, or changes, here or in another tab. Returns what stops it. */
  readonly onChange: (listener: (user: User | null) => void) => () => void
  /**
   * `fetch`, with the access token for the APIs alone. A token that expires is renewed before; one that is refused as
   * invalid, once. Rejects as `fetch` does, and with a GatehouseError where no token can be had.
   */
  readonly fetch: typeof fetch
  /**
   * Opens a WebSocket, with the access token for the APIs alone: as a subprotocol, since a browser can set no header there.
   * A token that expires is renewed before. The gateway takes the token out and selects `gatehouse` where the origin selects
   * none of `protocols`.
   * @param url http, https, ws or wss; relative ones are the page's
   * @param protocols subprotocols of the API, the preferred one first
   * @throws {GatehouseError} where no token can be had
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
  /** Scopes, space-separated, that narrow what the tokens allow. */
  readonly scope?: string
}

/** Some rules ask twice, and an answer may expire meanwhile; more than this is no log in. */
const MAX_CHALLENGES = 3

/** @throws {TypeError} where an address is none */
export function createClient(options: ClientOptions): Client {
  const url = new URL(options.url).origin
  const trusted = new Set([url, ...(options.apis ?? []).map(toOrigin)])
  const name = `gatehouse ${url}`
  const storage = openStorage(options.storage ?? 'localStorage', name)
  // Tabs of another kind of storage, or of a client that speaks otherwise, are another session's.
  const shared = `${name} ${storage === null ? 'cookie' : 'token'} 1`
  const service = new Service(url, storage === null)
  const session = new Session(service, storage, options.tabs === false ? null : shared)
  const enter = (path: '/auth/register' | '/auth/login', fields: object) =>
    withChallenges(options.challenge, (answer) =>
      session.begin(() => service.enter(path, { ...fields, ...(answer !== null && { challenge: answer }) })),
    )
  return {
    register: (account) => enter('/auth/register', account),
    logIn: (credentials) => enter('/auth/login', credentials),
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
  throw new TypeError(`apis: "${api}" must be an origin, without a path`)
}

/** Tries without an answer, then with the answer to each challenge that is asked for. */
async function withChallenges(
  solve: SolveChallenge | undefined,
  call: (answer: string | null) => Promise<User>,
): Promise<User> {
  let challenge: Challenge | null = null
  for (let solved = 0; ; solved++) {
    const attempt = new AbortController()
    try {
      const answer = challenge === null ? null : await solve?.(challenge, attempt.signal)
      return await call(answer ?? null)
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
