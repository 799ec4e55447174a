/** Gives each request its services, and the time at which it began, or its body had come. */
import { createMiddleware } from 'hono/factory'
import type { RuleName } from '../../config/limits.ts'
import type { LimitReport, Services, SharedServices } from '../../services.ts'
import type { AppContext, AppEnv } from '../context.ts'

/** A body may come slowly: what is decided after it is decided by the time then. */
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
      addToRequestLog: (note) => c.set('requestLogFields', { ...c.get('requestLogFields'), ...note }),
      waitUntil,
    })
    return next()
  })
}

/** @returns what notes a report; of one rule the last counts. */
export function rateLimitHeaders(c: AppContext): (report: LimitReport) => void {
  const reports = new Map<RuleName, LimitReport>()
  return (report) => {
    reports.set(report.name, report)
    const list = [...reports.values()]
    c.header('RateLimit-Policy', list.map(toPolicy).join(', '))
    c.header('RateLimit', list.map(toState).join(', '))
  }
}

function toPolicy({ name, limit }: LimitReport): string {
  return `"${name}";q=${limit.threshold};w=${limit.windowMs / 1000}`
}

function toState({ name, status }: LimitReport): string {
  return `"${name}";r=${status.remaining};t=${Math.ceil(status.resetInMs / 1000)}`
}
