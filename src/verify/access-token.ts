/**
 * Verification of the service's access tokens: RFC 9068 section 4 with the practices of RFC 8725. What is
 * accepted is pinned by the caller; nothing in the token chooses a key, an algorithm or an address.
 */
import { type CryptoKey, errors, type JWTPayload, type JWTVerifyResult, jwtVerify } from 'jose'

/** The claims of an access token. Times are NumericDate: integer seconds. */
export interface AccessTokenClaims extends JWTPayload {
  readonly iss: string
  readonly aud: string
  readonly sub: string
  readonly iat: number
  readonly exp: number
  readonly jti: string
  /** The session's id. */
  readonly sid: string
  readonly auth_time: number
  readonly amr: readonly string[]
  readonly client_id: string
  /** Space-separated. */
  readonly scope: string
  readonly roles: readonly string[]
}

export interface VerifyOptions {
  readonly issuer: string
  readonly audience: string
  /** @returns the trusted key with this id and the one algorithm it is for, or null for an unknown id */
  readonly findKey: (kid: string) => Promise<{ readonly alg: string; readonly publicKey: CryptoKey } | null>
  /** Unix time in milliseconds. */
  readonly nowMs: number
}

const ALGORITHMS = ['ES256', 'RS256']
/** RFC 7515 section 7.1. The decoder would overlook white space: one token has one spelling. */
const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]+$/
const REQUIRED_CLAIMS = [
  'iss',
  'aud',
  'sub',
  'iat',
  'exp',
  'jti',
  'sid',
  'auth_time',
  'amr',
  'client_id',
  'scope',
  'roles',
]

/**
 * @param token compact JWS, without the word "Bearer"
 * @returns the claims, or null where the token is not a valid access token of this issuer for this audience
 * @throws what `findKey` throws
 */
export async function verifyAccessToken(
  token: string,
  options: VerifyOptions,
): Promise<AccessTokenClaims | null> {
  if (!COMPACT_JWS.test(token)) return null
  try {
    const { payload } = await verifyPinned(token, options)
    return isAccessToken(payload) ? payload : null
  } catch (error) {
    if (error instanceof errors.JOSEError) return null
    throw error
  }
}

function verifyPinned(
  token: string,
  { issuer, audience, findKey, nowMs }: VerifyOptions,
): Promise<JWTVerifyResult> {
  return jwtVerify(
    token,
    async ({ kid, alg, crit }) => {
      // RFC 7515 section 4.1.11: what may not be ignored is refused, since nothing is understood here.
      const key = kid === undefined || crit !== undefined ? null : await findKey(kid)
      // RFC 8725 section 3.1: each key is used with exactly one algorithm.
      if (key === null || key.alg !== alg) throw new errors.JWKSNoMatchingKey()
      return key.publicKey
    },
    {
      algorithms: ALGORITHMS,
      typ: 'at+jwt',
      issuer,
      audience,
      requiredClaims: REQUIRED_CLAIMS,
      currentDate: new Date(nowMs),
    },
  )
}

function isAccessToken(payload: JWTPayload): payload is AccessTokenClaims {
  const { aud, sub, sid } = payload
  return typeof aud === 'string' && typeof sub === 'string' && typeof sid === 'string'
}
