/** Which headers pass the gate. Pure. */

import type { Identity } from '../actions/session/authorize.ts'
import { canonicalName, isReserved } from './reserved-headers.ts'

/** RFC 9110 section 7.6.1: they speak of one connection. */
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
  /** The client's address, where it is known. */
  readonly client: string | null
  /** The address under which the client reached the gateway: scheme, host and port. */
  readonly reachedAt: string
}

/**
 * @param clientIpHeader from which the service reads the client's address, and so might an origin
 * @returns a client's headers without those of its connection, and without any that only the gate may set.
 */
export function toOriginHeaders(headers: Headers, clientIpHeader: string): Headers {
  const passed = withoutHopByHop(headers)
  const clientIpName = canonicalName(clientIpHeader)
  for (const name of [...passed.keys()]) {
    const canonical = canonicalName(name)
    if (isReserved(canonical) || canonical === clientIpName) passed.delete(name)
  }
  passed.delete('host')
  dropOwnCookies(passed)
  return passed
}

/** The service's own cookies are for the service: an origin that had one could log in as its holder. */
const OWN_COOKIE = /^[\s=]*(__(Host|Secure)-)?gatehouse_/i

/** The runtime joins two headers of the name with a comma. */
function dropOwnCookies(headers: Headers): void {
  const header = headers.get('Cookie')
  if (header === null) return
  const cookies = header.split(';').map(withoutOwnCookies)
  const kept = cookies.filter((cookie) => cookie.trim() !== '').join(';')
  if (kept === '') headers.delete('Cookie')
  else headers.set('Cookie', kept.trim())
}

function withoutOwnCookies(cookies: string): string {
  return cookies
    .split(',')
    .filter((cookie) => !OWN_COOKIE.test(cookie))
    .join(',')
}

/** What an origin could otherwise do to other origins, and to the service, with which it may share a host. */
const NOT_AN_ORIGINS = ['clear-site-data', 'service-worker-allowed']
/**
 * What a browser applies to a whole host: Network Error Logging, for one, would report the addresses of the hosted pages to
 * the origin, and a device bound session would have them wait for it.
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
 * @param isOwnHost whether the host is for origins, and has no hosted pages
 * @returns an origin's headers as a client may have them.
 */
export function toClientHeaders(headers: Headers, isOwnHost: boolean): Headers {
  const passed = withoutHopByHop(headers)
  for (const name of isOwnHost ? NOT_AN_ORIGINS : [...NOT_AN_ORIGINS, ...HOST_WIDE]) passed.delete(name)
  const cookies = passed.getSetCookie().filter((cookie) => !OWN_COOKIE.test(cookie))
  passed.delete('set-cookie')
  for (const cookie of cookies) passed.append('set-cookie', cookie)
  return passed
}

/**
 * Gives each document of an origin an origin of its own in the browser (HTML section 7.1.5), so that none shares that of the
 * hosted pages. A policy of the origin's own stays in force beside it.
 */
export function sandbox(headers: Headers): void {
  headers.append('Content-Security-Policy', 'sandbox')
  headers.set('X-Content-Type-Options', 'nosniff')
}

function withoutHopByHop(headers: Headers): Headers {
  const passed = new Headers(headers)
  const named = new Set((headers.get('Connection') ?? '').split(',').map((name) => name.trim().toLowerCase()))
  for (const name of [...passed.keys()]) {
    if (HOP_BY_HOP.has(name) || named.has(name)) passed.delete(name)
  }
  return passed
}

/** RFC 7239, and the headers that came before it. */
export function forwardingHeaders({ client, reachedAt }: Forwarding): Readonly<Record<string, string>> {
  const { host, protocol } = new URL(reachedAt)
  const proto = protocol.replace(':', '')
  const node = client === null ? 'unknown' : client.includes(':') ? `"[${client}]"` : client
  return {
    Forwarded: `for=${node};host="${host}";proto=${proto}`,
    'X-Forwarded-Host': host,
    'X-Forwarded-Proto': proto,
    ...(client !== null && { 'X-Forwarded-For': client }),
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
