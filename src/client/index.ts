/**
 * `gatehouse-edge/client`, the browser SDK: logs people in from a page and sends the access token to the page's APIs. It has
 * no dependencies, and all tabs of an origin share one session.
 */
import { Account, type Confirmation, type PasswordChange, type ProfileChange } from './account.ts'
import { type Solution, type SolveChallenge, withChallenges } from './challenge.ts'
import { fetchWithToken, openWebSocket } from './requests.ts'
import { type Connect, Service } from './service.ts'
import { TabSession } from './session.ts'
import { openStorage, type StorageChoice } from './storage.ts'
import type { Session, User } from './wire.ts'

export type { Confirmation, PasswordChange, ProfileChange } from './account.ts'
export { challengeIn, type SolveChallenge, type WidgetOptions } from './challenge.ts'
export { type ErrorCode, GatehouseError } from './errors.ts'
export type { StorageChoice, TokenStorage } from './storage.ts'
export type { Challenge, FieldError, PasswordReason, Problem, Session, User } from './wire.ts'

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

/**
 * Calls that return a promise never throw: they reject, with a GatehouseError if the service or the browser is the cause. Errors of
 * the app's own `storage` and `challenge`, and a TypeError for arguments that the types exclude, are passed on as they are. Calls
 * about the account reject with `invalid_token` if the browser has no session, or it has ended.
 */
export interface Client<Claims extends object = Record<string, unknown>> {
  /** Creates an account and logs in. At least one identifier is required. */
  readonly register: (account: Registration) => Promise<User<Claims>>
  readonly logIn: (credentials: Credentials) => Promise<User<Claims>>
  /**
   * Ends the session, in every tab. Rejects with `network` if the service cannot be reached. The refresh token is then removed
   * from the storage, but the session continues at the service. In cookie mode nothing has changed.
   */
  readonly logOut: () => Promise<void>
  /** Returns the user who is logged in, or null. Rejects if it has to ask the service and cannot reach it. */
  readonly user: () => Promise<User<Claims> | null>
  /**
   * Calls the listener when the user changes, in this tab or another: login, logout, another profile. Returns a function
   * that removes the listener.
   */
  readonly onChange: (listener: (user: User<Claims> | null) => void) => () => void
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
  /**
   * Returns the access token, or null without a session, for libraries that send it themselves.
   * A token that is about to expire is renewed first, so it is valid for at least 30 seconds, or a quarter of a shorter
   * lifetime; for less if it has not expired and the service cannot be reached. Ask for it again for each use.
   */
  readonly accessToken: () => Promise<string | null>
  /**
   * Sets or clears the name, the picture, the locale, the time zone, and, with the current password, identifiers. Returns the
   * user, and calls the listeners of `onChange` in every tab. Rejects with `invalid_credentials` if the password is wrong.
   */
  readonly updateProfile: (change: ProfileChange) => Promise<User<Claims>>
  /**
   * Changes the password and ends every other session. This one continues in every tab. Rejects with `invalid_credentials` if
   * the current password is wrong. After `network` the password may have changed.
   */
  readonly changePassword: (passwords: PasswordChange) => Promise<void>
  /** Lists the user's sessions, the last used first. */
  readonly sessions: () => Promise<readonly Session[]>
  /**
   * Ends a session. Ending the current one logs out, in every tab. If the login is more than 15 minutes old, another one
   * needs the password: without it the call rejects with `insufficient_user_authentication`.
   */
  readonly endSession: (id: string, confirmation?: Confirmation) => Promise<void>
  /** Ends all sessions but the current one. Needs the password as `endSession` does. */
  readonly endOtherSessions: (confirmation?: Confirmation) => Promise<void>
  /** Deletes the account, and logs out in every tab. */
  readonly deleteAccount: (confirmation: Confirmation) => Promise<void>
}

export interface Registration {
  readonly username?: string
  readonly email?: string
  readonly phone?: string
  readonly name?: string
  /** An https URL. */
  readonly picture?: string
  /** BCP 47. */
  readonly locale?: string
  /** An IANA time zone. */
  readonly zoneinfo?: string
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
 * @typeParam Claims the claims that operators grant to accounts, which the SDK does not check
 * @throws {TypeError} if a URL is invalid
 */
export function createClient<Claims extends object = Record<string, unknown>>(
  options: ClientOptions,
): Client<Claims>
export function createClient(options: ClientOptions): Client {
  const url = new URL(options.url).origin
  const trusted = new Set([url, ...(options.apis ?? []).map(toOrigin)])
  const name = `gatehouse ${url}`
  const storage = openStorage(options.storage ?? 'localStorage', name)
  // Tabs with another kind of storage, or with another version of the tab protocol, do not share this session.
  const tabGroup = `${name} ${storage === null ? 'cookie' : 'token'} 2`
  const connect: Connect = (deadline) => new Service(url, storage === null, deadline)
  const session = new TabSession(connect, storage, options.tabs === false ? null : tabGroup)
  const account = new Account(session)
  const solving = <T>(call: (solution: Solution) => Promise<T>) => withChallenges(options.challenge, call)
  const authenticate = (path: '/auth/register' | '/auth/login', fields: object) =>
    solving((solution) => session.start((service) => service.authenticate(path, { ...fields, ...solution })))
  return {
    register: (fields) => authenticate('/auth/register', fields),
    logIn: (credentials) => authenticate('/auth/login', credentials),
    logOut: () => session.end(),
    user: async () => (await session.current())?.user ?? null,
    onChange: (listener) => session.onChange(listener),
    fetch: (input, init) => fetchWithToken(session, trusted, input, init),
    webSocket: (url, protocols = []) => openWebSocket(session, trusted, url, protocols),
    accessToken: async () => (await session.current())?.accessToken ?? null,
    updateProfile: (fields) => solving((solution) => account.updateProfile({ ...fields, ...solution })),
    changePassword: async (passwords) => solving(account.passwordChange(passwords)),
    sessions: () => account.sessions(),
    endSession: (id, fields) => solving((solution) => account.endSession(id, { ...fields, ...solution })),
    endOtherSessions: (fields) => solving((solution) => account.endOtherSessions({ ...fields, ...solution })),
    deleteAccount: (fields) => solving((solution) => account.deleteAccount({ ...fields, ...solution })),
  }
}

function toOrigin(api: string): string {
  const { origin, pathname } = new URL(api)
  if (pathname === '/') return origin
  throw new TypeError(`apis: "${api}" must be an origin without a path`)
}
