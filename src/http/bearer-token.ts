/** The Bearer token of a request (RFC 6750 section 2.1). */
import type { Context } from 'hono'
import { readBearer } from '../verify/bearer.ts'

/** @returns the token, or null where another scheme or none was sent. */
export function bearerToken(c: Context): string | null {
  return readBearer(c.req.header('Authorization') ?? null)
}
