/** Why a request may not pass, and how that is answered (RFC 6750 section 3). */

const REFUSALS = {
  /** No Bearer token was sent: no error code is said (RFC 6750 section 3.1). */
  missing_token: { status: 401, title: 'Bearer token missing' },
  /** It is malformed, expired, forged, or of another issuer or audience. */
  invalid_token: { status: 401, title: 'Invalid token' },
  /** A role or a scope that is needed is lacking. */
  insufficient_scope: { status: 403, title: 'Insufficient scope' },
  /** The issuer's keys are out of reach, and none is known that could tell. */
  keys_unavailable: { status: 503, title: 'Keys of the issuer unavailable' },
} as const

export type RefusalCode = keyof typeof REFUSALS

/**
 * Why a token is not valid, for the log: the sender is not told. One reason is given, the first in this order, in which the
 * claims come after the signature.
 */
export type InvalidTokenReason =
  /** It cannot be read; or, after `type`, a claim is missing or has the wrong type. */
  | 'malformed'
  /** It names an algorithm that is not accepted, or not the one of its key. */
  | 'algorithm'
  /** It names no key, or none that the issuer has, or none of the decryption keys. */
  | 'unknown_key'
  | 'signature'
  /** It is another kind of JWT. */
  | 'type'
  | 'issuer'
  | 'audience'
  | 'not_yet_valid'
  | 'expired'

interface VerificationErrorOptions extends ErrorOptions {
  /** What is needed, for `insufficient_scope`. */
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
  /** What the answer must carry: `WWW-Authenticate`, or `Retry-After`. */
  readonly headers: Readonly<Record<string, string>>
  /** Of `invalid_token`, for the log alone: it is not in the answer. Undefined for every other code. */
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

/** An answer in full, with a problem (RFC 9457) as its body. */
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
  const needed = scope.length > 0 ? [`scope="${scope.join(' ')}"`] : []
  return { 'WWW-Authenticate': ['Bearer realm="gatehouse"', ...error, ...needed].join(', ') }
}
