/**
 * Gives each request its context. Its time is when the request began or, for a request with a body, when that was complete, since
 * it may arrive slowly.
 */
import type { HonoRequest } from 'hono'
import { createMiddleware } from 'hono/factory'
import type {
  AccountContext,
  Actor,
  GeoLocation,
  LimitReport,
  RequestContext,
  Requester,
} from '../../actions/request-context.ts'
import type { DeploymentConfig } from '../../config/deployment.ts'
import { parseRequesterAddress } from '../../limits/requester-address.ts'
import type { RuleName } from '../../limits/rules.ts'
import { hasControlCharacter } from '../../runtime/text.ts'
import type { Services } from '../../services.ts'
import type { AppContext, AppEnv } from '../context.ts'

export function provideContext(services: Services) {
  return createMiddleware<AppEnv>((c, next) => {
    c.set('ctx', contextOf(c, services, Date.now(), { kind: 'anonymous' }))
    return next()
  })
}

/** Sets the request's time to now. */
export function setCurrentTime(c: AppContext): void {
  const { services, actor } = c.get('ctx')
  c.set('ctx', contextOf(c, services, Date.now(), actor))
}

/** Sets the actor once the request has been authenticated. */
export function setActor(c: AppContext, actor: Actor): void {
  const { services, nowMs } = c.get('ctx')
  c.set('ctx', contextOf(c, services, nowMs, actor))
}

/** @returns the context of a route whose middleware requires a session */
export function accountContext(c: AppContext): AccountContext {
  const ctx = c.get('ctx')
  if (!isAccountContext(ctx)) throw new Error('the route requires no session')
  return ctx
}

function isAccountContext(ctx: RequestContext): ctx is AccountContext {
  return ctx.actor.kind === 'account'
}

function contextOf(c: AppContext, services: Services, nowMs: number, actor: Actor): RequestContext {
  let requester: Requester | null = null
  return {
    services,
    nowMs,
    requestId: c.get('requestId'),
    // Read when it is needed: most requests with a token never ask for it.
    get requester() {
      requester ??= readRequester(c.req, services.config.deployment)
      return requester
    },
    actor,
    waitUntil: (work) => c.executionCtx.waitUntil(work),
    reportLimit: rateLimitHeaders(c),
    addToRequestLog: (fields) => c.set('requestLogFields', { ...c.get('requestLogFields'), ...fields }),
  }
}

/** @returns a function that writes a limit report into the response's headers; of one rule the last report counts */
export function rateLimitHeaders(c: AppContext): (report: LimitReport) => void {
  const reports = new Map<RuleName, LimitReport>()
  return (report) => {
    reports.set(report.name, report)
    const list = [...reports.values()]
    c.header('RateLimit-Policy', list.map(toPolicy).join(', '))
    c.header('RateLimit', list.map(toStatus).join(', '))
  }
}

function toPolicy({ name, limit }: LimitReport): string {
  return `"${name}";q=${limit.threshold};w=${limit.windowMs / 1000}`
}

function toStatus({ name, status }: LimitReport): string {
  return `"${name}";r=${status.remaining};t=${Math.ceil(status.resetInMs / 1000)}`
}

const MAX_USER_AGENT_LENGTH = 256
const MAX_CITY_LENGTH = 100
/** `XX` means that Cloudflare does not know the country. */
const COUNTRY = /^(?!XX)[A-Z][A-Z0-9]$/

export function readRequester(
  request: HonoRequest,
  { clientIpHeader, ipv6Prefix, development }: DeploymentConfig,
): Requester {
  const header = (name: string) => request.header(name)
  return {
    address: parseRequesterAddress(header(clientIpHeader), header('CF-Connecting-IPv6'), ipv6Prefix),
    userAgent: truncate(header('User-Agent'), MAX_USER_AGENT_LENGTH),
    // In local development the runtime makes these properties up.
    location: locationOf(development ? undefined : request.raw.cf),
  }
}

/** @param cf Cloudflare's properties of the request */
function locationOf(cf: Readonly<Record<string, unknown>> | undefined): GeoLocation {
  const { country, city } = cf ?? {}
  return {
    country: typeof country === 'string' && COUNTRY.test(country) ? country : null,
    city: isPlainText(city) ? truncate(city, MAX_CITY_LENGTH) : null,
  }
}

function isPlainText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.isWellFormed() && !hasControlCharacter(value)
}

/** Truncates between code points: half a surrogate pair is not well-formed. */
function truncate(text: string | undefined, length: number): string | null {
  if (text === undefined) return null
  if (text.length <= length) return text
  // A code point is at most two UTF-16 code units.
  return [...text.slice(0, 2 * length)].slice(0, length).join('')
}
