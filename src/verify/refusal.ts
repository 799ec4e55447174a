/** Why a request is refused, and the response to it (RFC 6750 section 3). */

const REFUSALS = {
  /** No Bearer token was sent. The response names no error code (RFC 6750 section 3.1). */
  missing_token: { status: 401, title: 'Bearer token missing' },
  /** The token is malformed, expired, forged, or of another issuer or audience. */
  invalid_token: { status: 401, title: 'Invalid token' },
  /** A required role or scope is missing. */
  insufficient_scope: { status: 403, title: 'Insufficient scope' },
  /** The issuer's keys cannot be read, and no cached key can verify the token. */
  keys_unavailable: { status: 503, title: 'Keys of the issuer unavailable' },
} as const

export type RefusalCode = keyof typeof REFUSALS

/**
 * Why a token is not valid. For logs only: responses do not contain it. It is the first reason that applies, in this order;
 * the signature is checked before the claims.
 */
export type InvalidTokenReason =
  /** The token cannot be parsed; or, after `type`, a claim is missing or has the wrong type. */
  | 'malformed'
  /** Its algorithm is not accepted, or is not that of its key. */
  | 'algorithm'
  /** Its key id is missing, or belongs to no key of the issuer, or to none of the decryption keys. */
  | 'unknown_key'
  | 'signature'
  /** The token is another kind of JWT. */
  | 'type'
  | 'issuer'
  | 'audience'
  | 'not_yet_valid'
  | 'expired'

interface VerificationErrorOptions extends ErrorOptions {
  /** The required scopes, for `insufficient_scope`. */
  readonly scope?: readonly string[]
  /** For `invalid_token`. */
  readonly reason?: InvalidTokenReason
}

const RETRY_AFTER_SECONDS = 5

export class VerificationError extends Error {
  override readonly name = 'VerificationError'
  readonly code: RefusalCode
  /** 401, 403 or 503. */
  readonly status: number
  /** Headers that the response must have: `WWW-Authenticate` or `Retry-After`. */
  readonly headers: Readonly<Record<string, string>>
  /** For `invalid_token`: the reason, for logs only. It is not part of the response. Undefined for every other code. */
  readonly reason: InvalidTokenReason | undefined

  constructor(code: RefusalCode, options: VerificationErrorOptions = {}) {
    const { status, title } = REFUSALS[code]
    super(title, options)
    this.code = code
    this.status = status
    this.reason = options.reason
    this.headers = headersOf(code, options.scope ?? [])
  }
}

/** A complete response, with a problem (RFC 9457) as its body. */
export interface Refusal {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export function refusalOf({ code, status, headers, message: title }: VerificationError): Refusal {
  const body = JSON.stringify({ type: 'about:blank', title, status, code })
  return { status, headers: { ...headers, 'Content-Type': 'application/problem+json' }, body }
}

function headersOf(code: RefusalCode, scope: readonly string[]): Readonly<Record<string, string>> {
  if (code === 'keys_unavailable') return { 'Retry-After': String(RETRY_AFTER_SECONDS) }
  const error = code === 'missing_token' ? [] : [`error="${code}"`]
  const required = scope.length > 0 ? [`scope="${scope.join(' ')}"`] : []
  return { 'WWW-Authenticate': ['Bearer realm="gatehouse"', ...error, ...required].join(', ') }
}
