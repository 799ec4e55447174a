/** Which headers the gateway forwards, in both directions. Pure. */
import type { Identity } from '../actions/session/authorize.ts'
import { canonicalName, isReserved } from './reserved-headers.ts'

/** RFC 9110 section 7.6.1: headers that describe one connection. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export interface Forwarding {
  /** The requester's IP address; null if it is not known. */
  readonly requester: string | null
  /** The web origin to which the request was sent: scheme, host and port. */
  readonly publicOrigin: string
}

/**
 * @param clientIpHeader the header with the requester's IP address, which an origin might read, too
 * @returns the request's headers without those of the connection and without those that only the gateway may set
 */
export function toOriginHeaders(headers: Headers, clientIpHeader: string): Headers {
  const forwarded = withoutHopByHop(headers)
  const clientIpName = canonicalName(clientIpHeader)
  for (const name of [...forwarded.keys()]) {
    const canonical = canonicalName(name)
    if (isReserved(canonical) || canonical === clientIpName) forwarded.delete(name)
  }
  forwarded.delete('host')
  dropOwnCookies(forwarded)
  return forwarded
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
const NEVER_FROM_ORIGINS = ['clear-site-data', 'service-worker-allowed']
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

/**
 * @param isOwnHost whether the host is for origins and has no hosted pages
 * @returns those headers of an origin's response that the requester may receive
 */
export function toClientHeaders(headers: Headers, isOwnHost: boolean): Headers {
  const forwarded = withoutHopByHop(headers)
  for (const name of isOwnHost ? NEVER_FROM_ORIGINS : [...NEVER_FROM_ORIGINS, ...HOST_WIDE])
    forwarded.delete(name)
  const cookies = forwarded.getSetCookie().filter((cookie) => !OWN_COOKIE.test(cookie))
  forwarded.delete('set-cookie')
  for (const cookie of cookies) forwarded.append('set-cookie', cookie)
  return forwarded
}

/**
 * Gives each document a separate web origin in the browser (HTML section 7.1.5), so that none shares that of the hosted pages.
 * A policy that the origin sets itself also stays in force.
 */
export function sandbox(headers: Headers): void {
  headers.append('Content-Security-Policy', 'sandbox')
  headers.set('X-Content-Type-Options', 'nosniff')
}

function withoutHopByHop(headers: Headers): Headers {
  const forwarded = new Headers(headers)
  const named = new Set((headers.get('Connection') ?? '').split(',').map((name) => name.trim().toLowerCase()))
  for (const name of [...forwarded.keys()]) {
    if (HOP_BY_HOP.has(name) || named.has(name)) forwarded.delete(name)
  }
  return forwarded
}

/** `Forwarded` (RFC 7239) and its predecessors. */
export function forwardingHeaders({ requester, publicOrigin }: Forwarding): Readonly<Record<string, string>> {
  const { host, protocol } = new URL(publicOrigin)
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
