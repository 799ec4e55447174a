/**
 * CORS (Fetch standard, section 3.3) for the configured origins; any other origin is served without its headers.
 */
import type { HonoRequest } from 'hono'
import { createMiddleware } from 'hono/factory'
import type { AppEnv } from './context.ts'

const EXPOSED = 'WWW-Authenticate, Retry-After, RateLimit, RateLimit-Policy, X-Request-Id, Location'
const PREFLIGHT = {
  'Access-Control-Allow-Methods': 'GET, POST, PUT, PATCH, DELETE',
  'Access-Control-Allow-Headers': 'Authorization, Content-Type, X-Gatehouse-CSRF',
  'Access-Control-Max-Age': '600',
}

/**
 * @param allowedOrigins compared exactly with the Origin header
 * @param forwardAuthPath where proxies ask whether a request may pass, with its own method and headers: a preflight that is
 * asked about there is none
 */
export function cors(allowedOrigins: readonly string[], forwardAuthPath: string) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const origin = c.req.header('Origin')
    const allowed = origin !== undefined && allowedOrigins.includes(origin)
    const preflight = isPreflight(c.req) && !isBelow(c.req.path, forwardAuthPath)
    if (preflight) c.res = new Response(null, { status: 204, headers: allowed ? PREFLIGHT : {} })
    else await next()
    c.res.headers.append('Vary', 'Origin')
    // A public document has said "*" already.
    if (!allowed || c.res.headers.has('Access-Control-Allow-Origin')) return
    c.res.headers.set('Access-Control-Allow-Origin', origin)
    c.res.headers.set('Access-Control-Allow-Credentials', 'true')
    c.res.headers.set('Access-Control-Expose-Headers', EXPOSED)
  })
}

function isPreflight(request: HonoRequest): boolean {
  return request.method === 'OPTIONS' && request.header('Access-Control-Request-Method') !== undefined
}

function isBelow(path: string, parent: string): boolean {
  return path === parent || path.startsWith(`${parent}/`)
}
