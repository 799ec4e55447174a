/** The gateway: forwards an authorized request to its origin, and returns the origin's response, both as streams. */
import { Hono } from 'hono'
import { authorizeToken, type Identity } from '../actions/session/authorize.ts'
import type { GatewayConfig } from '../config/gateway.ts'
import type { GatewayRoute } from '../config/gateway-route.ts'
import { ServiceError } from '../errors/service-error.ts'
import type { AppContext, AppEnv } from '../http/context.ts'
import { bearerToken } from '../http/credentials.ts'
import { hostNameOf } from '../http/middleware/host.ts'
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

/**
 * Forwards each request whose path belongs to a route of the gateway; calls `next` for every other path. To be mounted after
 * all other routes.
 */
export function gatewayRoutes(gateway: GatewayConfig, tokens: OriginTokens) {
  const router = new Hono<AppEnv>()
  router.all('*', async (c, next) => {
    const { pathname, search, origin } = new URL(c.req.url)
    const host = hostNameOf(c)
    const path = canonicalPath(pathname)
    const route = path === null ? null : servedRoute(gateway, path, host)
    if (path === null || route === null) return next()
    c.set('route', `${route.prefix.replace(/\/$/, '')}/*`)
    refuseBodyOfGet(c)
    refuseTrace(c)
    const isOwnHost = gateway.hosts.has(host)
    if (!isOwnHost) refuseServiceWorker(c)
    const { publicUrl, clientIpHeader } = c.get('ctx').services.config.deployment
    const publicOrigin = isOwnHost ? origin : publicUrl
    const token = tokenOf(c)
    const identity = await identityOf(c, route, token)
    const headers = toOriginHeaders(c.req.raw.headers, clientIpHeader)
    setForwarding(c, headers, publicOrigin)
    await setIdentity(c, headers, route, { identity, token }, tokens)
    const response = await send(c, route, { isOwnHost, publicOrigin, path, search, headers })
    c.set('isProxied', true)
    return response
  })
  return router
}

/** The runtime cannot send such a body, so the origin would receive a different request (RFC 9110 section 9.3.1). */
function refuseBodyOfGet({ req }: AppContext): void {
  if (isBodiless(req.method) && hasBody(req.raw)) throw new ServiceError('malformed_request')
}

function isBodiless(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

/** The response would show the requester the headers that the gateway sends to the origin (RFC 9110 section 9.3.8). */
function refuseTrace(c: AppContext): void {
  if (c.req.method !== 'TRACE') return
  c.header('Allow', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS')
  throw new ServiceError('method_not_allowed')
}

/** A service worker could respond in place of the hosted pages, which may share the host. */
function refuseServiceWorker(c: AppContext): void {
  if (c.req.header('Service-Worker') !== undefined) throw new ServiceError('not_found')
}

/** @returns null if no token is required and none was sent */
async function identityOf(
  c: AppContext,
  route: GatewayRoute,
  token: string | null,
): Promise<Identity | null> {
  if (token === null && !route.required) return null
  if (token === null) throw new ServiceError('invalid_token')
  const identity = await authorizeToken(c.get('ctx'), token, route)
  return identity
}

/** @returns the Bearer token, or else the token that a WebSocket offers as a subprotocol; null if there is no token */
function tokenOf(c: AppContext): string | null {
  const { headers } = c.req.raw
  const bearer = bearerToken(c)
  if (bearer !== null || !isWebSocketRequest(headers)) return bearer
  const [offered, another] = readOfferedProtocols(headers).tokens
  if (another !== undefined) throw new ServiceError('invalid_token')
  return offered ?? null
}

/** Sets the headers that describe the connection. */
function setForwarding(c: AppContext, headers: Headers, publicOrigin: string): void {
  const requester = c.get('ctx').requester.address?.shown ?? null
  for (const [name, value] of Object.entries(forwardingHeaders({ requester, publicOrigin })))
    headers.set(name, value)
  if (isWebSocketRequest(c.req.raw.headers)) headers.set('Upgrade', 'websocket')
  offerToOrigin(headers, readOfferedProtocols(headers))
}

interface Caller {
  /** null if the request has no token. */
  readonly identity: Identity | null
  /** The token of the identity, from the Authorization header or the offered subprotocols. */
  readonly token: string | null
}

/** Sets the headers that identify the user. */
async function setIdentity(
  c: AppContext,
  headers: Headers,
  route: GatewayRoute,
  { identity, token }: Caller,
  tokens: OriginTokens,
): Promise<void> {
  const ctx = c.get('ctx')
  // An origin trusts this header, so it must not contain a token that was not verified here.
  headers.delete('Authorization')
  if (identity === null) return
  if (passesToken(route, identity)) headers.set('Authorization', `Bearer ${token}`)
  const { authorization, audience } = route
  if (authorization === 'exchange') {
    headers.set('Authorization', `Bearer ${await tokens.exchange(ctx, identity, audience)}`)
  }
  const plainIdentity = route.clientId === null ? identityHeaders(identity) : {}
  for (const [name, value] of Object.entries(plainIdentity)) headers.set(name, value)
  headers.set(ASSERTION_HEADER, await tokens.assertion(ctx, identity, route))
}

/** A token with the scope `admin` must not reach an origin. */
function passesToken({ authorization }: GatewayRoute, identity: Identity): boolean {
  return authorization === 'pass' && !identity.claims.scope.split(' ').includes(ADMIN_SCOPE)
}

/** The request to the origin, apart from its method and body. */
interface OriginRequest {
  /** Whether the request was sent to a host that is for origins. */
  readonly isOwnHost: boolean
  /** The web origin (RFC 6454) to which the request was sent. */
  readonly publicOrigin: string
  /** As `canonicalPath` returns it. */
  readonly path: string
  readonly search: string
  readonly headers: Headers
}

async function send(c: AppContext, route: GatewayRoute, request: OriginRequest): Promise<Response> {
  const { origin, timeoutMs } = route
  const sending = new AbortController()
  const body = clientBody(c.req.raw, sending)
  const timer = setTimeout(() => sending.abort(), timeoutMs)
  try {
    const fetchRequest = requestTo(c, route, request, body.stream, sending.signal)
    const response = await (origin.kind === 'address'
      ? fetch(fetchRequest)
      : c.get('ctx').services.origin(origin.binding).fetch(fetchRequest))
    return toClient(c, route, request, response)
  } catch (cause) {
    if (cause instanceof ServiceError) throw cause
    if (await body.isBroken()) throw new ServiceError('malformed_request')
    throw new ServiceError(sending.signal.aborted ? 'gateway_timeout' : 'bad_gateway', {}, { cause })
  } finally {
    clearTimeout(timer)
  }
}

function requestTo(
  c: AppContext,
  route: GatewayRoute,
  { publicOrigin, path, search, headers }: OriginRequest,
  body: ReadableStream<Uint8Array> | null,
  signal: AbortSignal,
): Request {
  const { origin, cache } = route
  const url = new URL(origin.kind === 'address' ? origin.url : publicOrigin)
  const target = pathAtOrigin(route, path, url.pathname)
  url.pathname = target
  // The URL parser must not have changed the path, since the request could then reach another resource.
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
    // Otherwise Cloudflare's cache could send one user the response to another.
    ...(cache === 'no-store' && { cache }),
  })
}

/** Returns the origin's status, headers, body and WebSocket; some headers are removed. */
function toClient(
  c: AppContext,
  { pages }: GatewayRoute,
  { isOwnHost }: OriginRequest,
  response: Response,
): Response {
  const { status, statusText, body, webSocket } = response
  const headers = toClientHeaders(response.headers, isOwnHost)
  if (!pages) sandbox(headers)
  if (webSocket !== null) selectForClient(headers, readOfferedProtocols(c.req.raw.headers))
  return new Response(body, { status, statusText, headers, webSocket })
}
