/** The gateway: a request whose token is right goes on to its origin, and the answer back, both as streams. */
import { authorizeToken, type Identity } from '../actions/session/authorize.ts'
import type { GatewayConfig } from '../config/gateway.ts'
import type { GatewayRoute } from '../config/gateway-route.ts'
import { ServiceError } from '../errors/service-error.ts'
import type { AppContext } from '../http/context.ts'
import { bearerToken } from '../http/credentials.ts'
import { hostNameOf } from '../http/middleware/host.ts'
import { requesterOf } from '../http/requester.ts'
import { ADMIN_SCOPE } from '../tokens/claims.ts'
import { clientBody, hasBody } from './client-body.ts'
import {
  ASSERTION_HEADER,
  forwardingHeaders,
  identityHeaders,
  sandbox,
  toClientHeaders,
  toOriginHeaders,
} from './headers.ts'
import type { OriginTokens } from './origin-tokens.ts'
import { canonicalPath, pathAtOrigin, servedRoute } from './origins.ts'
import { isWebSocketRequest, offerToOrigin, readOfferedProtocols, selectForClient } from './web-socket.ts'

/** @returns what passes a request on; it answers null where no route leads from its path */
export function gatewayTo(
  gateway: GatewayConfig,
  tokens: OriginTokens,
): (c: AppContext) => Promise<Response | null> {
  return async (c) => {
    const { pathname, search, origin } = new URL(c.req.url)
    const host = hostNameOf(c)
    const path = canonicalPath(pathname)
    const route = path === null ? null : servedRoute(gateway, path, host)
    if (path === null || route === null) return null
    c.set('route', `${route.prefix.replace(/\/$/, '')}/*`)
    refuseBodyOfGet(c)
    refuseTrace(c)
    const isOwnHost = gateway.hosts.has(host)
    if (!isOwnHost) refuseServiceWorker(c)
    const { publicUrl, clientIpHeader } = c.get('services').config.deployment
    const reachedAt = isOwnHost ? origin : publicUrl
    const token = tokenOf(c)
    const identity = await identityOf(c, route, token)
    const headers = toOriginHeaders(c.req.raw.headers, clientIpHeader)
    setForwarding(c, headers, reachedAt)
    await setIdentity(c, headers, route, { identity, token }, tokens)
    const answer = await send(c, route, { isOwnHost, reachedAt, path, search, headers })
    c.set('isProxied', true)
    return answer
  }
}

/** The runtime cannot send one, so that the origin would see another request than the client made (RFC 9110 section 9.3.1). */
function refuseBodyOfGet({ req }: AppContext): void {
  if (isBodiless(req.method) && hasBody(req.raw)) throw new ServiceError('malformed_request')
}

function isBodiless(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

/** It would show the client what the gate said to the origin (RFC 9110 section 9.3.8). */
function refuseTrace(c: AppContext): void {
  if (c.req.method !== 'TRACE') return
  c.header('Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS')
  throw new ServiceError('method_not_allowed')
}

/** A service worker would answer for the hosted pages, which may share the host. */
function refuseServiceWorker(c: AppContext): void {
  if (c.req.header('Service-Worker') !== undefined) throw new ServiceError('not_found')
}

/** @returns null where no token is needed, and none was sent */
async function identityOf(
  c: AppContext,
  route: GatewayRoute,
  token: string | null,
): Promise<Identity | null> {
  if (token === null && !route.required) return null
  if (token === null) throw new ServiceError('invalid_token')
  const identity = await authorizeToken(c.get('services'), token, route)
  c.set('accountId', identity.subject)
  return identity
}

/** @returns the Bearer token, or the one that a WebSocket offers in its place; null for none */
function tokenOf(c: AppContext): string | null {
  const { headers } = c.req.raw
  const bearer = bearerToken(c)
  if (bearer !== null || !isWebSocketRequest(headers)) return bearer
  const [offered, another] = readOfferedProtocols(headers).tokens
  if (another !== undefined) throw new ServiceError('invalid_token')
  return offered ?? null
}

/** What the origin learns of the connection. */
function setForwarding(c: AppContext, headers: Headers, reachedAt: string): void {
  const client = requesterOf(c).address?.shown ?? null
  for (const [name, value] of Object.entries(forwardingHeaders({ client, reachedAt })))
    headers.set(name, value)
  if (isWebSocketRequest(c.req.raw.headers)) headers.set('Upgrade', 'websocket')
  offerToOrigin(headers, readOfferedProtocols(headers))
}

interface Person {
  /** null if the request has no token. */
  readonly identity: Identity | null
  /** By which it was told, wherever that stood. */
  readonly token: string | null
}

/** What the origin learns of the person. */
async function setIdentity(
  c: AppContext,
  headers: Headers,
  route: GatewayRoute,
  { identity, token }: Person,
  tokens: OriginTokens,
): Promise<void> {
  const services = c.get('services')
  // An origin trusts this header, so none goes on that was not verified here.
  headers.delete('Authorization')
  if (identity === null) return
  if (passesToken(route, identity)) headers.set('Authorization', `Bearer ${token}`)
  const { authorization, audience } = route
  if (authorization === 'exchange') {
    headers.set('Authorization', `Bearer ${await tokens.exchange(services, identity, audience)}`)
  }
  const readable = route.clientId === null ? identityHeaders(identity) : {}
  for (const [name, value] of Object.entries(readable)) headers.set(name, value)
  headers.set(ASSERTION_HEADER, await tokens.assertion(services, identity, route))
}

/** A token that may administrate is for the service alone. */
function passesToken({ authorization }: GatewayRoute, identity: Identity): boolean {
  return authorization === 'pass' && !identity.claims.scope.split(' ').includes(ADMIN_SCOPE)
}

/** What the origin is asked, beside method and body. */
interface Asked {
  /** Whether the client reached a host that is for origins. */
  readonly isOwnHost: boolean
  /** The origin, in the browser's sense, under which the client reached the gateway. */
  readonly reachedAt: string
  /** A plain one. */
  readonly path: string
  readonly search: string
  readonly headers: Headers
}

async function send(c: AppContext, route: GatewayRoute, asked: Asked): Promise<Response> {
  const { origin, timeoutMs } = route
  const late = new AbortController()
  const body = clientBody(c.req.raw, late)
  const timer = setTimeout(() => late.abort(), timeoutMs)
  try {
    const request = requestTo(c, route, asked, body.stream, late.signal)
    const answer = await (origin.kind === 'address'
      ? fetch(request)
      : c.get('services').origin(origin.binding).fetch(request))
    return toClient(c, route, asked, answer)
  } catch (cause) {
    if (cause instanceof ServiceError) throw cause
    if (await body.isBroken()) throw new ServiceError('malformed_request')
    throw new ServiceError(late.signal.aborted ? 'gateway_timeout' : 'bad_gateway', {}, { cause })
  } finally {
    clearTimeout(timer)
  }
}

function requestTo(
  c: AppContext,
  route: GatewayRoute,
  { reachedAt, path, search, headers }: Asked,
  body: ReadableStream<Uint8Array> | null,
  signal: AbortSignal,
): Request {
  const { origin, cache } = route
  const url = new URL(origin.kind === 'address' ? origin.url : reachedAt)
  const target = pathAtOrigin(route, path, url.pathname)
  url.pathname = target
  // Whatever else the URL standard makes of a path, it leads nowhere else.
  if (url.pathname !== target) throw new ServiceError('not_found')
  url.search = search
  const { method } = c.req.raw
  if (isBodiless(method)) headers.delete('Content-Length')
  return new Request(url, {
    method,
    headers,
    body,
    redirect: 'manual',
    signal,
    // Cloudflare's cache may otherwise answer one user with what another got.
    ...(cache === 'no-store' && { cache }),
  })
}

/** As the origin said it: status, headers and body, a WebSocket too. */
function toClient(c: AppContext, { pages }: GatewayRoute, { isOwnHost }: Asked, answer: Response): Response {
  const { status, statusText, body, webSocket } = answer
  const headers = toClientHeaders(answer.headers, isOwnHost)
  if (!pages) sandbox(headers)
  if (webSocket !== null) selectForClient(headers, readOfferedProtocols(c.req.raw.headers))
  return new Response(body, { status, statusText, headers, webSocket })
}
