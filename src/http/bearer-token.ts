/** The Bearer token of a request (RFC 6750 section 2.1). */
import type { Context } from 'hono'

/** @returns the token, or null where another scheme or none was sent; the scheme's case does not matter. */
export function bearerToken(c: Context): string | null {
  const match = /^bearer +(.*)$/i.exec(c.req.header('Authorization') ?? '')
  return match?.[1] ?? null
}
