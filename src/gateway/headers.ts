/** Which headers pass the gate. Pure. */

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

/** What only the gate says, or what would have an origin take the request for another. */
const GATES_OWN =
  /^(x-auth-.*|forwarded|x-forwarded-.*|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|x-original-.*|x-rewrite-.*)$/

export interface Forwarding {
  /** The client's address, where it is known. */
  readonly client: string | null
  /** The address under which clients reach the gate. */
  readonly publicUrl: string
}

/** @returns a client's headers without those of its connection, and without any that only the gate may set. */
export function passedOn(headers: Headers): Headers {
  const passed = withoutHopByHop(headers)
  // In any spelling: to some servers X_Auth_Subject and X.Auth.Subject are X-Auth-Subject.
  for (const name of [...passed.keys()]) {
    if (GATES_OWN.test(name.replace(/[^a-z0-9]/g, '-'))) passed.delete(name)
  }
  passed.delete('host')
  dropOwnCookies(passed)
  return passed
}

/** The service's own cookies are for the service: an origin that had one could log in as its holder. */
const OWN_COOKIE = /^[\s=]*(__(Host|Secure)-)?gatehouse_/i

function dropOwnCookies(headers: Headers): void {
  const cookies = (headers.get('Cookie') ?? '').split(';').filter((cookie) => !OWN_COOKIE.test(cookie))
  if (cookies.join() === '') headers.delete('Cookie')
  else headers.set('Cookie', cookies.join(';').trim())
}

/** What an origin could otherwise do to the service and to other origins, whose pages all share the gate's address. */
const NOT_AN_ORIGINS = ['clear-site-data', 'service-worker-allowed']

/** @returns an origin's headers as a client may have them. */
export function passedBack(headers: Headers): Headers {
  const passed = withoutHopByHop(headers)
  for (const name of NOT_AN_ORIGINS) passed.delete(name)
  const cookies = passed.getSetCookie().filter((cookie) => !OWN_COOKIE.test(cookie))
  passed.delete('set-cookie')
  for (const cookie of cookies) passed.append('set-cookie', cookie)
  return passed
}

function withoutHopByHop(headers: Headers): Headers {
  const passed = new Headers(headers)
  const named = (headers.get('Connection') ?? '').split(',').map((name) => name.trim().toLowerCase())
  for (const name of [...passed.keys()]) {
    if (HOP_BY_HOP.has(name) || named.includes(name)) passed.delete(name)
  }
  return passed
}

/** RFC 7239, and the headers that came before it. */
export function forwardingHeaders({ client, publicUrl }: Forwarding): Readonly<Record<string, string>> {
  const { host, protocol } = new URL(publicUrl)
  const proto = protocol.replace(':', '')
  const node = client === null ? 'unknown' : client.includes(':') ? `"[${client}]"` : client
  return {
    Forwarded: `for=${node};host="${host}";proto=${proto}`,
    'X-Forwarded-Host': host,
    'X-Forwarded-Proto': proto,
    ...(client !== null && { 'X-Forwarded-For': client }),
  }
}
