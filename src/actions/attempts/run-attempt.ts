/** Runs a rate-limited attempt: one that checks a password, or one that may register an identifier. */

import type { ChallengeAction } from '../../challenge/challenge.ts'
import { digestOf } from '../../limits/counter-keys.ts'
import { type RuleName, ruleAtAddress } from '../../limits/rules.ts'
import type { RequestContext } from '../request-context.ts'
import { type AppliedRule, Attempt, countsAsRegistration } from './attempt.ts'
import { requesterCounter } from './requester-limits.ts'

export interface RateLimitedRequest {
  /** The solution of a challenge, if the request carries one. */
  readonly challenge: string | undefined
}

/** What an attempt is counted as. */
export interface AttemptKind {
  readonly action: ChallengeAction
  /** Whether the attempt may register an identifier, or find out that it is taken. */
  readonly mayRegister: boolean
  /** The identifier whose password is checked; null if none is. */
  readonly identifier: AttemptIdentifier | null
}

export interface AttemptIdentifier {
  /** Null for text that no account can have as an identifier. */
  readonly kind: string | null
  readonly compared: string
}

/**
 * Reserves the attempt, does the work and settles the attempt. Runs to completion even if the caller disconnects, so that
 * disconnecting cannot avoid being counted.
 * @throws {ServiceError} `client_ip_unknown`, `too_many_*`, `challenge_*`, `unavailable`, and what `work` throws
 */
export async function runAttempt<T>(
  ctx: RequestContext,
  request: RateLimitedRequest,
  kind: AttemptKind,
  work: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const running = run(ctx, request, kind, work)
  ctx.waitUntil(running.catch(() => undefined))
  return running
}

async function run<T>(
  ctx: RequestContext,
  { challenge }: RateLimitedRequest,
  kind: AttemptKind,
  work: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const { address, counter } = await requesterCounter(ctx)
  const identifier = await identifierCounter(ctx, kind)
  const { action, mayRegister } = kind
  const attempt = new Attempt(ctx, {
    action,
    requesterCounter: counter,
    address: address.shown,
    identifierCounter: identifier,
    challenge,
  })
  try {
    const rules = await ctx.services.settings.rules(ctx)
    const perRequester = (name: RuleName): AppliedRule => {
      return { name, rule: ruleAtAddress(name, rules[name], address), counter }
    }
    if (mayRegister) await attempt.reserve(perRequester('registrations_per_ip'))
    if (identifier !== null) await attempt.reserve(perRequester('login_failures_per_ip'))
    // The identifier's counter is not called before a requester who needs a challenge has solved it.
    await attempt.verifyChallenge()
    if (identifier !== null) {
      const name = 'login_failures_per_account'
      await attempt.reserve({ name, rule: rules[name], counter: identifier })
    }
    await attempt.verifyChallenge()
    await attempt.consumeChallenge()
    const result = await work(attempt)
    await attempt.settleRemaining(true)
    return result
  } catch (error) {
    await attempt.settleRemaining(countsAsRegistration(error))
    throw error
  }
}

async function identifierCounter(ctx: RequestContext, { identifier }: AttemptKind): Promise<string | null> {
  if (identifier === null) return null
  const counter = await ctx.services.counterKeys.ofIdentifier(identifier.kind, identifier.compared, ctx)
  ctx.addToRequestLog({ identifierDigest: digestOf(counter) })
  return counter
}
