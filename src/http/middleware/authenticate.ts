/** Requires a valid Bearer token: one of an active session, or one of an administrator. */
import { createMiddleware } from 'hono/factory'
import { authenticateAdmin } from '../../actions/admin/authenticate-admin.ts'
import { authenticate } from '../../actions/session/authenticate.ts'
import { ServiceError } from '../../errors/service-error.ts'
import type { ActiveSession } from '../../sessions/account-rpc.ts'
import type { AppContext, AppEnv } from '../context.ts'
import { bearerToken } from '../credentials.ts'

/** @throws {ServiceError} `invalid_token`, `unavailable` */
export async function authenticateRequest(c: AppContext): Promise<ActiveSession> {
  const token = bearerToken(c)
  if (token === null) throw new ServiceError('invalid_token')
  return (await authenticate(c.get('services'), token)).activeSession
}

export const requireBearer = createMiddleware<AppEnv>(async (c, next) => {
  c.set('activeSession', await authenticateRequest(c))
  await next()
})

export const requireAdmin = createMiddleware<AppEnv>(async (c, next) => {
  const token = bearerToken(c)
  if (token === null) throw new ServiceError('invalid_token')
  c.set('admin', await authenticateAdmin(c.get('services'), token))
  await next()
})
