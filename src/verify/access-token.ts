/** Access tokens: RFC 9068 section 4. */
import type { JWTPayload } from 'jose'
import {
  areIdentityClaims,
  IDENTITY_CLAIMS,
  type IdentityClaims,
  invalid,
  isStringArray,
  type VerificationResult,
  type VerifyOptions,
  verifyPinned,
} from './pinned-jwt.ts'

/** The claims of an access token. A token may also carry custom claims that an operator set for the account. */
export interface AccessTokenClaims extends IdentityClaims {
  /** Time of the last login or password change. */
  readonly auth_time: number
  /** Authentication methods (RFC 8176). */
  readonly amr: readonly string[]
  readonly client_id: string
  /** Present only if the account has a username. */
  readonly preferred_username?: string
}

const ACCESS_TOKEN = {
  typ: 'at+jwt',
  requiredClaims: [...IDENTITY_CLAIMS, 'auth_time', 'amr', 'client_id'],
}

/**
 * @param token compact JWS, without the word "Bearer"
 * @returns the claims, or why the token is not a valid access token of this issuer for this audience
 * @throws any error of `findKey`
 */
export async function verifyAccessToken(
  token: string,
  options: VerifyOptions,
): Promise<VerificationResult<AccessTokenClaims>> {
  const result = await verifyPinned(token, ACCESS_TOKEN, options)
  if (!result.ok) return result
  const { claims, kid } = result
  return isAccessToken(claims) ? { ok: true, claims, kid } : invalid('malformed')
}

function isAccessToken(payload: JWTPayload): payload is AccessTokenClaims {
  const { auth_time, amr, client_id } = payload
  const hasOwnClaims = typeof auth_time === 'number' && typeof client_id === 'string' && isStringArray(amr)
  return hasOwnClaims && areIdentityClaims(payload)
}
