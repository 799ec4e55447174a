/** The variables and secrets, unchecked. Nothing but readConfig reads them. */

/** TOML variables may be numbers, booleans or tables; secrets and .dev.vars are text. */
type Setting = string | number | boolean | object

export interface Settings {
  /** `development` only in .dev.vars, and it counts only with a loopback PUBLIC_URL. */
  readonly ENVIRONMENT?: Setting
  /** Where clients reach the service; also the issuer of its tokens. Required. */
  readonly PUBLIC_URL?: Setting
  /** Secret, 32 bytes or more: every key of the service is derived from it. Required. */
  readonly AUTH_SECRET?: Setting
  /** Secret that is accepted too while one AUTH_SECRET replaces another. */
  readonly AUTH_SECRET_FALLBACK?: Setting
  /** Secret that is mixed into every password hash. Losing it loses every password. */
  readonly PASSWORD_PEPPER?: Setting
  /** Secret that opens /admin/* as a Bearer token. Without one that way is off. */
  readonly ADMIN_TOKEN?: Setting
  /** Secret of a challenge provider's widget. Required with one. */
  readonly CHALLENGE_SECRET?: Setting
  /** `aud` of access tokens. Default: PUBLIC_URL. */
  readonly AUDIENCE?: Setting
  /** `client_id` of the service's own tokens. Default: gatehouse. */
  readonly CLIENT_ID?: Setting
  /** ES256 (default) or RS256. */
  readonly SIGNING_ALG?: Setting
  readonly ACCESS_TOKEN_SECONDS?: Setting
  readonly KEY_ROTATION_DAYS?: Setting
  readonly REFRESH_IDLE_SECONDS?: Setting
  readonly REFRESH_MAX_SECONDS?: Setting
  readonly REFRESH_GRACE_SECONDS?: Setting
  readonly MAX_SESSIONS?: Setting
  readonly PASSWORD_MIN_LENGTH?: Setting
  /** Comma-separated words that make a password common, beside the service's name. Default: none. */
  readonly PASSWORD_WORDS?: Setting
  /** Comma-separated usernames that may not be chosen, in place of the default list; empty: no name is reserved. */
  readonly RESERVED_USERNAMES?: Setting
  /** Two-letter country (ISO 3166-1) that phone numbers without "+" belong to. Default: none. */
  readonly DEFAULT_PHONE_REGION?: Setting
  /** Comma-separated origins whose pages may read the answers. Default: none. */
  readonly CORS_ORIGINS?: Setting
  /** The header that holds the client's address. Default: CF-Connecting-IP. */
  readonly CLIENT_IP_HEADER?: Setting
  /** Leading bits of an IPv6 address that count as one client. Default: 64. */
  readonly IPV6_PREFIX?: Setting
  /** Table: rule, to those of its fields that differ from the defaults. In .dev.vars as JSON. */
  readonly LIMITS?: Setting
  /** Table: path prefix, to the origin behind it. In .dev.vars as JSON. Default: none. */
  readonly GATEWAY?: Setting
  /** Comma-separated hosts on which origins serve pages to people; the hosted pages are not there. Default: none. */
  readonly GATEWAY_HOSTS?: Setting
  /** Comma-separated audiences for which `/auth/verify?exchange=` makes tokens. Default: none. */
  readonly FORWARD_AUDIENCES?: Setting
  /** Table: name, logo and colours of the hosted pages, or `enabled` false. In .dev.vars as JSON. */
  readonly PAGES?: Setting
  /** altcha (default, built in), turnstile or hcaptcha. */
  readonly CHALLENGE_PROVIDER?: Setting
  /** The public key of a challenge provider's widget. Required with one. */
  readonly CHALLENGE_SITE_KEY?: Setting
  /** Where answers are verified. Default: the provider's own address. */
  readonly CHALLENGE_VERIFY_URL?: Setting
  /** Comma-separated hosts whose pages may show the widget. Default: any. */
  readonly CHALLENGE_HOSTNAMES?: Setting
  /** `altcha`: what is asked for while the provider is out of reach. Default: none. */
  readonly CHALLENGE_FALLBACK?: Setting
}
