/** Challenges that are issued outside of an attempt: in advance, or for the next attempt. */
import type { Challenge, ChallengeAction } from '../../challenge/challenge.ts'
import { orUnavailable } from '../../errors/service-error.ts'
import { addressRuleOf, counterRuleOf, ruleAtAddress } from '../../limits/rules.ts'
import type { RequestContext } from '../request-context.ts'
import { requesterCounter } from './counters.ts'

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
  const status = await orUnavailable(ctx.services.counter(counter).peek(counterRuleOf(name, rule)))
  return { request: { action, requesterCounter: counter, address: address.shown }, rule, status }
}
