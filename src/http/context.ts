/** The variables of a request that middleware and handlers share. */
import type { Context } from 'hono'
import type { ErrorCode, OAuthErrorCode } from '../errors/codes.ts'
import type { RequestLogFields, Services } from '../services.ts'
import type { ActiveSession } from '../sessions/account-rpc.ts'

export interface AppEnv {
  Variables: {
    services: Services
    requestId: string
    /** The request's body as it was received, at most 16,384 bytes. */
    body: Uint8Array
    /** Whether the refresh token was sent as a cookie. */
    tokenFromCookie: boolean
    /** The session of the Bearer token. */
    activeSession: ActiveSession
    /** The administrator: `admin_token` or an account's id. Also for the log line. */
    admin: string
    /** For the log line. */
    accountId: string | undefined
    /** The OAuth client that sent the request or was changed by it. For the log line. */
    clientId: string | undefined
    /** Fields that actions add to the log line. */
    requestLogFields: RequestLogFields | undefined
    /** The gateway's route, which the log line has in place of the matched pattern. */
    route: string | undefined
    /** Whether to write no log line: forward auth let the request pass, and the proxy that asked logs it. */
    skipRequestLog: true | undefined
    /** Whether the response is an origin's, which must not be changed. */
    isProxied: true | undefined
    errorCode: ErrorCode | OAuthErrorCode | undefined
  }
}

export type AppContext = Context<AppEnv>
