/**
 * Structured log lines: one JSON object each, on the console, where Workers Logs and `wrangler dev` read them.
 * Callers pass names, codes and ids; never a body, a header value, a token or a password.
 */

export type LogFields = Readonly<Record<string, unknown>>

/** Writes one line. `event` is the stable name to search for. */
export function log(level: 'info' | 'warn' | 'error', event: string, fields: LogFields = {}): void {
  console[level](JSON.stringify({ level, event, ...fields }))
}

/**
 * Says what was thrown, for the log: its name, where it was thrown, and what lies beneath it. A SyntaxError's
 * message quotes the text that was parsed, so that one is left out.
 */
export function describeFault(fault: unknown): LogFields {
  if (!(fault instanceof Error)) return { name: typeof fault }
  const message = fault instanceof SyntaxError ? '' : fault.message
  const frames = (fault.stack ?? '').split('\n').filter((line) => line.trimStart().startsWith('at '))
  const at = frames.slice(0, 6).map((line) => line.trim())
  return {
    name: fault.name,
    message,
    at,
    ...(fault.cause === undefined ? {} : { cause: describeFault(fault.cause) }),
  }
}
