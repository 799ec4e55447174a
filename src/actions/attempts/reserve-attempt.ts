/** Reserves an attempt at every counter that applies, and checks the challenge if one of them asks for it. */
import type { ChallengeAction } from '../../challenge/challenge.ts'
import type { SolvedForCounter } from '../../limits/counter-rpc.ts'
import type { RuleName } from '../../limits/rules.ts'
import type { RequestContext } from '../request-context.ts'
import { Attempt } from './attempt.ts'
import { AttemptChallenge } from './challenges.ts'
import { type AppliedRule, type AttemptIdentifier, attemptCounters } from './counters.ts'

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
   * Begins work that takes place beside the reservation at the identifier's counter, since it needs nothing from it. It must
   * change nothing and reveal nothing: the reservation may still fail.
   */
  readonly beside?: () => void
}

/**
 * Reserves without a challenge first, since a challenge that is not asked for must not be used up. The identifier's counter is
 * not called before a requester whose own counter asks for a challenge has solved it.
 * @returns the lease; the caller must end it with `releaseUnsettled` in any case
 * @throws {ServiceError} `client_ip_unknown`, `too_many_*`, `challenge_*`, `unavailable`
 */
export async function reserveAttempt(ctx: RequestContext, request: AttemptRequest): Promise<Attempt> {
  const { requester, identifier, applied } = await attemptCounters(ctx, request.rules, request.identifier)
  const challenge = new AttemptChallenge(ctx, request, requester)
  const attempt = new Attempt(ctx, requester.counter, identifier)
  try {
    const refusedBy = await reserveAtAddress(attempt, challenge, applied.filter(isAt(requester.counter)))
    if (refusedBy.length === 0) request.beside?.()
    await reserveAtIdentifier(attempt, challenge, applied.filter(isAt(identifier)))
    await consumeChallenge(attempt, challenge, refusedBy)
    return attempt
  } catch (error) {
    await attempt.releaseUnsettled()
    throw error
  }
}

function isAt(counter: string | null) {
  return (applied: AppliedRule) => applied.counter === counter
}

/** @returns the rules that admit the attempt only with a challenge, which is solved */
async function reserveAtAddress(
  attempt: Attempt,
  challenge: AttemptChallenge,
  applied: readonly AppliedRule[],
): Promise<readonly AppliedRule[]> {
  const refusedBy: AppliedRule[] = []
  for (const rule of applied) {
    const { outcome, status } = await attempt.reserve(rule, null)
    if (outcome === 'admitted') continue
    challenge.require(status.difficulty)
    refusedBy.push(rule)
  }
  if (refusedBy.length > 0) await challenge.solve()
  return refusedBy
}

/** With a solved challenge the attempt must not use up the places that others have left at this identifier. */
async function reserveAtIdentifier(
  attempt: Attempt,
  challenge: AttemptChallenge,
  applied: readonly AppliedRule[],
): Promise<void> {
  for (const rule of applied) {
    if (challenge.solved === null) {
      const { outcome, status } = await attempt.reserve(rule, null)
      if (outcome === 'admitted') continue
      challenge.require(status.difficulty)
    }
    await reserveSolved(attempt, challenge, rule, { ...(await challenge.solve()), nonce: null })
  }
}

/** Uses up the solved challenge at the counter of the requester's address, once. */
async function consumeChallenge(
  attempt: Attempt,
  challenge: AttemptChallenge,
  refusedBy: readonly AppliedRule[],
): Promise<void> {
  const { solved } = challenge
  if (solved === null) return
  const [first, ...others] = refusedBy
  if (first === undefined) {
    const isFirstUse = solved.nonce === null || (await attempt.useUpNonce(solved))
    if (!isFirstUse) await challenge.fail('already_used')
    return
  }
  await reserveSolved(attempt, challenge, first, solved)
  for (const rule of others) await reserveSolved(attempt, challenge, rule, { ...solved, nonce: null })
}

async function reserveSolved(
  attempt: Attempt,
  challenge: AttemptChallenge,
  rule: AppliedRule,
  solved: SolvedForCounter,
): Promise<void> {
  const { outcome, status } = await attempt.reserve(rule, solved)
  if (outcome === 'admitted') return
  challenge.require(status.difficulty)
  await challenge.fail(outcome === 'already_used' ? 'already_used' : 'difficulty_too_low')
}
