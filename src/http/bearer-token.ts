/** The Bearer token of a request (RFC 6750 section 2.1). */
import type { Context } from 'hono'

/** @returns the token, or null where another scheme or none was sent. */
export function bearerToken(c: Context): string | null {
  return readBearer(c.req.header('Authorization') ?? null)
}

/** The scheme's case does not matter (RFC 9110 section 11.1). */
export function readBearer(authorization: string | null): string | null {
  const match = /^bearer +(.*)$/i.exec(authorization ?? '')
  return match?.[1] ?? null
}
