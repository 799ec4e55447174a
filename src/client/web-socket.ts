/** WebSockets that carry the access token. */
import type { Session } from './session.ts'

/** What the gateway selects where the origin selects nothing: browsers close a socket without a selection. */
const FALLBACK_PROTOCOL = 'gatehouse'
const TOKEN_PREFIX = 'gatehouse.bearer.'

/** @param trusted the origins that get the token */
export async function openWebSocket(
  session: Session,
  trusted: ReadonlySet<string>,
  url: string | URL,
  protocols: readonly string[],
): Promise<WebSocket> {
  const address = new URL(url, location.href)
  const { origin } = new URL(address.href.replace(/^ws/, 'http'))
  const held = trusted.has(origin) ? await session.current() : null
  const withToken = held === null ? [] : [FALLBACK_PROTOCOL, TOKEN_PREFIX + held.accessToken]
  return new WebSocket(address.href.replace(/^http/, 'ws'), [...protocols, ...withToken])
}
