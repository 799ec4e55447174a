/** The gateway: forwards an authorized request to its origin, and returns the origin's response, both as streams. */
import { Hono } from 'hono'
import type { RequestContext } from '../actions/request-context.ts'
import { authorizeToken, type Identity } from '../actions/session/authorize.ts'
import type { DeploymentConfig } from '../config/deployment.ts'
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
  dropForClient,
  dropForOrigin,
  forwardingHeaders,
  type HeaderFilter,
  identityHeaders,
  originHeaderFilter,
  sandbox,
} from './headers.ts'
import type { OriginTokens } from './origin-tokens.ts'
import { canonicalPath, pathAtOrigin, servedRoute } from './origins.ts'
import { isWebSocketRequest, offerToOrigin, readOfferedProtocols, selectForClient } from './web-socket.ts'

/** What is the same for every request. */
interface Gateway {
  readonly publicAddress: URL
  /** The addresses of origins. A service binding has none and receives the public address. */
  readonly addresses: ReadonlyMap<GatewayRoute, URL>
  /** Which headers of a requester must not reach an origin. */
  readonly isDropped: HeaderFilter
  readonly tokens: OriginTokens
}

/**
 * Forwards each request whose path belongs to a route of the gateway; calls `next` for every other path. To be mounted after
 * all other routes.
 */
export function gatewayRoutes(
  config: GatewayConfig,
  { publicUrl, clientIpHeader }: DeploymentConfig,
  tokens: OriginTokens,
) {
  const gateway: Gateway = {
    publicAddress: new URL(publicUrl),
    addresses: addressesOf(config.routes),
    isDropped: originHeaderFilter(clientIpHeader),
    tokens,
  }
  return new Hono<AppEnv>().all('*', async (c, next) => {
    const url = new URL(c.req.url)
    const host = hostNameOf(url)
    const path = canonicalPath(url.pathname)
    const route = path === null ? null : servedRoute(config, path, host)
    if (path === null || route === null) return next()
    c.set('route', `${route.prefix.replace(/\/$/, '')}/*`)
    const response = await forward(c, gateway, { route, url, path, isOwnHost: config.hosts.has(host) })
    c.set('isProxied', true)
    if (route.log === 'failures' && response.status < 400) c.set('skipRequestLog', true)
    return response
  })
}

function addressesOf(routes: readonly GatewayRoute[]): ReadonlyMap<GatewayRoute, URL> {
  const addresses = new Map<GatewayRoute, URL>()
  for (const route of routes) {
    if (route.origin.kind === 'address') addresses.set(route, new URL(route.origin.url))
  }
  return addresses
}

/** A request to a route of the gateway. */
interface RoutedRequest {
  readonly route: GatewayRoute
  /** As it was sent. */
  readonly url: URL
  /** As `canonicalPath` returns it. */
  readonly path: string
  /** Whether it was sent to a host that is for origins. */
  readonly isOwnHost: boolean
}

async function forward(c: AppContext, gateway: Gateway, routed: RoutedRequest): Promise<Response> {
  const { route, url, isOwnHost } = routed
  refuseBodyOfGet(c)
  refuseTrace(c)
  if (!isOwnHost) refuseServiceWorker(c)
  const publicAddress = isOwnHost ? new URL(url.origin) : gateway.publicAddress
  const ownHeaders = {
    ...forwardingHeaders(c.get('ctx').requester.address?.shown ?? null, publicAddress),
    ...(await userHeaders(c, route, gateway.tokens)),
  }
  const originUrl = urlAtOrigin(routed, gateway.addresses.get(route) ?? publicAddress)
  return send(c, routed, { url: originUrl, isDropped: gateway.isDropped, ownHeaders })
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

/**
 * The headers that identify the user to an origin: none for a request without a token, if the route requires none.
 * @throws {ServiceError} as authorizeToken; `misconfigured`
 */
async function userHeaders(
  c: AppContext,
  route: GatewayRoute,
  tokens: OriginTokens,
): Promise<Readonly<Record<string, string>>> {
  const token = tokenOf(c)
  if (token === null && !route.required) return {}
  if (token === null) throw new ServiceError('invalid_token')
  const ctx = c.get('ctx')
  const identity = await authorizeToken(ctx, token, route)
  const forwarded = await forwardedToken(ctx, route, { identity, token }, tokens)
  return {
    ...(forwarded !== null && { Authorization: `Bearer ${forwarded}` }),
    ...(route.clientId === null && identityHeaders(identity)),
    [ASSERTION_HEADER]: await tokens.assertion(ctx, identity, route),
  }
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

interface Caller {
  readonly identity: Identity
  /** The token of the identity, from the Authorization header or the offered subprotocols. */
  readonly token: string
}

/** @returns the Bearer token that the origin receives; null if it receives none */
async function forwardedToken(
  ctx: RequestContext,
  { authorization, audience }: GatewayRoute,
  { identity, token }: Caller,
  tokens: OriginTokens,
): Promise<string | null> {
  if (authorization === 'exchange') return tokens.exchange(ctx, identity, audience)
  return authorization === 'pass' && !isAdmin(identity) ? token : null
}

/** A token with the scope `admin` must not reach an origin. */
function isAdmin({ claims }: Identity): boolean {
  return claims.scope.split(' ').includes(ADMIN_SCOPE)
}

/**
 * @param address of the origin: its path precedes that of the request
 * @throws {ServiceError} `not_found`
 */
function urlAtOrigin({ route, path, url }: RoutedRequest, { origin, pathname }: URL): string {
  const target = pathAtOrigin(route, path, pathname)
  const originUrl = `${origin}${target}${url.search}`
  // The URL parser keeps a path that it has returned. It must not change another, since that could lead to another resource.
  if (target !== url.pathname && new URL(originUrl).pathname !== target) throw new ServiceError('not_found')
  return originUrl
}

/** The request to the origin, apart from what it has in common with that of the requester. */
interface OriginRequest {
  readonly url: string
  readonly isDropped: HeaderFilter
  /** The headers that the gateway sets. */
  readonly ownHeaders: Readonly<Record<string, string>>
}

async function send(c: AppContext, routed: RoutedRequest, request: OriginRequest): Promise<Response> {
  const { origin, timeoutMs } = routed.route
  const sending = new AbortController()
  const body = clientBody(c.req.raw, sending)
  const timer = setTimeout(() => sending.abort(), timeoutMs)
  try {
    const originRequest = requestTo(c, routed, request, body.stream, sending.signal)
    const response = await (origin.kind === 'address'
      ? fetch(originRequest)
      : c.get('ctx').services.origin(origin.binding).fetch(originRequest))
    return toClient(c, routed, response)
  } catch (cause) {
    if (cause instanceof ServiceError) throw cause
    if (await body.isBroken()) throw new ServiceError('malformed_request')
    throw new ServiceError(sending.signal.aborted ? 'gateway_timeout' : 'bad_gateway', {}, { cause })
  } finally {
    clearTimeout(timer)
  }
}

/** The runtime copies the requester's headers at once. Copying them one by one takes several times as long. */
function requestTo(
  c: AppContext,
  { route }: RoutedRequest,
  { url, isDropped, ownHeaders }: OriginRequest,
  body: ReadableStream<Uint8Array> | null,
  signal: AbortSignal,
): Request {
  const { method, headers: received } = c.req.raw
  const request = new Request(url, {
    method,
    headers: received,
    body,
    redirect: 'manual',
    signal,
    // Otherwise Cloudflare's cache could send one user the response to another.
    ...(route.cache === 'no-store' && { cache: route.cache }),
  })
  const { headers } = request
  dropForOrigin(headers, isDropped)
  for (const [name, value] of Object.entries(ownHeaders)) headers.set(name, value)
  if (isBodiless(method)) headers.delete('Content-Length')
  if (isWebSocketRequest(received)) headers.set('Upgrade', 'websocket')
  offerToOrigin(headers)
  return request
}

/** Returns the origin's status, headers, body and WebSocket; some headers are removed. */
function toClient(c: AppContext, { route, isOwnHost }: RoutedRequest, received: Response): Response {
  const response = new Response(received.body, received)
  const { headers, webSocket } = response
  dropForClient(headers, isOwnHost)
  if (!route.pages) sandbox(headers)
  if (webSocket !== null) selectForClient(headers, readOfferedProtocols(c.req.raw.headers))
  return response
}
