/** The challenge of one attempt: which difficulty the counters ask for, and whether the requester has solved it. */
import type { ChallengeAction, ChallengeFailure, ChallengeRequest } from '../../challenge/challenge.ts'
import { ServiceError } from '../../errors/service-error.ts'
import type { SolvedForCounter } from '../../limits/counter-rpc.ts'
import { MAX_DIFFICULTY, meetsDifficulty } from '../../limits/window.ts'
import type { RequestContext } from '../request-context.ts'
import type { RequesterCounter } from './counters.ts'

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
  require(difficulty: number): void {
    this.#requiredDifficulty = Math.max(this.#requiredDifficulty, difficulty)
  }

  /**
   * Verifies the solution, once, and compares its difficulty with the required one. Calls no counter and uses nothing up, except
   * at a provider that uses up its own responses.
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
    // Turnstile and hCaptcha use up their own responses, which have no difficulty.
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
