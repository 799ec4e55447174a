/**
 * Authenticates administrators: by ADMIN_TOKEN, or by an access token with the role and the scope `admin`, if the account still
 * has both and the login is fresh.
 */
import { constantTimeEqual, sha256, utf8 } from '../../crypto/bytes.ts'
import { ADMIN_SCOPE } from '../../tokens/claims.ts'
import type { Actor, RequestContext } from '../request-context.ts'
import { authorizeToken } from '../session/authorize.ts'

const REQUIRED = { session: 'check', roles: ['admin'], scope: [ADMIN_SCOPE], freshLogin: true } as const

/**
 * @param token the Bearer token of the request
 * @returns the administrator
 * @throws {ServiceError} `invalid_token`, `insufficient_scope`, `insufficient_user_authentication`,
 * `unavailable`
 */
export async function authenticateAdmin(ctx: RequestContext, token: string): Promise<Actor> {
  if (await isAdminToken(ctx, token)) return { kind: 'admin_token' }
  const { activeSession } = await authorizeToken(ctx, token, REQUIRED)
  if (activeSession === null) throw new Error('the session was not checked')
  return { kind: 'account', ...activeSession }
}

async function isAdminToken({ services }: RequestContext, token: string): Promise<boolean> {
  const { adminToken } = services.config.secrets
  if (adminToken === undefined) return false
  return constantTimeEqual(await sha256(utf8(token)), await sha256(utf8(adminToken)))
}
