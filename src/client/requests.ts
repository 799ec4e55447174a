/** Requests and WebSockets with the access token. */
import type { TabSession } from './session.ts'

/** The gateway selects it if the origin selects no subprotocol, because browsers close a socket without a selection. */
const FALLBACK_PROTOCOL = 'gatehouse'
const TOKEN_PREFIX = 'gatehouse.bearer.'
/** RFC 6750 section 3.1. */
const BEARER = /\bbearer\b/i
const INVALID_TOKEN = /\berror="?invalid_token\b/i

/** @param trusted the origins to which the token is sent */
export async function fetchWithToken(
  session: TabSession,
  trusted: ReadonlySet<string>,
  input: RequestInfo | URL,
  init: RequestInit | undefined,
): Promise<Response> {
  const request = new Request(input, init)
  const needsToken = trusted.has(new URL(request.url).origin) && !request.headers.has('Authorization')
  const state = needsToken ? await session.current() : null
  if (state === null) return fetch(request)
  // A stream can be sent only once.
  const retry = init?.body instanceof ReadableStream ? null : request.clone()
  const response = await send(request, state.accessToken)
  if (retry === null || !isInvalidToken(response)) return response
  const renewed = await session.replaceRefused(state)
  return renewed === null ? response : send(retry, renewed.accessToken)
}

function send(request: Request, accessToken: string): Promise<Response> {
  request.headers.set('Authorization', `Bearer ${accessToken}`)
  return fetch(request)
}

function isInvalidToken(response: Response): boolean {
  const challenges = response.headers.get('WWW-Authenticate') ?? ''
  // Two searches, because one expression for both would take quadratic time and the API controls the header's length.
  const start = challenges.search(BEARER)
  return response.status === 401 && start !== -1 && INVALID_TOKEN.test(challenges.slice(start))
}

/** @param trusted the origins to which the token is sent */
export async function openWebSocket(
  session: TabSession,
  trusted: ReadonlySet<string>,
  url: string | URL,
  protocols: readonly string[],
): Promise<WebSocket> {
  const address = new URL(url, location.href)
  const { origin } = new URL(address.href.replace(/^ws/, 'http'))
  const state = trusted.has(origin) ? await session.current() : null
  const tokenProtocols = state === null ? [] : [FALLBACK_PROTOCOL, TOKEN_PREFIX + state.accessToken]
  return new WebSocket(address.href.replace(/^http/, 'ws'), [...protocols, ...tokenProtocols])
}
