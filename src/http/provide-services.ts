/** Gives each request its services, and the time at which it began. */
import { createMiddleware } from 'hono/factory'
import type { SharedServices } from '../services.ts'
import type { AppEnv } from './context.ts'
import { rateLimitHeaders } from './rate-limit.ts'

export function provideServices(shared: SharedServices) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const waitUntil = (work: Promise<unknown>) => c.executionCtx.waitUntil(work)
    const reportLimit = rateLimitHeaders(c)
    c.set('services', {
      ...shared,
      nowMs: Date.now(),
      requestId: c.get('requestId'),
      reportLimit,
      waitUntil,
    })
    await next()
  })
}
