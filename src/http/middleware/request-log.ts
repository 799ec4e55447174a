/**
 * Writes one structured log line per request and sets the headers of every response. Three requests have none: one that
 * `/auth/verify` lets through, since the proxy logs it itself, one that receives the public keys, since every verifier and cache asks
 * for them again and again, and one that succeeds at a route of the gateway that logs only failures. Their lines would outnumber all
 * others.
 */
import { createMiddleware } from 'hono/factory'
import { matchedRoutes } from 'hono/route'
import { actorName, type RequestContext } from '../../actions/request-context.ts'
import { digestOf } from '../../limits/counter-keys.ts'
import { log } from '../../runtime/log.ts'
import type { AppContext, AppEnv } from '../context.ts'

/**
 * The id of a request is the CF-Ray, which is also in Cloudflare's own logs, or else random. An id that the requester sends is
 * ignored.
 * @param publicUrl the service's own address; null if it is not known, because the service is misconfigured
 */
export function requestLog(publicUrl: string | null) {
  const isHttps = publicUrl?.startsWith('https:') ?? false
  return createMiddleware<AppEnv>(async (c, next) => {
    const startedAtMs = performance.now()
    c.set('requestId', rayOf(c) ?? crypto.randomUUID())
    await next()
    c.res.headers.set('X-Request-Id', c.get('requestId'))
    if (!c.get('isProxied')) setOwnHeaders(c.res.headers, isHttps)
    if (REFUSED_STATUSES.includes(c.res.status)) await addAddressDigest(c)
    if (!c.get('skipRequestLog')) log('info', 'request', requestFields(c, startedAtMs))
  })
}

const REFUSED_STATUSES = [401, 403, 429]
const RAY = /^[\w-]{1,64}$/

/** Without Cloudflare's edge in front, a requester may send any text. */
function rayOf(c: AppContext): string | undefined {
  const ray = c.req.header('CF-Ray') ?? ''
  return RAY.test(ray) ? ray : undefined
}

/**
 * Makes requesters who guess tokens recognisable in the log. Reads no key for it: an isolate that has counted an attempt already
 * has the key.
 */
async function addAddressDigest(c: AppContext): Promise<void> {
  const fields = c.get('requestLogFields')
  if (fields?.addressDigest !== undefined || c.get('isProxied')) return
  const { address } = c.get('ctx').requester
  const key = address && (await c.get('ctx').services.counterKeys.ofRequesterIfReady(address.counted))
  if (key !== null) c.set('requestLogFields', { ...fields, addressDigest: digestOf(key) })
}

function setOwnHeaders(headers: Headers, isHttps: boolean): void {
  headers.set('X-Content-Type-Options', 'nosniff')
  // RFC 6797 section 7.2: never over plain http, which only local development uses.
  if (isHttps) headers.set('Strict-Transport-Security', 'max-age=31536000')
  if (!headers.has('Cache-Control')) headers.set('Cache-Control', 'no-store')
}

/** The route's pattern, not the path, which may contain any text. `/*` is the pattern of middleware and of the gateway. */
function routeOf(c: AppContext): string {
  return matchedRoutes(c).findLast(({ path }) => path !== '/*')?.path ?? '/*'
}

function requestFields(c: AppContext, startedAtMs: number) {
  const fields = c.get('requestLogFields')
  // Missing if the service is misconfigured.
  const actor = (c.get('ctx') as RequestContext | undefined)?.actor
  return {
    request_id: c.get('requestId'),
    method: c.req.method,
    route: c.get('route') ?? routeOf(c),
    status: c.res.status,
    code: c.get('errorCode'),
    duration_ms: Math.round(performance.now() - startedAtMs),
    actor: actor && actorName(actor),
    account_id: fields?.accountId,
    session_id: fields?.sessionId,
    client_id: fields?.clientId,
    fields: fields?.fields,
    address_digest: fields?.addressDigest,
    identifier_digest: fields?.identifierDigest,
  }
}
