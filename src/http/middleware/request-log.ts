/**
 * One structured line for each request, and the headers that every answer carries. Requests that `/auth/verify` lets through
 * have none: the proxy that asked has its own, and here they would bury all others.
 */
import { createMiddleware } from 'hono/factory'
import { matchedRoutes } from 'hono/route'
import { digestOf } from '../../limits/counter-keys.ts'
import { log } from '../../runtime/log.ts'
import type { AppContext, AppEnv } from '../context.ts'
import { requesterOf } from '../requester.ts'

/**
 * A request's id is the CF-Ray, which Cloudflare's own logs know too, else a random one; what a client sends as id is ignored.
 * @param publicUrl the service's own address; null where it is not known, because it is misconfigured
 */
export function requestLog(publicUrl: string | null) {
  const isHttps = publicUrl?.startsWith('https:') ?? false
  return createMiddleware<AppEnv>(async (c, next) => {
    const startedAtMs = performance.now()
    c.set('requestId', rayOf(c) ?? crypto.randomUUID())
    await next()
    c.res.headers.set('X-Request-Id', c.get('requestId'))
    if (!c.get('isProxied')) setOwnHeaders(c.res.headers, isHttps)
    if (REFUSALS.includes(c.res.status)) await noteAddress(c)
    if (!c.get('skipRequestLog')) log('info', 'request', requestFields(c, startedAtMs))
  })
}

const REFUSALS = [401, 403, 429]
const RAY = /^[\w-]{1,64}$/

/** Where Cloudflare's edge is not in front a client may send any text. */
function rayOf(c: AppContext): string | undefined {
  const ray = c.req.header('CF-Ray') ?? ''
  return RAY.test(ray) ? ray : undefined
}

/** So that those who try tokens can be followed, too. No key is read for it: an isolate that has counted something has one. */
async function noteAddress(c: AppContext): Promise<void> {
  const note = c.get('requestLogFields')
  if (note?.addressDigest !== undefined || c.get('isProxied')) return
  const { address } = requesterOf(c)
  const name = address && (await c.get('services').counterKeys.ofRequesterIfReady(address.counted))
  if (name !== null) c.set('requestLogFields', { ...note, addressDigest: digestOf(name) })
}

function setOwnHeaders(headers: Headers, isHttps: boolean): void {
  headers.set('X-Content-Type-Options', 'nosniff')
  // RFC 6797 section 7.2: never over plain http, which is a laptop's.
  if (isHttps) headers.set('Strict-Transport-Security', 'max-age=31536000')
  if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store')
}

/** The route's pattern, not the path: what a client wrote there may be anything. `/*` is the middleware's, which all pass. */
function routeOf(c: AppContext): string {
  return matchedRoutes(c).findLast(({ path }) => path !== '/*')?.path ?? '/*'
}

function requestFields(c: AppContext, startedAtMs: number) {
  const note = c.get('requestLogFields')
  const admin = c.get('admin')
  return {
    request_id: c.get('requestId'),
    method: c.req.method,
    route: c.get('route') ?? routeOf(c),
    status: c.res.status,
    code: c.get('errorCode'),
    duration_ms: Math.round(performance.now() - startedAtMs),
    // Of an administrator's request: whom it was about, and `admin` says who asked.
    account_id: c.get('accountId') ?? (admin === undefined ? note?.accountId : undefined),
    session_id: note?.sessionId,
    client_id: c.get('clientId') ?? note?.clientId,
    admin,
    fields: note?.fields,
    address_digest: note?.addressDigest,
    identifier_digest: note?.identifierDigest,
  }
}
