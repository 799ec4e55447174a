/** Gives each request its services, and the time at which it began, or its body had come. */
import { createMiddleware } from 'hono/factory'
import type { Services, SharedServices } from '../../services.ts'
import type { AppEnv } from '../context.ts'
import { rateLimitHeaders } from '../rate-limit.ts'

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
