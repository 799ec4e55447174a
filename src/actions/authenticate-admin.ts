/**
 * Who may administrate: whoever holds ADMIN_TOKEN, and accounts that logged in just now with role and scope `admin`, by
 * their token and still.
 */
import { constantTimeEqual, sha256, utf8 } from '../bytes.ts'
import { ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { ADMIN_SCOPE } from '../tokens/scope.ts'
import { authenticate } from './authenticate.ts'

const ADMIN_ROLE = 'admin'
const MAX_AUTH_AGE_SECONDS = 900

/** Stands in records for whoever holds ADMIN_TOKEN. */
export const ADMIN_TOKEN_ACTOR = 'admin_token'

/**
 * @param token what was sent as Bearer token
 * @returns who it is, for the record: `admin_token`, or the account's id
 * @throws {ServiceError} `invalid_token`, `insufficient_scope`, `reauthentication_required`, `unavailable`
 */
export async function authenticateAdmin(services: Services, token: string): Promise<string> {
  if (await isAdminToken(services, token)) return ADMIN_TOKEN_ACTOR
  const { claims, grant } = await authenticate(services, token)
  const { session, facts } = grant
  const inToken = claims.roles.includes(ADMIN_ROLE) && claims.scope.split(' ').includes(ADMIN_SCOPE)
  const now = facts.roles.includes(ADMIN_ROLE) && facts.scopes.includes(ADMIN_SCOPE)
  if (!inToken || !now) throw new ServiceError('insufficient_scope')
  if (services.nowMs - session.authTime <= MAX_AUTH_AGE_SECONDS * 1000) return facts.id
  throw new ServiceError('reauthentication_required', { max_age: MAX_AUTH_AGE_SECONDS })
}

async function isAdminToken({ config }: Services, token: string): Promise<boolean> {
  const { adminToken } = config.secrets
  if (adminToken === undefined) return false
  return constantTimeEqual(await sha256(utf8(token)), await sha256(utf8(adminToken)))
}
