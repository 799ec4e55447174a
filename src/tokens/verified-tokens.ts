/**
 * A cache of the access tokens that one isolate has verified. A signature is verified once; what can change is checked every
 * time. The cache key is the whole token, so that no token is mistaken for another. It does not identify a token: the holder of
 * an ECDSA signature can make a second valid one from it, and that token is then verified separately. The `jti` identifies a token.
 */
import { BoundedMap } from '../runtime/bounded-map.ts'
import { type AccessTokenClaims, verifyAccessToken } from '../verify/access-token.ts'
import type { VerifyOptions } from '../verify/pinned-jwt.ts'

const MAX_CACHED = 5_000
/** Longer tokens are verified each time, because an isolate has only 128 MB of memory. */
const MAX_CACHED_LENGTH = 2_048

interface VerifiedToken {
  readonly claims: AccessTokenClaims
  /** The thumbprint of the key (RFC 7638): one id never belongs to two keys. */
  readonly kid: string
}

export class VerifiedTokens {
  readonly #cache = new BoundedMap<VerifiedToken>(MAX_CACHED)

  /**
   * As verifyAccessToken, but always with the same issuer.
   * @returns the claims, which requests share; null if the token is not valid, or no longer
   */
  async verify(token: string, options: VerifyOptions): Promise<AccessTokenClaims | null> {
    const cached = this.#cache.get(token)
    if (cached === undefined) return this.#verifyNew(token, options)
    if (!(await isStillValid(cached, options))) {
      this.#cache.delete(token)
      return null
    }
    return options.audiences.includes(cached.claims.aud) ? cached.claims : null
  }

  async #verifyNew(token: string, options: VerifyOptions): Promise<AccessTokenClaims | null> {
    const result = await verifyAccessToken(token, options)
    if (!result.ok) return null
    const { claims, kid } = result
    if (token.length <= MAX_CACHED_LENGTH) this.#cache.set(token, { claims, kid })
    return claims
  }
}

/** Checks the expiry (RFC 7519 section 4.1.4) and whether the key still exists. `verify` checks the audience, which may differ. */
async function isStillValid(
  { claims, kid }: VerifiedToken,
  { nowMs, findKey }: VerifyOptions,
): Promise<boolean> {
  return nowMs < claims.exp * 1000 && (await findKey(kid)) !== null
}
