/** What the /oauth2 calls say beside the service's own errors (RFC 6749 section 5.2): code, status and text. */

export const OAUTH_ERRORS = {
  invalid_request: {
    status: 400,
    description: 'A parameter is missing or stands there twice, or the client says in two ways who it is.',
  },
  invalid_client: { status: 401, description: 'The client is unknown, or its authentication is wrong.' },
  invalid_grant: { status: 400, description: 'The token was issued to another client.' },
} as const

export type OAuthErrorCode = keyof typeof OAUTH_ERRORS

export class OAuthError extends Error {
  readonly code: OAuthErrorCode

  constructor(code: OAuthErrorCode) {
    super(code)
    this.name = 'OAuthError'
    this.code = code
  }
}
