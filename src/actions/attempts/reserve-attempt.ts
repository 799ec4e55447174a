/** Reserves an attempt at every counter that applies, and checks the challenge if one of them asks for it. */
import type { ChallengeAction } from '../../challenge/challenge.ts'
import type { SolvedForCounter } from '../../limits/counter-rpc.ts'
import type { RuleName } from '../../limits/rules.ts'
import type { RequestContext } from '../request-context.ts'
import { Attempt } from './attempt.ts'
import { AttemptChallenge } from './challenges.ts'
import { type ApplicableRule, type AttemptIdentifier, attemptCounters } from './counters.ts'

/** What a rate-limited request carries. */
export interface RateLimitedRequest {
  /** The solution of a challenge, if the request carries one. */
  readonly challenge: string | undefined
}

/** What is reserved. */
export interface AttemptRequest extends RateLimitedRequest {
  /** The action of a challenge that the attempt may need. */
  readonly action: ChallengeAction
  /** The rules that apply, in the order in which they are checked. */
  readonly rules: readonly RuleName[]
  /** The identifier whose password is checked; null if none is. */
  readonly identifier: AttemptIdentifier | null
  /**
   * Starts a read while the identifier's counter reserves. It must change nothing and reveal nothing, because the reservation may
   * still fail.
   */
  readonly whileReserving?: () => void
}

/**
 * First tries without the challenge, because a challenge that is not required must not be consumed. If the counter of the address
 * requires one, it is verified before the identifier's counter is called.
 * @returns the lease; the caller must end it with `releaseUnsettled` in any case
 * @throws {ServiceError} `client_ip_unknown`, `too_many_*`, `challenge_*`, `unavailable`
 */
export async function reserveAttempt(ctx: RequestContext, request: AttemptRequest): Promise<Attempt> {
  const { requester, identifier, applicable } = await attemptCounters(ctx, request.rules, request.identifier)
  const challenge = new AttemptChallenge(ctx, request, requester)
  const attempt = new Attempt(ctx, requester.counter, identifier)
  try {
    const refused = await reserveAtAddress(attempt, challenge, applicable.filter(isAt(requester.counter)))
    if (refused.length === 0) request.whileReserving?.()
    await reserveAtIdentifier(attempt, challenge, applicable.filter(isAt(identifier)))
    await reserveRefused(attempt, challenge, refused)
    return attempt
  } catch (error) {
    await attempt.releaseUnsettled()
    throw error
  }
}

function isAt(counter: string | null) {
  return (applicable: ApplicableRule) => applicable.counter === counter
}

/** @returns the rules that require the challenge, which is verified but not yet consumed */
async function reserveAtAddress(
  attempt: Attempt,
  challenge: AttemptChallenge,
  applicable: readonly ApplicableRule[],
): Promise<readonly ApplicableRule[]> {
  const refused: ApplicableRule[] = []
  for (const rule of applicable) {
    const { outcome, status } = await attempt.reserve(rule, null)
    if (outcome === 'admitted') continue
    challenge.raiseDifficulty(status.difficulty)
    refused.push(rule)
  }
  if (refused.length > 0) await challenge.solve()
  return refused
}

/** A challenged attempt is counted apart, so that it leaves the attempts without a challenge at this identifier to others. */
async function reserveAtIdentifier(
  attempt: Attempt,
  challenge: AttemptChallenge,
  applicable: readonly ApplicableRule[],
): Promise<void> {
  for (const rule of applicable) {
    if (challenge.solved === null) {
      const { outcome, status } = await attempt.reserve(rule, null)
      if (outcome === 'admitted') continue
      challenge.raiseDifficulty(status.difficulty)
    }
    await reserveSolved(attempt, challenge, rule, { ...(await challenge.solve()), nonce: null })
  }
}

/** Reserves where the address was refused without a challenge, and consumes the solved one there, once. */
async function reserveRefused(
  attempt: Attempt,
  challenge: AttemptChallenge,
  refused: readonly ApplicableRule[],
): Promise<void> {
  const { solved } = challenge
  if (solved === null) return
  const [first, ...others] = refused
  if (first === undefined) {
    const isFirstUse = solved.nonce === null || (await attempt.consumeNonce(solved))
    if (!isFirstUse) await challenge.fail('already_used')
    return
  }
  await reserveSolved(attempt, challenge, first, solved)
  for (const rule of others) await reserveSolved(attempt, challenge, rule, { ...solved, nonce: null })
}

async function reserveSolved(
  attempt: Attempt,
  challenge: AttemptChallenge,
  rule: ApplicableRule,
  solved: SolvedForCounter,
): Promise<void> {
  const { outcome, status } = await attempt.reserve(rule, solved)
  if (outcome === 'admitted') return
  challenge.raiseDifficulty(status.difficulty)
  await challenge.fail(outcome === 'already_used' ? 'already_used' : 'difficulty_too_low')
}
