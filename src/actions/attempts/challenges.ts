/** Challenges: verifying a solution, and issuing the challenge that a requester needs for the next attempt. */

import type {
  Challenge,
  ChallengeAction,
  ChallengeFailure,
  ChallengeRequest,
  SolvedChallenge,
} from '../../challenge/challenge.ts'
import { orUnavailable, ServiceError } from '../../errors/service-error.ts'
import { addressRuleOf, ruleAtAddress } from '../../limits/rules.ts'
import type { RequestContext } from '../request-context.ts'
import { limitOf, requesterCounter } from './requester-limits.ts'

/**
 * Verifies the solution of a challenge without calling a counter.
 * @param solution what the request carries; undefined if it carries none
 * @param newDifficulty the difficulty of the new challenge if this one is missing or fails
 * @returns the solved challenge, which the caller must consume; null if its provider consumes it
 * @throws {ServiceError} `challenge_required`, `challenge_failed`, each with a new challenge
 */
export async function verifySolution(
  ctx: RequestContext,
  request: ChallengeRequest,
  solution: string | undefined,
  newDifficulty: number,
): Promise<SolvedChallenge | null> {
  const { challenge: provider } = ctx.services
  if (solution === undefined) {
    const challenge = await provider.issue(request, newDifficulty, ctx)
    throw new ServiceError('challenge_required', { challenge })
  }
  const verification = await provider.verify(solution, request, ctx.nowMs)
  if (verification.solved) return verification.challenge
  return failChallenge(ctx, request, verification.reasons, newDifficulty)
}

/** @throws {ServiceError} `challenge_failed` with a new challenge */
export async function failChallenge(
  ctx: RequestContext,
  request: ChallengeRequest,
  reasons: readonly ChallengeFailure[],
  newDifficulty: number,
): Promise<never> {
  const challenge = await ctx.services.challenge.issue(request, newDifficulty, ctx)
  throw new ServiceError('challenge_failed', { reasons, challenge })
}

/**
 * Issues a challenge in advance of a request, whether or not the request will need it.
 * @throws {ServiceError} `client_ip_unknown`, `unavailable`
 */
export async function issueChallenge(ctx: RequestContext, action: ChallengeAction): Promise<Challenge> {
  const { request, status } = await peekLimit(ctx, action)
  return ctx.services.challenge.issue(request, status.difficulty, ctx)
}

/**
 * Issues the challenge that the requester's next attempt will need if nothing changes until then.
 * @returns null if the attempt will need none
 * @throws {ServiceError} `client_ip_unknown`, `unavailable`
 */
export async function nextChallenge(ctx: RequestContext, action: ChallengeAction): Promise<Challenge | null> {
  const { request, rule, status } = await peekLimit(ctx, action)
  if (!rule.enabled || rule.action !== 'challenge' || !status.exhausted) return null
  return ctx.services.challenge.issue(request, status.difficulty, ctx)
}

/** Reads the limit status of the requester without a reservation. */
async function peekLimit(ctx: RequestContext, action: ChallengeAction) {
  const { address, counter } = await requesterCounter(ctx)
  const name = addressRuleOf(action)
  const rule = ruleAtAddress(name, (await ctx.services.settings.rules(ctx))[name], address)
  const status = await orUnavailable(ctx.services.counter(counter).peek(name, limitOf(rule)))
  return { request: { action, requesterCounter: counter, address: address.shown }, rule, status }
}
