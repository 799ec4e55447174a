/** Gives each request its services. Their time is when the request began or, for requests with a body, when that was complete. */
import { createMiddleware } from 'hono/factory'
import type { RuleName } from '../../limits/rules.ts'
import type { LimitReport, Services, SharedServices } from '../../services.ts'
import type { AppContext, AppEnv } from '../context.ts'

/** For decisions after the body was read, since it may arrive slowly. */
export function withCurrentTime(services: Services): Services {
  return { ...services, nowMs: Date.now() }
}

export function provideServices(shared: SharedServices) {
  return createMiddleware<AppEnv>((c, next) => {
    const waitUntil = (work: Promise<unknown>) => c.executionCtx.waitUntil(work)
    const reportLimit = rateLimitHeaders(c)
    c.set('services', {
      ...shared,
      nowMs: Date.now(),
      requestId: c.get('requestId'),
      reportLimit,
      addToRequestLog: (fields) => c.set('requestLogFields', { ...c.get('requestLogFields'), ...fields }),
      waitUntil,
    })
    return next()
  })
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
