/**
 * The closed set of error codes and the one table from code to status, title and public text. Refusals and faults are
 * thrown as ServiceError; everything else that is thrown becomes 500 `internal`.
 */
import type { Challenge } from '../challenge/challenge.ts'
import { DEADLINE_MS, withDeadline } from '../runtime/deadline.ts'
import type { Names } from '../verify/bearer.ts'

interface ErrorEntry {
  readonly status: number
  readonly title: string
  /** What a person is told; also the text of GET /errors/{code}. Never repeats what was sent. */
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
    title: 'Client address unknown',
    detail:
      'The request carries no usable client address. The deployment in front of the service must send it.',
  },
  invalid_credentials: {
    status: 401,
    title: 'Invalid credentials',
    detail: 'The identifier or the password is wrong.',
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
      'This refresh token had been replaced already, so its session was ended for safety. Log in again.',
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
    detail: 'The access token lacks a role or scope that the call needs; "missing" names each of them.',
  },
  challenge_required: {
    status: 403,
    title: 'Challenge required',
    detail: 'Solve the challenge and send its answer as "challenge".',
  },
  challenge_failed: {
    status: 403,
    title: 'Challenge failed',
    detail:
      'The challenge answer was not accepted. Solve the fresh challenge. "reasons" says why: malformed, expired, already_used, wrong_action, wrong_client (solved at another address), unsolved, difficulty_too_low (more is asked by now) or rejected (not a challenge of this service).',
  },
  account_disabled: {
    status: 403,
    title: 'Account disabled',
    detail: 'The account is disabled. Ask the operator of the service.',
  },
  registration_closed: {
    status: 403,
    title: 'Registration closed',
    detail: 'The service takes no registrations at present.',
  },
  registration_not_allowed: {
    status: 403,
    title: 'Registration not allowed',
    detail: 'None of the identifiers given is on the list of those that may register.',
  },
  origin_not_allowed: {
    status: 403,
    title: 'Origin not allowed',
    detail: 'A call with a cookie needs a configured Origin and the CSRF header.',
  },
  not_found: { status: 404, title: 'Not found', detail: 'There is nothing at this address.' },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    detail: 'The address exists, but not for this method. The Allow header names those that it has.',
  },
  identifier_taken: {
    status: 409,
    title: 'Identifier taken',
    detail: 'An account with this identifier exists already.',
  },
  body_too_large: {
    status: 413,
    title: 'Body too large',
    detail: 'The body may have 16,384 bytes at most.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    detail: 'The request body must be application/json, without Content-Encoding.',
  },
  invalid_request: {
    status: 422,
    title: 'Invalid request',
    detail: 'One or more fields are missing, unknown or wrong; "errors" names each of them.',
  },
  weak_password: {
    status: 422,
    title: 'Weak password',
    detail:
      'The password does not meet the policy. "reasons" says why: too_short, too_long, too_simple (repeats a few characters, or follows the alphabet, the digits or a row of the keyboard), common (among those that everybody tries first, with or without digits and punctuation around it) or contains_identifier.',
  },
  too_many_registrations: {
    status: 429,
    title: 'Too many registrations',
    detail: 'Too many accounts were registered from this address. Retry-After says when to try again.',
  },
  too_many_login_failures: {
    status: 429,
    title: 'Too many failed log ins',
    detail: 'Too many log ins failed from this address. Retry-After says when to try again.',
  },
  too_many_client_failures: {
    status: 429,
    title: 'Too many failed client authentications',
    detail: 'Client authentication failed too often from this address. Retry-After says when to try again.',
  },
  bad_gateway: {
    status: 502,
    title: 'Bad gateway',
    detail: 'The origin behind the gateway cannot be reached.',
  },
  gateway_timeout: {
    status: 504,
    title: 'Gateway timeout',
    detail: 'The origin behind the gateway is too slow.',
  },
  challenge_unavailable: {
    status: 503,
    title: 'Challenge unavailable',
    detail: 'The challenge provider is out of reach. Try again shortly.',
  },
  misconfigured: {
    status: 503,
    title: 'Service misconfigured',
    detail: 'A setting or secret of the service is missing or wrong. Its log says which.',
  },
  unavailable: {
    status: 503,
    title: 'Service unavailable',
    detail: 'A part of the service is out of reach. Try again shortly.',
  },
  internal: {
    status: 500,
    title: 'Internal error',
    detail: 'The service failed. The request id helps to find out why.',
  },
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof ERRORS

/** @returns whether `text` is one of the service's error codes. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERRORS, text)
}

/** What a problem answer carries beside the standard members, by its names on the wire. */
export interface ProblemMembers {
  /** In place of the code's own text. */
  readonly detail?: string
  readonly field?: string
  readonly errors?: readonly FieldError[]
  readonly reasons?: readonly string[]
  readonly max_age?: number
  readonly missing?: Names
  readonly challenge?: Challenge
  readonly registered?: true
  readonly changed?: true
}

export interface FieldError {
  /** The top-level JSON name. */
  readonly field: string
  readonly message: string
  /** What is against a password. */
  readonly reasons?: readonly string[]
}

export class ServiceError extends Error {
  readonly code: ErrorCode
  readonly members: ProblemMembers
  /** When it makes sense to try again, where that is known. */
  readonly retryAfterSeconds: number | undefined

  /** @param options `cause` goes to the log, never into the answer. */
  constructor(code: ErrorCode, members: ProblemMembers = {}, options: ServiceErrorOptions = {}) {
    super(code, options)
    this.name = 'ServiceError'
    this.code = code
    this.members = members
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

interface ServiceErrorOptions extends ErrorOptions {
  readonly retryAfterSeconds?: number
}

/** A write whose answer and read-back are both lost: nobody knows whether it took. */
export class UnconfirmedWriteError extends ServiceError {
  constructor(cause: unknown) {
    super('unavailable', {}, { cause })
    this.name = 'UnconfirmedWriteError'
  }
}

/**
 * Awaits work of a dependency (D1, a Durable Object) in time; any error of it becomes 503 `unavailable`.
 * @throws {ServiceError} `unavailable`, with the error as its cause
 */
export async function orUnavailable<T>(
  work: PromiseLike<T>,
  members: ProblemMembers = {},
  deadlineMs = DEADLINE_MS,
): Promise<T> {
  try {
    return await withDeadline(work, deadlineMs)
  } catch (cause) {
    throw new ServiceError('unavailable', members, { cause })
  }
}

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
