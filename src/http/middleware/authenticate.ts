/** Requires a valid Bearer token, of an active session or of an administrator, and sets the actor. */
import { createMiddleware } from 'hono/factory'
import { authenticateAdmin } from '../../actions/admin/authenticate-admin.ts'
import { authenticate } from '../../actions/session/authenticate.ts'
import { ServiceError } from '../../errors/service-error.ts'
import type { AppContext, AppEnv } from '../context.ts'
import { bearerToken } from '../credentials.ts'
import { setActor } from './provide-context.ts'

/** @throws {ServiceError} `invalid_token`, `unavailable` */
export async function authenticateRequest(c: AppContext): Promise<void> {
  const activeSession = await authenticate(c.get('ctx'), requireToken(c))
  setActor(c, { kind: 'account', ...activeSession })
}

export const requireBearer = createMiddleware<AppEnv>(async (c, next) => {
  await authenticateRequest(c)
  await next()
})

export const requireAdmin = createMiddleware<AppEnv>(async (c, next) => {
  setActor(c, await authenticateAdmin(c.get('ctx'), requireToken(c)))
  // From here on the log line's account is the one that the request is about.
  c.get('ctx').addToRequestLog({ accountId: undefined })
  await next()
})

function requireToken(c: AppContext): string {
  const token = bearerToken(c)
  if (token === null) throw new ServiceError('invalid_token')
  return token
}
