/** Finds the origin for a request's path. Pure. */
import type { GatewayConfig } from '../config/gateway.ts'
import type { GatewayRoute } from '../config/gateway-route.ts'

/** RFC 3986 section 2.3: encoding these characters does not change a path. */
const ENCODED_UNRESERVED = /%(2d|2e|5f|7e|3[0-9]|4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])/gi
/**
 * Characters that some server behind the gateway may take for a slash, the end of the path, parameters without a segment, or an
 * encoding of something else. A "%" that encodes nothing is one of them: once the characters after it are decoded, it could.
 */
const AMBIGUOUS = /\/[/;]|\\|%(?![0-9a-f]{2})|%(2f|3b|5c|[01][0-9a-f]|7f|25[0-9a-f]{2})/i
/** "." and ".." with the parameters that some servers allow in a segment. */
const DOT_SEGMENT = /\/\.{1,2}(;[^/]*)?(\/|$)/
/** Endings of a name that Windows ignores. */
const IGNORED_ENDING = /(\.|%20)(;[^/]*)?(\/|$)/i

/**
 * @param pathname as `URL.pathname` gives it
 * @returns the path in a spelling that the gateway and every server behind it read in the same way; null if servers might read
 * it in different ways
 */
export function canonicalPath(pathname: string): string | null {
  if (AMBIGUOUS.test(pathname)) return null
  const path = pathname.replace(ENCODED_UNRESERVED, (encoded) =>
    String.fromCharCode(Number.parseInt(encoded.slice(1), 16)),
  )
  if (DOT_SEGMENT.test(path) || IGNORED_ENDING.test(path)) return null
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
 * @param path as `canonicalPath` returns it
 * @param hostname of the request, as `hostNameOf` gives it
 * @returns the route of the path on this host; null if no route matches. A route with `pages` is not served on a host of the hosted
 * pages
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

/** @param path as `canonicalPath` returns it */
export function routeOf({ routes, ownSegments }: GatewayConfig, path: string): GatewayRoute | null {
  const segments = segmentsOf(path)
  if (ownSegments.has(segments[0] ?? '')) return null
  const comparedPath = `/${segments.join('/')}/`
  return routes.find(({ prefix }) => prefix === '/' || comparedPath.startsWith(`${prefix}/`)) ?? null
}

/** @returns the path of the request to the origin */
export function pathAtOrigin({ prefix, stripPrefix }: GatewayRoute, path: string, basePath: string): string {
  const rest = stripPrefix ? path.split('/').slice(segmentsOf(prefix).length + 1) : path.split('/').slice(1)
  return `${basePath.replace(/\/$/, '')}/${rest.join('/')}`
}

/** Removes parameters, since "/api;x" is "/api" to a server that supports them. */
function segmentsOf(path: string): readonly string[] {
  return path
    .split('/')
    .slice(1)
    .map((segment) => segment.split(';')[0] ?? '')
    .filter((segment, index) => index > 0 || segment !== '')
}
