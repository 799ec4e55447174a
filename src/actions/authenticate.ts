/** Who a Bearer token speaks for, with its session checked alive. */
import { reach, ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import type { Grant } from '../sessions/account-object.ts'
import { type AccessTokenClaims, verifyAccessToken } from '../verify/access-token.ts'

export interface Authenticated {
  readonly claims: AccessTokenClaims
  /** What is true of the session and its account now. */
  readonly grant: Grant
}

/** @throws {ServiceError} `invalid_token`, `unavailable` */
export async function authenticate(services: Services, accessToken: string): Promise<Authenticated> {
  const { config, signingKeys, settings, nowMs } = services
  const claims = await verifyAccessToken(accessToken, {
    issuer: config.tokens.issuer,
    audience: config.tokens.audience,
    findKey: (kid) => signingKeys.verification(kid, nowMs),
    nowMs,
  })
  if (claims === null) throw new ServiceError('invalid_token')
  const { sessionsFromMs } = await settings.current(nowMs)
  const grant = await reach(services.accountObject(claims.sub).check(claims.sid, sessionsFromMs))
  if (grant === null) throw new ServiceError('invalid_token')
  return { claims, grant }
}
