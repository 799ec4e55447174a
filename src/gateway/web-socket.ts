/**
 * The subprotocols of a WebSocket (RFC 6455 section 11.3.4). A browser cannot set `Authorization` for a WebSocket, so it may
 * offer its access token as a subprotocol.
 */

const HEADER = 'Sec-WebSocket-Protocol'
const TOKEN_PREFIX = 'gatehouse.bearer.'
/** Selected if it is offered and the origin selects nothing: a browser closes a WebSocket without a selected subprotocol. */
const FALLBACK = 'gatehouse'

export interface OfferedProtocols {
  /** The access tokens among the offered subprotocols. */
  readonly tokens: readonly string[]
  /** The other offered subprotocols, in their order. */
  readonly others: readonly string[]
}

const NO_PROTOCOLS: OfferedProtocols = { tokens: [], others: [] }

export function isWebSocketRequest(headers: Headers): boolean {
  return headers.get('Upgrade')?.toLowerCase() === 'websocket'
}

export function readOfferedProtocols(headers: Headers): OfferedProtocols {
  const header = headers.get(HEADER)
  if (header === null) return NO_PROTOCOLS
  const offered = header.split(',').map((name) => name.trim())
  const isToken = (name: string) => name.startsWith(TOKEN_PREFIX)
  return {
    tokens: offered.filter(isToken).map((name) => name.slice(TOKEN_PREFIX.length)),
    others: offered.filter((name) => name !== '' && !isToken(name)),
  }
}

/** Offers the origin all subprotocols that the headers offer, except tokens. */
export function offerToOrigin(headers: Headers): void {
  if (!headers.has(HEADER)) return
  const { others } = readOfferedProtocols(headers)
  if (others.length === 0) headers.delete(HEADER)
  else headers.set(HEADER, others.join(', '))
}

/** Selects FALLBACK if it was offered and the origin selected nothing. */
export function selectForClient(headers: Headers, { others }: OfferedProtocols): void {
  if (!headers.has(HEADER) && others.includes(FALLBACK)) headers.set(HEADER, FALLBACK)
}
