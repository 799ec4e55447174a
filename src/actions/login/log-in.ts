/** Login: checks identifier and password, opens a session and issues its tokens. */
import { AccountLookup } from '../../accounts/account-repository.ts'
import { parseIdentifier } from '../../accounts/identifier.ts'
import { type RateLimitedRequest, reserveAttempt } from '../attempts/reserve-attempt.ts'
import type { RequestContext } from '../request-context.ts'
import { type IssuedTokens, issueTokens } from '../session/issue-tokens.ts'
import { endOrphanedSession, type SessionRequest } from '../session/open-session.ts'
import { checkPassword, rehash } from './check-password.ts'
import { openCurrentSession } from './open-current-session.ts'

export interface LoginRequest extends RateLimitedRequest, SessionRequest {
  readonly identifier: string
  readonly password: string
}

/** The rules of every attempt that checks a password. */
export const PASSWORD_RULES = ['login_failures_per_ip', 'login_failures_per_account'] as const

/**
 * @throws {ServiceError} `invalid_credentials`, `account_disabled`, `misconfigured`, `unavailable`; as reserveAttempt
 */
export async function logIn(ctx: RequestContext, request: LoginRequest): Promise<IssuedTokens> {
  const key = await ctx.services.signingKeys.signing(ctx)
  const identifier = parseIdentifier(request.identifier, ctx.services.config.accounts.defaultPhoneRegion)
  const lookup = new AccountLookup(ctx.services.accounts, identifier)
  const attempt = await reserveAttempt(ctx, {
    action: 'login',
    rules: PASSWORD_RULES,
    identifier: identifier ?? { kind: null, compared: request.identifier },
    challenge: request.challenge,
    whileReserving: () => lookup.begin('replica'),
  })
  try {
    const check = await checkPassword(ctx, lookup, request.password, 'replica')
    const login = check.outcome === 'correct' ? await openCurrentSession(ctx, request, lookup, check) : check
    switch (login.outcome) {
      case 'incorrect':
      case 'disabled':
        throw await attempt.refuse(login)
      case 'opened': {
        const { profile, session } = login.activeSession
        // If this cannot be recorded, nothing reveals that the password was correct, and the session ends.
        await attempt.succeed(profile.id).catch((error: unknown) => {
          ctx.waitUntil(endOrphanedSession(ctx, profile.id, session.id))
          throw error
        })
        if (login.check.needsRehash) ctx.waitUntil(rehash(ctx, login.check, request.password))
        return await issueTokens(ctx, key, login)
      }
    }
  } finally {
    await attempt.releaseUnsettled()
  }
}
