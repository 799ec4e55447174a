/** Requests and WebSockets that carry the access token. */
import type { Session } from './session.ts'

/** What the gateway selects where the origin selects nothing: browsers close a socket without a selection. */
const FALLBACK_PROTOCOL = 'gatehouse'
const TOKEN_PREFIX = 'gatehouse.bearer.'
/** RFC 6750 section 3.1. */
const BEARER = /\bbearer\b/i
const INVALID_TOKEN = /\berror="?invalid_token\b/i

export async function fetchWithToken(
  session: Session,
  trusted: ReadonlySet<string>,
  input: RequestInfo | URL,
  init: RequestInit | undefined,
): Promise<Response> {
  const request = new Request(input, init)
  const plain = !trusted.has(new URL(request.url).origin) || request.headers.has('Authorization')
  const held = plain ? null : await session.current()
  if (held === null) return fetch(request)
  // A stream is read once.
  const again = init?.body instanceof ReadableStream ? null : request.clone()
  const answer = await send(request, held.accessToken)
  if (again === null || !isInvalidToken(answer)) return answer
  const renewed = await session.replaceRefused(held)
  return renewed === null ? answer : send(again, renewed.accessToken)
}

function send(request: Request, accessToken: string): Promise<Response> {
  request.headers.set('Authorization', `Bearer ${accessToken}`)
  return fetch(request)
}

function isInvalidToken(answer: Response): boolean {
  const challenges = answer.headers.get('WWW-Authenticate') ?? ''
  // In two steps: an API's header may be of any length, and one expression for both would be quadratic.
  const start = challenges.search(BEARER)
  return answer.status === 401 && start !== -1 && INVALID_TOKEN.test(challenges.slice(start))
}

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
