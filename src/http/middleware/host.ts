/** The host of a request (RFC 9110 section 7.2). A malformed one is refused before anything is read from the URL. */
import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../../errors/service-error.ts'
import { isLoopbackHost } from '../../verify/loopback.ts'
import type { AppEnv } from '../context.ts'

/** A name of 253 characters (RFC 1035 section 2.3.4) with a dot at its end, and a port. */
const MAX_HOST_LENGTH = 260
/** Labels of a name or of an IPv4 address, or an IPv6 address, and a port. The URL parser checks their values. */
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

/** @returns the name without port, and without a dot at its end, which does not change the host (RFC 3986 section 3.2.2) */
export function hostNameOf({ hostname }: URL): string {
  return hostname.replace(/\.$/, '')
}

export const loopbackHostsOnly = createMiddleware<AppEnv>(async (c, next) => {
  const { hostname } = new URL(c.req.url)
  if (!isLoopbackHost(hostname)) {
    c.header('Vary', 'Origin')
    const cause = new Error('ENVIRONMENT=development serves loopback hosts only')
    throw new ServiceError('misconfigured', {}, { cause })
  }
  await next()
})
