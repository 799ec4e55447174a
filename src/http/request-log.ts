/**
 * One structured line for each request, and the headers that every answer carries. Requests that `/auth/verify` lets through
 * have none: the proxy that asked has its own, and here they would bury all others.
 */
import { createMiddleware } from 'hono/factory'
import { routePath } from 'hono/route'
import { log } from '../log.ts'
import type { AppContext, AppEnv } from './context.ts'

/** The CF-Ray, which Cloudflare's own logs know too, else a random id; what a client calls its request is ignored. */
export const requestLog = createMiddleware<AppEnv>(async (c, next) => {
  const startedAtMs = performance.now()
  c.set('requestId', c.req.header('CF-Ray') ?? crypto.randomUUID())
  await next()
  c.res.headers.set('X-Request-Id', c.get('requestId'))
  if (!c.get('ofOrigin')) setOwnHeaders(c.res.headers)
  if (!c.get('letThrough')) log('info', 'request', requestFields(c, startedAtMs))
})

function setOwnHeaders(headers: Headers): void {
  headers.set('X-Content-Type-Options', 'nosniff')
  if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store')
}

/** The route's pattern, not the path: what a client wrote there may be anything. */
function requestFields(c: AppContext, startedAtMs: number) {
  return {
    request_id: c.get('requestId'),
    method: c.req.method,
    route: c.get('route') ?? routePath(c, -1),
    status: c.res.status,
    code: c.get('errorCode'),
    duration_ms: Math.round(performance.now() - startedAtMs),
    account_id: c.get('accountId'),
    client_id: c.get('clientId'),
    admin: c.get('admin'),
  }
}
