/** CORS (Fetch standard, section 3.3) for the configured origins. Responses to any other origin have no CORS headers. */
import type { HonoRequest } from 'hono'
import { createMiddleware } from 'hono/factory'
import type { AppEnv } from '../context.ts'

const EXPOSED = 'WWW-Authenticate, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, Location'
const ALLOWED_HEADERS = 'Authorization, Content-Type, X-Gatehouse-CSRF'
/** RFC 9110 section 5.6.2: a token. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** Names beyond this length are ignored; no page sends so many. */
const MAX_NAMES_LENGTH = 4_096
const PREFLIGHT = {
  'Access-Control-Allow-Methods': 'GET, POST, PUT, PATCH, DELETE',
  'Access-Control-Allow-Headers': ALLOWED_HEADERS,
  'Access-Control-Max-Age': '600',
}

export interface CorsOptions {
  /** Compared exactly with the Origin header. */
  readonly allowedOrigins: readonly string[]
  /**
   * Where proxies send the method and headers of a request to be checked. A preflight among these is not a preflight to the
   * service.
   */
  readonly forwardAuthPath: string
  /** Whether a path leads to an origin behind the gateway, whose header names the service does not know. */
  readonly leadsToOrigin: (path: string) => boolean
}

export function cors({ allowedOrigins, forwardAuthPath, leadsToOrigin }: CorsOptions) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const origin = c.req.header('Origin')
    const allowed = origin !== undefined && allowedOrigins.includes(origin)
    const preflight = isPreflight(c.req) && !isBelow(c.req.path, forwardAuthPath)
    if (preflight) c.res = preflightResponse(c.req, allowed, leadsToOrigin)
    else await next()
    c.res.headers.append('Vary', 'Origin')
    if (allowed) setCorsHeaders(c.res.headers, origin, c.get('isProxied') === true)
  })
}

function preflightResponse(
  request: HonoRequest,
  allowed: boolean,
  leadsToOrigin: CorsOptions['leadsToOrigin'],
): Response {
  const response = new Response(null, { status: 204, headers: allowed ? PREFLIGHT : {} })
  const requested = request.header('Access-Control-Request-Headers')
  if (allowed && requested !== undefined && leadsToOrigin(new URL(request.url).pathname)) {
    response.headers.set('Access-Control-Allow-Headers', mergeNames(ALLOWED_HEADERS, requested))
  }
  return response
}

function setCorsHeaders(headers: Headers, origin: string, isProxied: boolean): void {
  // A public document already allows every origin ("*").
  const hasAllowOrigin = headers.has('Access-Control-Allow-Origin')
  if (hasAllowOrigin && !isProxied) return
  const exposed = isProxied ? (headers.get('Access-Control-Expose-Headers') ?? '') : ''
  headers.set('Access-Control-Expose-Headers', mergeNames(EXPOSED, exposed))
  if (hasAllowOrigin) return
  headers.set('Access-Control-Allow-Origin', origin)
  headers.set('Access-Control-Allow-Credentials', 'true')
}

/** Lists each valid name once: names are case-insensitive (RFC 9110 section 5.1). */
function mergeNames(names: string, others: string): string {
  const list = names.split(', ')
  const listed = new Set(list.map((name) => name.toLowerCase()))
  for (const name of others.slice(0, MAX_NAMES_LENGTH).split(',')) {
    const trimmed = name.trim()
    if (!HEADER_NAME.test(trimmed) || listed.has(trimmed.toLowerCase())) continue
    listed.add(trimmed.toLowerCase())
    list.push(trimmed)
  }
  return list.join(', ')
}

function isPreflight(request: HonoRequest): boolean {
  return request.method === 'OPTIONS' && request.header('Access-Control-Request-Method') !== undefined
}

function isBelow(path: string, parent: string): boolean {
  return path === parent || path.startsWith(`${parent}/`)
}
