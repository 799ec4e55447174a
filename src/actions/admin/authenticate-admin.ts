/**
 * Authenticates administrators: by ADMIN_TOKEN, or by an access token with the role and the scope `admin`, if the account still
 * has both and the login is fresh.
 */

import { constantTimeEqual, sha256, utf8 } from '../../crypto/bytes.ts'
import { ADMIN_SCOPE } from '../../tokens/claims.ts'
import { scopeNames } from '../../verify/bearer.ts'
import type { Actor, RequestContext } from '../request-context.ts'
import { authenticate } from '../session/authenticate.ts'
import { currentPermissions, requireFreshLogin, requirePermissions } from '../session/authorize.ts'

const REQUIRED = { roles: ['admin'], scope: [ADMIN_SCOPE] }

/**
 * @param token the Bearer token of the request
 * @returns the administrator
 * @throws {ServiceError} `invalid_token`, `insufficient_scope`, `insufficient_user_authentication`,
 * `unavailable`
 */
export async function authenticateAdmin(ctx: RequestContext, token: string): Promise<Actor> {
  if (await isAdminToken(ctx, token)) return { kind: 'admin_token' }
  const { claims, activeSession } = await authenticate(ctx, token)
  const { session, profile } = activeSession
  requirePermissions(
    currentPermissions({ roles: claims.roles, scope: scopeNames(claims.scope) }, profile),
    REQUIRED,
  )
  requireFreshLogin(ctx, session)
  return { kind: 'account', ...activeSession }
}

async function isAdminToken({ services: { config } }: RequestContext, token: string): Promise<boolean> {
  const { adminToken } = config.secrets
  if (adminToken === undefined) return false
  return constantTimeEqual(await sha256(utf8(token)), await sha256(utf8(adminToken)))
}
