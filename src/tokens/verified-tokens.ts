/**
 * The access tokens that one isolate has verified: a signature is checked once, what can change is asked every time. The key
 * is the whole token, so that no token is taken for another. It identifies no token: a holder of an ECDSA signature can make a
 * second one of it, which is then verified by itself. What identifies a token is its `jti`.
 */
import { decodeProtectedHeader } from 'jose'
import { BoundedMap } from '../runtime/bounded-map.ts'
import { type AccessTokenClaims, verifyAccessToken } from '../verify/access-token.ts'
import type { VerifyOptions } from '../verify/pinned-jwt.ts'

const MAX_KEPT = 5_000
/** Longer ones are verified each time: an isolate has 128 MB. */
const MAX_KEPT_LENGTH = 2_048

interface Verified {
  readonly claims: AccessTokenClaims
  /** The thumbprint of the key (RFC 7638): under one id there never is another. */
  readonly kid: string
}

export class VerifiedTokens {
  readonly #kept = new BoundedMap<Verified>(MAX_KEPT)

  /**
   * As verifyAccessToken, always with the same issuer.
   * @returns the claims, shared between requests; null where the token is not, or no longer, valid
   */
  async verify(token: string, options: VerifyOptions): Promise<AccessTokenClaims | null> {
    const known = this.#kept.get(token)
    if (known === undefined) return this.#verifyNew(token, options)
    if (!(await isStillValid(known, options))) {
      this.#kept.delete(token)
      return null
    }
    return options.audiences.includes(known.claims.aud) ? known.claims : null
  }

  async #verifyNew(token: string, options: VerifyOptions): Promise<AccessTokenClaims | null> {
    const result = await verifyAccessToken(token, options)
    if (!result.ok) return null
    const { claims } = result
    const { kid } = decodeProtectedHeader(token)
    if (kid !== undefined && token.length <= MAX_KEPT_LENGTH) this.#kept.set(token, { claims, kid })
    return claims
  }
}

/** RFC 7519 section 4.1.4; and its key may be gone. What doors differ in is asked beside: the audience. */
async function isStillValid({ claims, kid }: Verified, { nowMs, findKey }: VerifyOptions): Promise<boolean> {
  return nowMs < claims.exp * 1000 && (await findKey(kid)) !== null
}
