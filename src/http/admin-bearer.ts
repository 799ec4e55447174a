/** Lets a request pass that comes from an administrator. */
import { createMiddleware } from 'hono/factory'
import { authenticateAdmin } from '../actions/admin/authenticate-admin.ts'
import { ServiceError } from '../errors/service-error.ts'
import { bearerToken } from './bearer-token.ts'
import type { AppEnv } from './context.ts'

export const requireAdmin = createMiddleware<AppEnv>(async (c, next) => {
  const token = bearerToken(c)
  if (token === null) throw new ServiceError('invalid_token')
  c.set('admin', await authenticateAdmin(c.get('services'), token))
  await next()
})
