/** The variables and secrets, unchecked. Only readConfig reads them. */

/** Variables in TOML may be numbers, booleans or tables. Secrets and .dev.vars are text. */
type Setting = string | number | boolean | object

export interface Settings {
  /** `development` only in .dev.vars. It takes effect only with a loopback PUBLIC_URL. */
  readonly ENVIRONMENT?: Setting
  /** The public address of the service, also the issuer of its tokens. Required. */
  readonly PUBLIC_URL?: Setting
  /** Secret of at least 32 bytes, from which every key of the service is derived. Required. */
  readonly AUTH_SECRET?: Setting
  /** Secret that is also accepted while one AUTH_SECRET replaces another. */
  readonly AUTH_SECRET_FALLBACK?: Setting
  /** Secret that is mixed into every password hash. Without it no password can be verified any more. */
  readonly PASSWORD_PEPPER?: Setting
  /** Secret that gives access to /admin/* as a Bearer token. Default: no such token. */
  readonly ADMIN_TOKEN?: Setting
  /** Secret of a challenge provider's widget. Required with such a provider. */
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
  readonly ACTIVITY_DAYS?: Setting
  readonly PASSWORD_MIN_LENGTH?: Setting
  /** Comma-separated words that make a password common, in addition to the service's name. Default: none. */
  readonly PASSWORD_WORDS?: Setting
  /** Comma-separated usernames that may not be chosen. Replaces the default list; if empty, no name is reserved. */
  readonly RESERVED_USERNAMES?: Setting
  /** Two-letter country (ISO 3166-1) of phone numbers without "+". Default: none. */
  readonly DEFAULT_PHONE_REGION?: Setting
  /** Comma-separated origins whose pages may read responses. Default: none. */
  readonly CORS_ORIGINS?: Setting
  /** The header with the requester's IP address. Default: CF-Connecting-IP. */
  readonly CLIENT_IP_HEADER?: Setting
  /** Length of the IPv6 prefix that counts as one requester, in bits. Default: 64. */
  readonly IPV6_PREFIX?: Setting
  /** Table from a rule to the fields that differ from its defaults. In .dev.vars as JSON. */
  readonly LIMITS?: Setting
  /** Table from a path prefix to the origin behind it. In .dev.vars as JSON. Default: none. */
  readonly GATEWAY?: Setting
  /** Comma-separated hosts on which origins serve pages to people. The hosted pages are not served there. Default: none. */
  readonly GATEWAY_HOSTS?: Setting
  /** Comma-separated audiences for which `/auth/verify?exchange=` issues tokens. Default: none. */
  readonly FORWARD_AUDIENCES?: Setting
  /** Table: name, logo and colours of the hosted pages, or `enabled` false. In .dev.vars as JSON. */
  readonly PAGES?: Setting
  /** altcha (default, built in), turnstile or hcaptcha. */
  readonly CHALLENGE_PROVIDER?: Setting
  /** The public key of a challenge provider's widget. Required with such a provider. */
  readonly CHALLENGE_SITE_KEY?: Setting
  /** The address that verifies responses of the widget. Default: the provider's own. */
  readonly CHALLENGE_VERIFY_URL?: Setting
  /** Comma-separated hosts whose pages may show the widget. Default: any. */
  readonly CHALLENGE_HOSTNAMES?: Setting
  /** `altcha`: the challenge that is required while the provider is unavailable. Default: none. */
  readonly CHALLENGE_FALLBACK?: Setting
}
