/** From a request's path to the origin that it leads to. Pure. */
import type { GatewayConfig } from '../config/gateway.ts'
import type { GatewayRoute } from '../config/gateway-route.ts'

/** RFC 3986 section 2.3: the same character, encoded or not. */
const ENCODED_UNRESERVED = /%(2d|2e|5f|7e|3[0-9]|4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])/gi
/**
 * What some server behind the gate may take for a slash, an end, parameters of no segment, or an encoding of something
 * else. A lone "%" is one: with what is decoded behind it, it would be an encoding.
 */
const AMBIGUOUS = /\/[/;]|\\|%(?![0-9a-f]{2})|%(2f|3b|5c|[01][0-9a-f]|7f|25[0-9a-f]{2})/i
/** ".." with the parameters that some servers allow in a segment; and what Windows leaves off a name's end. */
const DOT_SEGMENT = /\/\.{1,2}(;[^/]*)?(\/|$)/
const LEFT_OFF = /(\.|%20)(;[^/]*)?(\/|$)/i

/**
 * @param pathname as `URL.pathname` gives it
 * @returns the path in the one spelling that the gate and any server behind it take for the same, or null where they
 * might not
 */
export function canonicalPath(pathname: string): string | null {
  if (AMBIGUOUS.test(pathname)) return null
  const path = pathname.replace(ENCODED_UNRESERVED, (encoded) =>
    String.fromCharCode(Number.parseInt(encoded.slice(1), 16)),
  )
  if (DOT_SEGMENT.test(path) || LEFT_OFF.test(path)) return null
  return isUtf8(path) ? path : null
}

function isUtf8(path: string): boolean {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}

/**
 * @param path a plain one
 * @param hostname of the request, as `hostNameOf` gives it
 * @returns the route that leads from the path on this host. An origin that serves pages to people shares no host with the
 * hosted pages
 */
export function servedRoute(gateway: GatewayConfig, path: string, hostname: string): GatewayRoute | null {
  const route = routeOf(gateway, path)
  if (route === null || !route.pages) return route
  return gateway.pagesOnEveryHost || gateway.hosts.has(hostname) ? route : null
}

/** @param pathname as `URL.pathname` gives it */
export function leadsToOrigin(gateway: GatewayConfig, pathname: string): boolean {
  const path = canonicalPath(pathname)
  return path !== null && routeOf(gateway, path) !== null
}

/** @param path a plain one */
export function routeOf({ routes, ownSegments }: GatewayConfig, path: string): GatewayRoute | null {
  const segments = segmentsOf(path)
  if (ownSegments.has(segments[0] ?? '')) return null
  return routes.find(({ prefix }) => beginsWith(segments, segmentsOf(prefix))) ?? null
}

/** @returns the path at the origin */
export function pathAtOrigin({ prefix, stripPrefix }: GatewayRoute, path: string, basePath: string): string {
  const rest = stripPrefix ? path.split('/').slice(segmentsOf(prefix).length + 1) : path.split('/').slice(1)
  return `${basePath.replace(/\/$/, '')}/${rest.join('/')}`
}

/** Without parameters: to a server that knows them, "/api;x" is "/api". */
function segmentsOf(path: string): readonly string[] {
  return path
    .split('/')
    .slice(1)
    .map((segment) => segment.split(';')[0] ?? '')
    .filter((segment, index) => index > 0 || segment !== '')
}

function beginsWith(segments: readonly string[], prefix: readonly string[]): boolean {
  return prefix.every((segment, index) => segments[index] === segment)
}
