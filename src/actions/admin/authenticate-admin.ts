/**
 * Who may administrate: whoever holds ADMIN_TOKEN, and accounts that logged in just now with role and scope `admin`, by
 * their token and still.
 */
import { constantTimeEqual, sha256, utf8 } from '../../crypto/bytes.ts'
import type { Services } from '../../services.ts'
import { ADMIN_SCOPE } from '../../tokens/claims.ts'
import { scopeNames } from '../../verify/bearer.ts'
import { authenticate } from '../session/authenticate.ts'
import { authorize, currentPermissions, requireFreshLogin } from '../session/authorize.ts'

const REQUIRED = { roles: ['admin'], scope: [ADMIN_SCOPE] }

/** Stands in records for whoever holds ADMIN_TOKEN. */
const ADMIN_TOKEN_ACTOR = 'admin_token'

/**
 * @param token what was sent as Bearer token
 * @returns who it is, for the record: `admin_token`, or the account's id
 * @throws {ServiceError} `invalid_token`, `insufficient_scope`, `insufficient_user_authentication`,
 * `unavailable`
 */
export async function authenticateAdmin(services: Services, token: string): Promise<string> {
  if (await isAdminToken(services, token)) return ADMIN_TOKEN_ACTOR
  const { claims, activeSession } = await authenticate(services, token)
  const { session, profile } = activeSession
  authorize(currentPermissions({ roles: claims.roles, scope: scopeNames(claims.scope) }, profile), REQUIRED)
  requireFreshLogin(services, session)
  return profile.id
}

async function isAdminToken({ config }: Services, token: string): Promise<boolean> {
  const { adminToken } = config.secrets
  if (adminToken === undefined) return false
  return constantTimeEqual(await sha256(utf8(token)), await sha256(utf8(adminToken)))
}
