/** The responses of the service, as the HTTP API defines them. */

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
  /** The site key of the provider's widget. ALTCHA has none. */
  readonly site_key?: string
  /** ALTCHA's challenge, in the format of its widget. */
  readonly parameters?: object
}

export interface TokenResponse {
  readonly access_token: string
  readonly expires_in: number
  /** Missing if it was set as a cookie. */
  readonly refresh_token?: string | undefined
  readonly user: User
}

/** The service's error codes. */
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

/** An invalid field. */
export interface FieldError {
  readonly field: string
  readonly message: string
  /** Why a password is weak, if other fields are invalid as well. */
  readonly reasons?: readonly string[]
}

/** A problem response (RFC 9457). */
export interface Problem {
  readonly code: ServiceErrorCode
  readonly detail: string
  /** `identifier_taken`: the field whose value is taken. */
  readonly field?: string
  /** `invalid_request`: the invalid fields. */
  readonly errors?: readonly FieldError[]
  /** `weak_password`, `challenge_failed`: the reasons. */
  readonly reasons?: readonly string[]
  readonly challenge?: Challenge
  /** `insufficient_user_authentication`: the maximum age of the login, in seconds. */
  readonly max_age?: number
  /** `insufficient_scope`: the permissions that the token lacks. */
  readonly missing?: { readonly roles: readonly string[]; readonly scope: readonly string[] }
  /** Seconds, as in the `Retry-After` header. */
  readonly retry_after?: number
  /** `unavailable`: the account was created nevertheless. Log in; do not register again. */
  readonly registered?: true
  /** `unavailable`: the change was stored nevertheless. */
  readonly changed?: true
}
