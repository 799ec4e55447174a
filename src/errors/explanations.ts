/**
 * Why each error occurs and what to do, for developers and operators. Only the pages at /errors/{code} and docs/errors.md show
 * these texts, which are in English in every language of the pages. Names are between backticks.
 */
import type { ErrorCode } from './codes.ts'

export interface Explanation {
  readonly cause: string
  readonly remedy: string
}

export const EXPLANATIONS: Readonly<Record<ErrorCode, Explanation>> = {
  malformed_request: {
    cause: 'A client or a proxy sends HTTP that two servers may read in different ways.',
    remedy:
      'Send the host of `PUBLIC_URL`, a body as long as `Content-Length` says, and no body with `GET` and `HEAD`.',
  },
  malformed_json: {
    cause: 'The body is empty, has a syntax error, is not UTF-8, or is a list or a single value.',
    remedy: 'Send one JSON object, as a JSON encoder writes it.',
  },
  client_ip_unknown: {
    cause: 'Limits count by IP address, and the header that `CLIENT_IP_HEADER` names has no valid one.',
    remedy:
      'Operators: let requests arrive through Cloudflare, or set `CLIENT_IP_HEADER` to a header that a proxy sets and no client can set.',
  },
  invalid_credentials: {
    cause:
      'No account has this identifier, or its password is another one. The response is the same for both, so that it does not reveal who has an account.',
    remedy: 'Show one message for both, and let the person try again.',
  },
  invalid_token: {
    cause:
      'No `Bearer` token was sent, it has expired, it is meant for another service or audience, or its session has ended.',
    remedy: 'Refresh the tokens once and repeat the request. If the refresh is refused, log in again.',
  },
  invalid_refresh_token: {
    cause:
      'The session ended by a logout, a password change, an operator or its lifetime, or the token is not from this service.',
    remedy: 'Delete the stored token and log in again.',
  },
  refresh_token_reused: {
    cause:
      'Two copies of one refresh token are in use: it was stolen, or the app refreshed with a token that it had replaced.',
    remedy:
      'Log in again. An app must store each new refresh token, and refresh once for all its tabs, as the browser SDK does.',
  },
  insufficient_user_authentication: {
    cause: 'The request ends other sessions or administers the service. An old login is not enough for that.',
    remedy: 'Log in again. A request that ends sessions may contain `current_password` instead.',
  },
  insufficient_scope: {
    cause:
      'The account does not have the role or scope, or the login did not ask for it. `admin` must be asked for by name.',
    remedy:
      'Log in with that `scope`. Operators: grant what `missing` names by `PATCH /admin/users/{id}`; the next refresh adds it to the tokens.',
  },
  challenge_required: {
    cause: 'This IP address or this identifier has reached the threshold of a limit.',
    remedy:
      'Show the widget for the `challenge` of the response, and repeat the request with its result as `challenge`.',
  },
  challenge_failed: {
    cause: 'The solution has expired, was used before, or belongs to another request or IP address.',
    remedy: 'Solve the new `challenge` of the response. Use each solution once, within 300 seconds.',
  },
  account_disabled: {
    cause: 'The password is correct, but an operator has disabled the account.',
    remedy: 'Operators: `PATCH /admin/users/{id}` with `{"disabled":false}` enables it again.',
  },
  registration_closed: {
    cause: 'An operator has closed registration.',
    remedy: 'Operators: `PUT /admin/limits` with `{"registration_open":true}` opens it.',
  },
  registration_not_allowed: {
    cause: 'The service has an allow list, and no identifier of the request is on it.',
    remedy:
      'Operators: add the identifier, or its email domain, to `registration_allow` by `PUT /admin/limits`.',
  },
  origin_not_allowed: {
    cause:
      '`CORS_ORIGINS` does not contain the origin of the page, or the request lacks the header `X-Gatehouse-CSRF: 1`.',
    remedy: 'Operators: add the origin to `CORS_ORIGINS`. Apps: send the header, as the browser SDK does.',
  },
  not_found: {
    cause:
      'The path or the id does not exist, or the id belongs to another account. A path with a slash at its end is another path.',
    remedy: 'Compare the path with those of `/openapi.json`.',
  },
  method_not_allowed: {
    cause: 'The path exists, but not for this method.',
    remedy: 'Use a method that the `Allow` header names.',
  },
  identifier_taken: {
    cause: 'Usernames, email addresses and phone numbers are unique, regardless of case and spelling.',
    remedy: '`field` names the one that is taken: ask for another one, or let the person log in.',
  },
  body_too_large: {
    cause: 'No request of the API needs more. Requests to origins behind the gateway have no such limit.',
    remedy: 'Send only the fields of the request.',
  },
  unsupported_media_type: {
    cause: 'The `Content-Type` is missing or another one, or the body is compressed.',
    remedy: 'Send `Content-Type: application/json`, and no `Content-Encoding`.',
  },
  invalid_request: {
    cause: 'The request does not match the API. A field with a misspelt name counts as unknown.',
    remedy: 'Correct each field in `errors`. All problems are listed at once.',
  },
  weak_password: {
    cause: 'Attackers would guess the password early, or its length is not allowed.',
    remedy: 'Ask for another password, and show the `reasons` in your own words.',
  },
  too_many_registrations: {
    cause: 'The rule `registrations_per_ip` counts registrations and taken identifiers of one IP address.',
    remedy:
      'Wait for `retry_after` seconds. Operators: if many people share the address, raise the threshold by `PUT /admin/limits/registrations_per_ip`.',
  },
  too_many_login_failures: {
    cause:
      'The rule `login_failures_per_ip` is set to `block`, or too many attempts with a challenge are in progress at once.',
    remedy:
      'Wait for `retry_after` seconds. Operators: `PUT /admin/limits/login_failures_per_ip` changes the rule.',
  },
  too_many_client_failures: {
    cause: 'Wrong client secrets were sent, which the rule `client_failures_per_ip` counts.',
    remedy: 'Correct the id and the secret of the client. A correct secret is always accepted.',
  },
  bad_gateway: {
    cause: 'The connection to the origin failed.',
    remedy: 'Operators: check the origin and its route in `GATEWAY`. The log has the error.',
  },
  gateway_timeout: {
    cause: 'The response of the origin did not begin within the `timeout_seconds` of its route.',
    remedy: 'Operators: check the origin, or raise `timeout_seconds`.',
  },
  challenge_unavailable: {
    cause: 'The request needs a challenge, and Turnstile or hCaptcha does not respond.',
    remedy:
      'Try again later. Operators: with `CHALLENGE_FALLBACK=altcha`, proof of work replaces the provider.',
  },
  misconfigured: {
    cause: 'The service checks its settings, its secrets and the version of its database before it serves.',
    remedy:
      'Operators: the line `misconfigured` of the log names each setting, the problem and a valid value.',
  },
  unavailable: {
    cause: 'D1 or a Durable Object failed, did not respond in time or is overloaded. Nothing is half done.',
    remedy:
      'Repeat the request after `retry_after` seconds. With `registered` the account is stored: log in. With `changed` the change is stored.',
  },
  internal: {
    cause: 'The service has a defect.',
    remedy: 'Operators: the line `internal` of the log has the same `request_id` as the response.',
  },
}
