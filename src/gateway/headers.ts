/** Which headers the gateway forwards, in both directions. */
import type { Identity } from '../actions/session/authorize.ts'
import { BoundedMap } from '../runtime/bounded-map.ts'
import { canonicalName, isReserved } from './reserved-headers.ts'

/** RFC 9110 section 7.6.1: headers that describe one connection. */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** An origin trusts `Authorization`, so it must not contain a token that was not verified here. */
const NEVER_TO_ORIGINS: ReadonlySet<string> = new Set([...HOP_BY_HOP, 'host', 'authorization'])

/** @param name in lower case, as `Headers` lists it */
export type HeaderFilter = (name: string) => boolean

const MAX_KNOWN_NAMES = 1_000
/** Longer names are decided each time, because an isolate has only 128 MB of memory. */
const MAX_KNOWN_LENGTH = 64

/**
 * Decides which headers of a request must not reach an origin: those of the connection, and those that only the gateway may set.
 * Keeps the last decisions, since requests repeat the same few names.
 * @param clientIpHeader the header with the requester's IP address, which an origin might read, too
 */
export function originHeaderFilter(clientIpHeader: string): HeaderFilter {
  const clientIpName = canonicalName(clientIpHeader)
  const known = new BoundedMap<boolean>(MAX_KNOWN_NAMES)
  return (name) => {
    const decided = known.get(name)
    if (decided !== undefined) return decided
    const canonical = canonicalName(name)
    const isDropped = NEVER_TO_ORIGINS.has(name) || isReserved(canonical) || canonical === clientIpName
    if (name.length <= MAX_KNOWN_LENGTH) known.set(name, isDropped)
    return isDropped
  }
}

/** Removes those headers of a request, and the service's own cookies. */
export function dropForOrigin(headers: Headers, isDropped: HeaderFilter): void {
  drop(headers, isDropped)
  dropOwnCookies(headers)
}

/** The service's own cookies. An origin that received one could log in as its user. */
const OWN_COOKIE = /^[\s=]*(__(Host|Secure)-)?gatehouse_/i

/** The runtime joins repeated Cookie headers with commas. */
function dropOwnCookies(headers: Headers): void {
  const header = headers.get('Cookie')
  if (header === null) return
  const cookies = header.split(';').map(withoutOwnCookies)
  const others = cookies.filter((cookie) => cookie.trim() !== '').join(';')
  if (others === '') headers.delete('Cookie')
  else headers.set('Cookie', others.trim())
}

function withoutOwnCookies(cookies: string): string {
  return cookies
    .split(',')
    .filter((cookie) => !OWN_COOKIE.test(cookie))
    .join(',')
}

/** Headers with which an origin could affect other origins and the service, with which it may share a host. */
const AFFECTS_OTHERS = ['clear-site-data', 'service-worker-allowed']
/**
 * Headers that a browser applies to a whole host. For example, Network Error Logging would report the addresses of the hosted
 * pages to the origin, and a device bound session would make them wait for it.
 */
const HOST_WIDE = [
  'nel',
  'report-to',
  'alt-svc',
  'strict-transport-security',
  'accept-ch',
  'set-login',
  'sec-session-registration',
  'secure-session-registration',
  'sec-session-challenge',
  'secure-session-challenge',
  'use-as-dictionary',
]

const NEVER_FROM_ORIGINS: ReadonlySet<string> = new Set([...HOP_BY_HOP, ...AFFECTS_OTHERS])
const NEVER_BESIDE_PAGES: ReadonlySet<string> = new Set([...NEVER_FROM_ORIGINS, ...HOST_WIDE])

/**
 * Removes from the headers of an origin's response those that must not reach the requester.
 * @param isOwnHost whether the host is for origins and has no hosted pages
 */
export function dropForClient(headers: Headers, isOwnHost: boolean): void {
  const dropped = isOwnHost ? NEVER_FROM_ORIGINS : NEVER_BESIDE_PAGES
  drop(headers, (name) => dropped.has(name))
  const cookies = headers.getSetCookie()
  const others = cookies.filter((cookie) => !OWN_COOKIE.test(cookie))
  if (others.length === cookies.length) return
  headers.delete('set-cookie')
  for (const cookie of others) headers.append('set-cookie', cookie)
}

/**
 * Gives each document a separate web origin in the browser (HTML section 7.1.5), so that none shares that of the hosted pages.
 * A policy that the origin sets itself also stays in force.
 */
export function sandbox(headers: Headers): void {
  headers.append('Content-Security-Policy', 'sandbox')
  headers.set('X-Content-Type-Options', 'nosniff')
}

/** Removes the headers that the filter drops, and those that `Connection` names. */
function drop(headers: Headers, isDropped: HeaderFilter): void {
  const named = namesInConnection(headers)
  for (const name of [...headers.keys()]) {
    if (isDropped(name) || named.has(name)) headers.delete(name)
  }
}

const NO_NAMES: ReadonlySet<string> = new Set()

/** @returns the names in lower case */
function namesInConnection(headers: Headers): ReadonlySet<string> {
  const connection = headers.get('Connection')
  if (connection === null) return NO_NAMES
  return new Set(connection.split(',').map((name) => name.trim().toLowerCase()))
}

/**
 * `Forwarded` (RFC 7239) and its predecessors.
 * @param requester the requester's IP address; null if it is not known
 * @param sentTo has the scheme, host and port to which the request was sent
 */
export function forwardingHeaders(
  requester: string | null,
  { host, protocol }: URL,
): Readonly<Record<string, string>> {
  const proto = protocol.replace(':', '')
  const node = requester === null ? 'unknown' : requester.includes(':') ? `"[${requester}]"` : requester
  return {
    Forwarded: `for=${node};host="${host}";proto=${proto}`,
    'X-Forwarded-Host': host,
    'X-Forwarded-Proto': proto,
    ...(requester !== null && { 'X-Forwarded-For': requester }),
  }
}

export const ASSERTION_HEADER = 'X-Auth-Assertion'

export function identityHeaders({
  subject,
  sessionId,
  roles,
  scope,
}: Identity): Readonly<Record<string, string>> {
  return {
    'X-Auth-Subject': subject,
    'X-Auth-Session': sessionId,
    'X-Auth-Roles': roles.join(' '),
    'X-Auth-Scope': scope.join(' '),
  }
}
