/**
 * Authenticates administrators: by ADMIN_TOKEN, or by an access token with the role and the scope `admin`, if the account still
 * has both and the login is fresh.
 */
import { constantTimeEqual, sha256, utf8 } from '../../crypto/bytes.ts'
import type { Services } from '../../services.ts'
import { ADMIN_SCOPE } from '../../tokens/claims.ts'
import { scopeNames } from '../../verify/bearer.ts'
import { authenticate } from '../session/authenticate.ts'
import { currentPermissions, requireFreshLogin, requirePermissions } from '../session/authorize.ts'

const REQUIRED = { roles: ['admin'], scope: [ADMIN_SCOPE] }

/** The administrator's name in logs if ADMIN_TOKEN was used. */
const ADMIN_TOKEN_ACTOR = 'admin_token'

/**
 * @param token the Bearer token of the request
 * @returns the administrator's name in logs: `admin_token`, or the account's id
 * @throws {ServiceError} `invalid_token`, `insufficient_scope`, `insufficient_user_authentication`,
 * `unavailable`
 */
export async function authenticateAdmin(services: Services, token: string): Promise<string> {
  if (await isAdminToken(services, token)) return ADMIN_TOKEN_ACTOR
  const { claims, activeSession } = await authenticate(services, token)
  const { session, profile } = activeSession
  requirePermissions(
    currentPermissions({ roles: claims.roles, scope: scopeNames(claims.scope) }, profile),
    REQUIRED,
  )
  requireFreshLogin(services, session)
  return profile.id
}

async function isAdminToken({ config }: Services, token: string): Promise<boolean> {
  const { adminToken } = config.secrets
  if (adminToken === undefined) return false
  return constantTimeEqual(await sha256(utf8(token)), await sha256(utf8(adminToken)))
}
