/**
 * The subprotocols of a WebSocket (RFC 6455 section 11.3.4). A browser cannot set `Authorization` there, so it may offer its
 * access token as one of them.
 */

const HEADER = 'Sec-WebSocket-Protocol'
const TOKEN_PREFIX = 'gatehouse.bearer.'
/** Selected for a client that offers it where the origin selects nothing: a browser closes a socket without a selection. */
const FALLBACK = 'gatehouse'

export interface OfferedProtocols {
  /** Access tokens among what the client offers. */
  readonly tokens: readonly string[]
  /** What else it offers, in its order. */
  readonly others: readonly string[]
}

const NOTHING: OfferedProtocols = { tokens: [], others: [] }

export function isWebSocketRequest(headers: Headers): boolean {
  return headers.get('Upgrade')?.toLowerCase() === 'websocket'
}

export function readOfferedProtocols(headers: Headers): OfferedProtocols {
  const header = headers.get(HEADER)
  if (header === null) return NOTHING
  const offered = header.split(',').map((name) => name.trim())
  const isToken = (name: string) => name.startsWith(TOKEN_PREFIX)
  return {
    tokens: offered.filter(isToken).map((name) => name.slice(TOKEN_PREFIX.length)),
    others: offered.filter((name) => name !== '' && !isToken(name)),
  }
}

/** Offers the origin what is no token. */
export function offerToOrigin(headers: Headers, { others }: OfferedProtocols): void {
  if (others.length === 0) headers.delete(HEADER)
  else headers.set(HEADER, others.join(', '))
}

/** Selects for the client where the origin did not. */
export function selectForClient(headers: Headers, { others }: OfferedProtocols): void {
  if (!headers.has(HEADER) && others.includes(FALLBACK)) headers.set(HEADER, FALLBACK)
}
