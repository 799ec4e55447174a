/**
 * CORS (Fetch standard, section 3.3) for the configured origins; any other origin is served without its headers.
 */
import type { HonoRequest } from 'hono'
import { createMiddleware } from 'hono/factory'
import type { AppEnv } from '../context.ts'

const EXPOSED = 'WWW-Authenticate, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, Location'
const ALLOWED_HEADERS = 'Authorization, Content-Type, X-Gatehouse-CSRF'
/** RFC 9110 section 5.6.2: a token. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** More names than that no page sends. */
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
   * Where proxies ask whether a request may pass, with its own method and headers: a preflight that is asked about there is
   * none.
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
    if (preflight) c.res = answerPreflight(c.req, allowed, leadsToOrigin)
    else await next()
    c.res.headers.append('Vary', 'Origin')
    if (allowed) allow(c.res.headers, origin, c.get('isProxied') === true)
  })
}

function answerPreflight(
  request: HonoRequest,
  allowed: boolean,
  leadsToOrigin: CorsOptions['leadsToOrigin'],
): Response {
  const answer = new Response(null, { status: 204, headers: allowed ? PREFLIGHT : {} })
  const asked = request.header('Access-Control-Request-Headers')
  if (allowed && asked !== undefined && leadsToOrigin(new URL(request.url).pathname)) {
    answer.headers.set('Access-Control-Allow-Headers', merged(ALLOWED_HEADERS, asked))
  }
  return answer
}

function allow(headers: Headers, origin: string, isProxied: boolean): void {
  // A public document has said "*" already.
  const decided = headers.has('Access-Control-Allow-Origin')
  if (decided && !isProxied) return
  const exposed = isProxied ? (headers.get('Access-Control-Expose-Headers') ?? '') : ''
  headers.set('Access-Control-Expose-Headers', merged(EXPOSED, exposed))
  if (decided) return
  headers.set('Access-Control-Allow-Origin', origin)
  headers.set('Access-Control-Allow-Credentials', 'true')
}

/** RFC 9110 section 5.1: each name that is one, once, whatever its case. */
function merged(names: string, others: string): string {
  const list = names.split(', ')
  const known = new Set(list.map((name) => name.toLowerCase()))
  for (const name of others.slice(0, MAX_NAMES_LENGTH).split(',')) {
    const trimmed = name.trim()
    if (!HEADER_NAME.test(trimmed) || known.has(trimmed.toLowerCase())) continue
    known.add(trimmed.toLowerCase())
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
