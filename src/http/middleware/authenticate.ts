/** Lets a request pass whose Bearer token is valid and whose session is alive. */
import { createMiddleware } from 'hono/factory'
import { authenticate } from '../../actions/session/authenticate.ts'
import { ServiceError } from '../../errors/service-error.ts'
import type { ActiveSession } from '../../sessions/account-rpc.ts'
import { bearerToken } from '../bearer-token.ts'
import type { AppContext, AppEnv } from '../context.ts'

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
