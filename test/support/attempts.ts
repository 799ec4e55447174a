/** Rate-limited attempts of logins, without a password check. */
import type { Attempt } from '../../src/actions/attempts/attempt.ts'
import { type AttemptRequest, reserveAttempt } from '../../src/actions/attempts/reserve-attempt.ts'
import { PASSWORD_RULES } from '../../src/actions/login/log-in.ts'
import type { RequestContext } from '../../src/actions/request-context.ts'
import { solve } from './solver.ts'
import { refusalOf } from './use-case.ts'

export const IDENTIFIER = { kind: 'username', compared: 'ada' }
export const INCORRECT = { outcome: 'incorrect', accountId: null } as const

export function reserveLogin(
  ctx: RequestContext,
  challenge?: string,
  changes: Partial<AttemptRequest> = {},
): Promise<Attempt> {
  return reserveAttempt(ctx, {
    action: 'login',
    rules: PASSWORD_RULES,
    identifier: IDENTIFIER,
    challenge,
    ...changes,
  })
}

/** An attempt that counts as a failed login. */
export async function failLogin(
  ctx: RequestContext,
  challenge?: string,
  changes?: Partial<AttemptRequest>,
): Promise<void> {
  const attempt = await reserveLogin(ctx, challenge, changes)
  await attempt.refuse(INCORRECT)
  await attempt.releaseUnsettled()
}

/** The solution of the challenge that the next attempt needs. */
export async function solveNext(ctx: RequestContext, changes?: Partial<AttemptRequest>): Promise<string> {
  const { code, members } = await refusalOf(reserveLogin(ctx, undefined, changes))
  if (code !== 'challenge_required') throw new Error(code)
  return solve(members.challenge)
}
