/** Refuses a request whose Host is none (RFC 9110 section 7.2), before anything is read from its URL. */
import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors.ts'
import type { AppEnv } from './context.ts'

/** A name of 253 characters (RFC 1035 section 2.3.4) with a dot at its end, and a port. */
const MAX_HOST_LENGTH = 260
/** Labels of a name or of an IPv4 address, or an IPv6 address, and a port; the URL parser judges what they say. */
const HOST = /^(?:\[[0-9a-f:.]+\]|[\w-]+(?:\.[\w-]+)*\.?)(?::\d*)?$/i

export const refuseMalformedHost = createMiddleware<AppEnv>(async (c, next) => {
  const host = c.req.header('Host')
  if (URL.canParse(c.req.url) && (host === undefined || isHost(host))) return next()
  c.header('Vary', 'Origin')
  throw new ServiceError('malformed_request')
})

/** @param text the Host header's value */
export function isHost(text: string): boolean {
  return text.length <= MAX_HOST_LENGTH && HOST.test(text) && URL.canParse(`http://${text}`)
}
