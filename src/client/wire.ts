/** What the service says, as it stands in the HTTP contract. */

export interface User {
  readonly id: string
  readonly username: string | null
  readonly email: string | null
  readonly email_verified: boolean
  /** E.164. */
  readonly phone: string | null
  readonly phone_verified: boolean
  /** RFC 3339. */
  readonly created_at: string
  readonly updated_at: string
  readonly roles: readonly string[]
  readonly scopes: readonly string[]
  readonly claims: Readonly<Record<string, unknown>>
}

export interface Challenge {
  readonly provider: 'altcha' | 'turnstile' | 'hcaptcha'
  readonly action: 'login' | 'register'
  /** Of the provider's widget; ALTCHA's has none. */
  readonly site_key?: string
  /** ALTCHA's challenge, as its widget takes it. */
  readonly parameters?: object
}

export interface TokenAnswer {
  readonly access_token: string
  readonly expires_in: number
  /** Missing where it went into a cookie. */
  readonly refresh_token?: string | undefined
  readonly user: User
}

/** Why a call failed: the service's codes. */
export type ServiceErrorCode =
  | 'malformed_request'
  | 'malformed_json'
  | 'client_ip_unknown'
  | 'invalid_credentials'
  | 'invalid_token'
  | 'invalid_refresh_token'
  | 'refresh_token_reused'
  | 'insufficient_user_authentication'
  | 'insufficient_scope'
  | 'challenge_required'
  | 'challenge_failed'
  | 'account_disabled'
  | 'registration_closed'
  | 'registration_not_allowed'
  | 'origin_not_allowed'
  | 'not_found'
  | 'method_not_allowed'
  | 'identifier_taken'
  | 'body_too_large'
  | 'unsupported_media_type'
  | 'invalid_request'
  | 'weak_password'
  | 'too_many_registrations'
  | 'too_many_login_failures'
  | 'too_many_client_failures'
  | 'bad_gateway'
  | 'gateway_timeout'
  | 'challenge_unavailable'
  | 'misconfigured'
  | 'unavailable'
  | 'internal'

/** What is wrong with one field. */
export interface FieldError {
  readonly field: string
  readonly message: string
  /** Of a weak password beside other problems: why. */
  readonly reasons?: readonly string[]
}

/** A problem answer (RFC 9457). */
export interface Problem {
  readonly code: ServiceErrorCode
  readonly detail: string
  /** `identifier_taken`: which one. */
  readonly field?: string
  /** `invalid_request`: what is wrong, field by field. */
  readonly errors?: readonly FieldError[]
  /** `weak_password`, `challenge_failed`: why. */
  readonly reasons?: readonly string[]
  readonly challenge?: Challenge
  /** `insufficient_user_authentication`: how old the login may be, in seconds. */
  readonly max_age?: number
  /** `insufficient_scope`: what the token lacks. */
  readonly missing?: { readonly roles: readonly string[]; readonly scope: readonly string[] }
  /** Seconds, as in the header `Retry-After`. */
  readonly retry_after?: number
  /** `unavailable`: the account is stored all the same: log in, do not register again. */
  readonly registered?: true
  readonly changed?: true
}
