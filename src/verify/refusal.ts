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

const RETRY_AFTER_SECONDS = 5

export class VerificationError extends Error {
  override readonly name = 'VerificationError'
  readonly code: RefusalCode
  /** 401, 403 or 503. */
  readonly status: number
  /** What the answer must carry: `WWW-Authenticate`, or `Retry-After`. */
  readonly headers: Readonly<Record<string, string>>

  /** @param scope what is needed, for `insufficient_scope` */
  constructor(code: RefusalCode, options: ErrorOptions & { readonly scope?: readonly string[] } = {}) {
    const { status, title } = REFUSALS[code]
    super(title, options)
    this.code = code
    this.status = status
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
