/** How an error is answered: where OAuth is spoken as its RFCs say, else with a problem. */

import { OAuthError } from '../errors/oauth-error.ts'
import type { ServiceError } from '../errors/service-error.ts'
import type { AppContext } from './context.ts'
import { oauthErrorResponse } from './oauth-error.ts'
import { problemResponse, toServiceError } from './problem.ts'

const OAUTH_PATHS = '/oauth2/'

/** @param publicUrl the service's own address; null where it is not known, because it is misconfigured */
export function errorResponse(c: AppContext, error: ServiceError, publicUrl: string | null): Response {
  return c.req.path.startsWith(OAUTH_PATHS)
    ? oauthErrorResponse(c, error)
    : problemResponse(c, error, publicUrl)
}

export function faultResponse(c: AppContext, error: unknown, publicUrl: string | null): Response {
  if (error instanceof OAuthError) return oauthErrorResponse(c, error)
  return errorResponse(c, toServiceError(c, error), publicUrl)
}
