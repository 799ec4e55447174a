/** The responses of the service, as the HTTP API defines them. */

/** @typeParam Claims the claims that operators grant; the SDK does not check them */
export interface User<Claims extends object = Record<string, unknown>> {
  readonly id: string
  readonly username: string | null
  readonly email: string | null
  readonly email_verified: boolean
  /** E.164. */
  readonly phone: string | null
  readonly phone_verified: boolean
  readonly name: string | null
  /** An https URL. */
  readonly picture: string | null
  /** BCP 47. */
  readonly locale: string | null
  /** An IANA time zone. */
  readonly zoneinfo: string | null
  /** RFC 3339. */
  readonly created_at: string
  readonly updated_at: string
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
  readonly claims: Readonly<Claims>
}

/** One login of the user in one browser. */
export interface Session {
  readonly id: string
  /** RFC 3339. */
  readonly created_at: string
  readonly last_used_at: string
  readonly expires_at: string
  /** Of the login, as are `user_agent`, `country` and `city`. */
  readonly ip: string | null
  readonly user_agent: string | null
  readonly country: string | null
  readonly city: string | null
  /** Whether this browser's tabs belong to it. */
  readonly current: boolean
}

export interface Challenge {
  readonly provider: 'altcha' | 'turnstile' | 'hcaptcha'
  readonly action: 'login' | 'register'
  /** The site key of the provider's widget. ALTCHA has none. */
  readonly site_key?: string
  /** ALTCHA's challenge, in the format of its widget. */
  readonly parameters?: object
}

export interface TokenResponse<Claims extends object = Record<string, unknown>> {
  readonly access_token: string
  readonly expires_in: number
  /** Missing if it was set as a cookie. */
  readonly refresh_token?: string | undefined
  readonly user: User<Claims>
}

/** Why a password is weak. */
export type PasswordReason = 'too_short' | 'too_long' | 'too_simple' | 'common' | 'contains_identifier'

/** An invalid field. */
export interface FieldError {
  /** Its name in the request. */
  readonly field: string
  readonly message: string
  /** Why a password is weak, if other fields are invalid as well. */
  readonly reasons?: readonly PasswordReason[]
}

/** Seconds, as in the `Retry-After` header. */
interface RetryAfter {
  readonly retry_after: number
}

/** Every error code of the service, and the members that its problem has in addition to `code` and `detail`. */
interface MembersByCode {
  malformed_request: object
  malformed_json: object
  client_ip_unknown: object
  invalid_credentials: object
  invalid_token: object
  invalid_refresh_token: object
  refresh_token_reused: object
  insufficient_user_authentication: {
    /** The maximum age of the login, in seconds. */
    readonly max_age: number
  }
  insufficient_scope: {
    /** The permissions that the token lacks. */
    readonly missing: { readonly roles: readonly string[]; readonly scope: readonly string[] }
  }
  challenge_required: { readonly challenge: Challenge }
  challenge_failed: { readonly challenge: Challenge; readonly reasons: readonly string[] }
  account_disabled: object
  registration_closed: object
  registration_not_allowed: object
  origin_not_allowed: object
  not_found: object
  method_not_allowed: object
  identifier_taken: { readonly field: 'username' | 'email' | 'phone' }
  body_too_large: object
  unsupported_media_type: object
  invalid_request: { readonly errors: readonly FieldError[] }
  weak_password: { readonly reasons: readonly PasswordReason[] }
  too_many_registrations: RetryAfter
  too_many_login_failures: RetryAfter
  too_many_client_failures: RetryAfter
  bad_gateway: object
  gateway_timeout: object
  challenge_unavailable: RetryAfter
  misconfigured: RetryAfter
  unavailable: RetryAfter & {
    /** The account was created nevertheless. Log in; do not register again. */
    readonly registered?: true
    /** The change was stored nevertheless. */
    readonly changed?: true
  }
  internal: object
}

/** The service's error codes. */
export type ServiceErrorCode = keyof MembersByCode

/**
 * Any code of a later version of the service, which never sends this text itself. It makes the compiler ask for a `default` in a
 * `switch` over the codes.
 */
export type LaterErrorCode = '%future added value'

/** A problem response (RFC 9457). Its code tells which members it has. */
export type Problem =
  | { [Code in ServiceErrorCode]: ProblemOf<Code> & MembersByCode[Code] }[ServiceErrorCode]
  | ProblemOf<LaterErrorCode>

interface ProblemOf<Code> {
  readonly code: Code
  readonly detail: string
}
