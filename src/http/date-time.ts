/** Times as the wire has them. */

/** RFC 3339 in UTC, whole seconds. */
export function toDateTime(unixMs: number): string {
  return `${new Date(unixMs).toISOString().slice(0, 19)}Z`
}
