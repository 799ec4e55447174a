/** Challenges: that of one attempt, and those that are issued in advance or for the next attempt. */
import type {
  Challenge,
  ChallengeAction,
  ChallengeFailure,
  ChallengeRequest,
} from '../../challenge/challenge.ts'
import { orUnavailable, ServiceError } from '../../errors/service-error.ts'
import type { SolvedForCounter } from '../../limits/counter-rpc.ts'
import { addressRuleOf, counterRuleOf, ruleAtAddress } from '../../limits/rules.ts'
import { MAX_DIFFICULTY, meetsDifficulty } from '../../limits/window.ts'
import type { RequestContext } from '../request-context.ts'

import { type RequesterCounter, requesterCounter } from './counters.ts'

interface SentChallenge {
  readonly action: ChallengeAction
  /** The solution of a challenge, if the request carries one. */
  readonly challenge: string | undefined
}

export class AttemptChallenge {
  readonly #ctx: RequestContext
  readonly #request: ChallengeRequest
  readonly #solution: string | undefined
  #requiredDifficulty = 0
  #solved: SolvedForCounter | null = null

  constructor(
    ctx: RequestContext,
    { action, challenge }: SentChallenge,
    { address, counter }: RequesterCounter,
  ) {
    this.#ctx = ctx
    this.#request = { action, requesterCounter: counter, address: address.shown }
    this.#solution = challenge
  }

  /** Null until a solution has been verified. */
  get solved(): SolvedForCounter | null {
    return this.#solved
  }

  /** Raises the difficulty that the attempt needs. */
  raiseDifficulty(difficulty: number): void {
    this.#requiredDifficulty = Math.max(this.#requiredDifficulty, difficulty)
  }

  /**
   * Verifies the solution, once, and compares its difficulty with the required one. Calls no counter and consumes nothing, except
   * at a provider that consumes its own responses.
   * @throws {ServiceError} `challenge_required`, `challenge_failed`, each with a new challenge; as the provider's verify
   */
  async solve(): Promise<SolvedForCounter> {
    this.#solved ??= await this.#verify()
    if (!meetsDifficulty(this.#solved.difficulty, this.#requiredDifficulty)) {
      return this.fail('difficulty_too_low')
    }
    return this.#solved
  }

  /** @throws {ServiceError} `challenge_failed` with a new challenge of the required difficulty */
  fail(...reasons: readonly ChallengeFailure[]): Promise<never> {
    return this.#refuse('challenge_failed', reasons)
  }

  async #verify(): Promise<SolvedForCounter> {
    if (this.#solution === undefined) return this.#refuse('challenge_required')
    const verification = await this.#ctx.services.challenge.verify(
      this.#solution,
      this.#request,
      this.#ctx.nowMs,
    )
    if (!verification.solved) return this.fail(...verification.reasons)
    // Turnstile and hCaptcha consume their own responses, which have no difficulty.
    if (verification.challenge === null) return { difficulty: MAX_DIFFICULTY, nonce: null }
    const { difficulty, nonce, expiresAtMs } = verification.challenge
    return { difficulty, nonce: { value: nonce, expiresAtMs } }
  }

  async #refuse(
    code: 'challenge_required' | 'challenge_failed',
    reasons?: readonly ChallengeFailure[],
  ): Promise<never> {
    const { challenge: provider } = this.#ctx.services
    const challenge = await provider.issue(this.#request, this.#requiredDifficulty, this.#ctx)
    throw new ServiceError(code, { ...(reasons && { reasons }), challenge })
  }
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
  const status = await orUnavailable(ctx.services.counter(counter).peek(counterRuleOf(name, rule)))
  return { request: { action, requesterCounter: counter, address: address.shown }, rule, status }
}
