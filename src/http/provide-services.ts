/** Gives each request its services, and the time at which it began. */
import { createMiddleware } from 'hono/factory'
import type { SharedServices } from '../services.ts'
import type { AppEnv } from './context.ts'

export function provideServices(shared: SharedServices) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const waitUntil = (work: Promise<unknown>) => c.executionCtx.waitUntil(work)
    c.set('services', { ...shared, nowMs: Date.now(), requestId: c.get('requestId'), waitUntil })
    await next()
  })
}
