/** The closed set of error codes. One table maps each code to its HTTP status, title and public text. */

interface ErrorEntry {
  readonly status: number
  readonly title: string
  /** The public text, also shown by GET /errors/{code}. It never repeats what was sent. */
  readonly detail: string
}

export const ERRORS = {
  malformed_request: {
    status: 400,
    title: 'Malformed request',
    detail:
      'The request is not valid HTTP: the Host header is not a host name, the body is incomplete, or a GET or HEAD request to an origin has a body.',
  },
  malformed_json: {
    status: 400,
    title: 'Malformed JSON',
    detail: 'The body must be one JSON object in UTF-8.',
  },
  client_ip_unknown: {
    status: 400,
    title: 'IP address unknown',
    detail:
      'The IP address of the requester is missing or invalid. The proxy in front of the service must send it.',
  },
  invalid_credentials: {
    status: 401,
    title: 'Invalid credentials',
    detail: 'The identifier or the password is incorrect.',
  },
  invalid_token: {
    status: 401,
    title: 'Invalid access token',
    detail: 'The access token is missing, malformed or expired, or its session has ended.',
  },
  invalid_refresh_token: {
    status: 401,
    title: 'Invalid refresh token',
    detail: 'The refresh token is unknown or expired, or its session has ended. Log in again.',
  },
  refresh_token_reused: {
    status: 401,
    title: 'Refresh token reused',
    detail:
      'This refresh token had already been replaced. The service ended its session, because the token may have been stolen. Log in again.',
  },
  insufficient_user_authentication: {
    status: 401,
    title: 'Fresh login required',
    detail:
      'The request needs a login within the last max_age seconds. Log in again, or send current_password where the request accepts it.',
  },
  insufficient_scope: {
    status: 403,
    title: 'Insufficient scope',
    detail: 'The access token lacks a required role or scope; "missing" names each of them.',
  },
  challenge_required: {
    status: 403,
    title: 'Challenge required',
    detail: 'Solve the challenge and send the solution as "challenge".',
  },
  challenge_failed: {
    status: 403,
    title: 'Challenge failed',
    detail:
      'The solution of the challenge was not accepted. Solve the new challenge. "reasons" says why: malformed, expired, already_used, wrong_action, wrong_client (solved at another IP address), unsolved, difficulty_too_low (the required difficulty has risen since the challenge was issued) or rejected (not a challenge of this service).',
  },
  account_disabled: {
    status: 403,
    title: 'Account disabled',
    detail: 'The account is disabled. Contact the operator of the service.',
  },
  registration_closed: {
    status: 403,
    title: 'Registration closed',
    detail: 'The service does not accept registrations at present.',
  },
  registration_not_allowed: {
    status: 403,
    title: 'Registration not allowed',
    detail: 'None of the given identifiers is on the list of identifiers that may register.',
  },
  origin_not_allowed: {
    status: 403,
    title: 'Origin not allowed',
    detail: 'A request that uses a cookie must have a configured Origin and the CSRF header.',
  },
  not_found: { status: 404, title: 'Not found', detail: 'No such resource.' },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    detail: 'The resource does not support this method. The Allow header names the methods that it supports.',
  },
  identifier_taken: {
    status: 409,
    title: 'Identifier taken',
    detail: 'An account with this identifier already exists.',
  },
  body_too_large: {
    status: 413,
    title: 'Body too large',
    detail: 'The body may have at most 16,384 bytes.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    detail: 'The request body must be application/json, without Content-Encoding.',
  },
  invalid_request: {
    status: 422,
    title: 'Invalid request',
    detail: 'One or more fields are missing, unknown or invalid; "errors" names each of them.',
  },
  weak_password: {
    status: 422,
    title: 'Weak password',
    detail:
      'The password does not meet the policy. "reasons" says why: too_short, too_long, too_simple (repeats a few characters, or follows the alphabet, the digits or a row of the keyboard), common (among the passwords that attackers try first, with or without digits and punctuation around it) or contains_identifier.',
  },
  too_many_registrations: {
    status: 429,
    title: 'Too many registrations',
    detail: 'Too many accounts were registered from this address. Retry-After says when to try again.',
  },
  too_many_login_failures: {
    status: 429,
    title: 'Too many failed logins',
    detail: 'Too many logins failed from this address. Retry-After says when to try again.',
  },
  too_many_client_failures: {
    status: 429,
    title: 'Too many failed client authentications',
    detail: 'Client authentication failed too often from this address. Retry-After says when to try again.',
  },
  bad_gateway: {
    status: 502,
    title: 'Bad gateway',
    detail: 'The origin behind the gateway is unavailable.',
  },
  gateway_timeout: {
    status: 504,
    title: 'Gateway timeout',
    detail: 'The origin behind the gateway did not respond in time.',
  },
  challenge_unavailable: {
    status: 503,
    title: 'Challenge unavailable',
    detail: 'The challenge provider is unavailable. Try again shortly.',
  },
  misconfigured: {
    status: 503,
    title: 'Service misconfigured',
    detail: 'A setting or secret of the service is missing or invalid. The log of the service says which.',
  },
  unavailable: {
    status: 503,
    title: 'Service unavailable',
    detail: 'A part of the service is unavailable. Try again shortly.',
  },
  internal: {
    status: 500,
    title: 'Internal error',
    detail: 'An unexpected error occurred. The request ID helps to find its cause.',
  },
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof ERRORS

/** @returns whether `text` is one of the service's error codes. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERRORS, text)
}

/** The errors of /oauth2 (RFC 6749 section 5.2). */
export const OAUTH_ERRORS = {
  invalid_request: {
    status: 400,
    description: 'A parameter is missing or repeated, or the request identifies the client in two ways.',
  },
  invalid_client: { status: 401, description: 'The client is unknown, or its authentication failed.' },
  invalid_grant: { status: 400, description: 'The token was issued to another client.' },
} as const

export type OAuthErrorCode = keyof typeof OAUTH_ERRORS
