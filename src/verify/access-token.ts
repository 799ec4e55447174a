/** Access tokens: RFC 9068 section 4. */
import type { JWTPayload } from 'jose'
import {
  areIdentityClaims,
  areNames,
  IDENTITY_CLAIMS,
  type IdentityClaims,
  invalid,
  type VerificationResult,
  type VerifyOptions,
  verifyPinned,
} from './pinned-jwt.ts'

/** The claims of an access token; beside these, whatever an operator gave the account. */
export interface AccessTokenClaims extends IdentityClaims {
  /** The last log in or password change. */
  readonly auth_time: number
  /** RFC 8176. */
  readonly amr: readonly string[]
  readonly client_id: string
  /** Only where the account has a username. */
  readonly preferred_username?: string
}

const ACCESS_TOKEN = {
  typ: 'at+jwt',
  requiredClaims: [...IDENTITY_CLAIMS, 'auth_time', 'amr', 'client_id'],
}

/**
 * @param token compact JWS, without the word "Bearer"
 * @returns the claims, or why the token is not a valid access token of this issuer for this audience
 * @throws what `findKey` throws
 */
export async function verifyAccessToken(
  token: string,
  options: VerifyOptions,
): Promise<VerificationResult<AccessTokenClaims>> {
  const result = await verifyPinned(token, ACCESS_TOKEN, options)
  if (!result.ok) return result
  return isAccessToken(result.claims) ? { ok: true, claims: result.claims } : invalid('malformed')
}

function isAccessToken(payload: JWTPayload): payload is AccessTokenClaims {
  const { auth_time, amr, client_id } = payload
  const own = typeof auth_time === 'number' && typeof client_id === 'string' && areNames(amr)
  return own && areIdentityClaims(payload)
}
