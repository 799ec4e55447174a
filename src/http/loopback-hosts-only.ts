/** In development only this machine is served: a page that rebinds its name to 127.0.0.1 gets nothing. */
import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors/service-error.ts'
import { isLoopbackHost } from '../verify/loopback.ts'
import type { AppEnv } from './context.ts'

export const loopbackHostsOnly = createMiddleware<AppEnv>(async (c, next) => {
  const { hostname } = new URL(c.req.url)
  if (!isLoopbackHost(hostname)) {
    c.header('Vary', 'Origin')
    const cause = new Error('ENVIRONMENT=development serves loopback hosts only')
    throw new ServiceError('misconfigured', {}, { cause })
  }
  await next()
})
