/** What travels with a request through middleware and handlers. */
import type { Context } from 'hono'
import type { ErrorCode, OAuthErrorCode } from '../errors/service-error.ts'
import type { RequestLogFields, Services } from '../services.ts'
import type { ActiveSession } from '../sessions/account-rpc.ts'

export interface AppEnv {
  Variables: {
    services: Services
    requestId: string
    /** The request's body as it came, at most 16,384 bytes. */
    body: Uint8Array
    /** Whether the refresh token came as a cookie. */
    byCookie: boolean
    /** The session that a Bearer token speaks for. */
    activeSession: ActiveSession
    /** Who administrates: `admin_token`, or an account's id. Also for the log line. */
    admin: string
    /** For the log line. */
    accountId: string | undefined
    /** The client that called, or that was changed. For the log line. */
    clientId: string | undefined
    /** What actions add to the log line. */
    requestLogFields: RequestLogFields | undefined
    /** Where the request went, in place of the pattern that matched it. For the log line. */
    route: string | undefined
    /** Whether a request was let through that whoever asked about it logs. */
    skipRequestLog: true | undefined
    /** Whether the answer is an origin's, and stays as that made it. */
    isProxied: true | undefined
    errorCode: ErrorCode | OAuthErrorCode | undefined
  }
}

export type AppContext = Context<AppEnv>
