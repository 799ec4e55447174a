/** The variables of a request that middleware and handlers share. */
import type { Context } from 'hono'
import type { RequestContext, RequestLogFields } from '../actions/request-context.ts'
import type { ErrorCode, OAuthErrorCode } from '../errors/codes.ts'

export interface AppEnv {
  Variables: {
    ctx: RequestContext
    requestId: string
    /** The request's body as it was received, at most 16,384 bytes. Undefined where it may be missing and is. */
    body: Uint8Array | undefined
    /** The body as an object: parsed, or what replaces a missing one. */
    parsedBody: Readonly<Record<string, unknown>>
    /** Whether the refresh token was sent as a cookie. */
    tokenFromCookie: boolean
    /** Fields that actions add to the log line. */
    requestLogFields: RequestLogFields | undefined
    /** The gateway's route, which the log line has in place of the matched pattern. */
    route: string | undefined
    /** Whether to write no log line for the request, because it succeeded and its line would only be one of many. */
    skipRequestLog: true | undefined
    /** Whether the response is an origin's, which must not be changed. */
    isProxied: true | undefined
    /** Of the account whose session a page has read: a BCP 47 tag. */
    accountLocale: string | null | undefined
    errorCode: ErrorCode | OAuthErrorCode | undefined
  }
}

export type AppContext = Context<AppEnv>
