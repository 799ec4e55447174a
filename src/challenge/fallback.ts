/** The challenge provider of a deployment, and its fallback to proof of work while the provider is unavailable. */
import type { ChallengeConfig } from '../config/challenge.ts'
import { ServiceError } from '../errors/service-error.ts'
import { describeError, log } from '../runtime/log.ts'
import type { Challenge, ChallengeProvider, ChallengeRequest, Verification } from './challenge.ts'
import { REQUEST_TIMEOUT_MS, Siteverify } from './siteverify.ts'

/** @param proofOfWork the built-in provider */
export function chooseProvider(
  { siteverify }: ChallengeConfig,
  proofOfWork: ChallengeProvider,
): ChallengeProvider {
  if (siteverify === null) return proofOfWork
  const provider = new Siteverify(siteverify)
  return siteverify.onOutage === 'altcha' ? new FallbackProvider(provider, proofOfWork) : provider
}

/** How long an isolate relies on the last recorded health of the provider. */
const HEALTH_LIFETIME_MS = 30_000

/**
 * Requires a proof of work while the provider is unavailable. If browsers cannot load the provider's widget either, no requester
 * ever has a token to send. The health of the provider is therefore checked before a challenge of the provider is issued, too.
 */
export class FallbackProvider implements ChallengeProvider {
  readonly #provider: Siteverify
  readonly #proofOfWork: ChallengeProvider
  #health = { available: true, atMs: 0, untilMs: 0 }

  constructor(provider: Siteverify, proofOfWork: ChallengeProvider) {
    this.#provider = provider
    this.#proofOfWork = proofOfWork
  }

  async issue(request: ChallengeRequest, difficulty: number, nowMs: number): Promise<Challenge> {
    if (!this.#isFresh(nowMs)) {
      // Other requests use the last health until this check has a result, or its request is gone.
      this.#recordHealth(this.#health.available, nowMs, REQUEST_TIMEOUT_MS)
      this.#recordHealth(await this.#provider.isAvailable(), nowMs)
    }
    return this.#health.available
      ? this.#provider.issue(request)
      : this.#proofOfWork.issue(request, difficulty, nowMs)
  }

  /** Accepts a proof of work until it expires, even if the provider is available again. */
  async verify(response: string, request: ChallengeRequest, nowMs: number): Promise<Verification> {
    const proofOfWork = await this.#proofOfWork.verify(response, request, nowMs)
    if (proofOfWork.solved || !proofOfWork.reasons.includes('malformed')) return proofOfWork
    if (this.#isFresh(nowMs) && !this.#health.available) return UNVERIFIED
    try {
      const verification = await this.#provider.verify(response, request)
      this.#recordHealth(true, nowMs)
      return verification
    } catch (error) {
      report(error)
      this.#recordHealth(false, nowMs)
      return UNVERIFIED
    }
  }

  #isFresh(nowMs: number): boolean {
    return nowMs < this.#health.untilMs
  }

  /** @param atMs when the request that observed it began: the observation of the later request is used */
  #recordHealth(available: boolean, atMs: number, forMs = HEALTH_LIFETIME_MS): void {
    if (atMs >= this.#health.atMs) this.#health = { available, atMs, untilMs: atMs + forMs }
  }
}

const UNVERIFIED: Verification = { solved: false, reasons: [] }

/** @throws the error, if it does not mean that the provider is unavailable */
function report(error: unknown): void {
  if (!(error instanceof ServiceError && error.code === 'challenge_unavailable')) throw error
  log('warn', 'challenge_unavailable', { instead: 'altcha', error: describeError(error.cause) })
}
