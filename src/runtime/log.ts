/**
 * Structured log lines: one JSON object each, on the console, from which Workers Logs and `wrangler dev` read them. Callers pass
 * names, codes, ids and digests; never a body, a header value, an IP address, a token or a password.
 */
import type { ErrorCode } from '../errors/codes.ts'

export type LogFields = Readonly<Record<string, unknown>>

/** docs/log-events.md explains what each event means and what to do. */
export type LogEvent =
  | 'attempt_not_settled'
  | 'challenge_site_key_mismatch'
  | 'challenge_unavailable'
  | 'client_stale'
  | 'maintain_keys_failed'
  | 'maintain_seals_failed'
  | 'maintain_outbox_failed'
  | 'misconfigured'
  | 'new_device_login'
  | 'password_hash_unusable'
  | 'refresh_token_reused'
  | 'rehash_failed'
  | 'replaced_session_not_ended'
  | 'request'
  | 'setting_unknown'
  | 'shared_record_stale'
  | 'signing_key_advanced'
  | 'signing_key_created'
  | 'signing_key_damaged'
  | 'signing_key_not_unsealed'
  | 'signing_key_removed'
  | 'signing_key_resealed'
  | 'outbox_delivery_failed'
  | 'outbox_event_overdue'
  | 'outbox_row_pending'
  | 'orphaned_session'

/** Writes one line. `event` is a stable name to search for. For an error it is the code of the ServiceError. */
export function log(
  level: 'info' | 'warn' | 'error',
  event: LogEvent | ErrorCode,
  fields: LogFields = {},
): void {
  const time = new Date().toISOString()
  console[level](JSON.stringify({ time, level, event, ...fields }))
}

/**
 * Describes a thrown value for the log: its name, its message, where it was thrown, and its cause. The message of a SyntaxError
 * is left out, because it quotes the text that was parsed.
 */
export function describeError(error: unknown): LogFields {
  if (!(error instanceof Error)) return { name: typeof error }
  const message = error instanceof SyntaxError ? '' : error.message
  const frames = (error.stack ?? '').split('\n').filter((line) => line.trimStart().startsWith('at '))
  const at = frames.slice(0, 6).map((line) => line.trim())
  return {
    name: error.name,
    message,
    at,
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  }
}
