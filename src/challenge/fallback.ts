/** The challenge provider of a deployment, and its fallback to proof of work while the provider is unavailable. */
import type { ChallengeConfig } from '../config/challenge.ts'
import { ServiceError } from '../errors/service-error.ts'
import { type CacheContext, IsolateCache } from '../runtime/isolate-cache.ts'
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

/** How long an isolate relies on the last known health of the provider. Its check does not fail: no response means unavailable. */
const TIMES = { freshMs: 20_000, usableMs: 30_000, staleMs: 30_000, retryMs: REQUEST_TIMEOUT_MS }

/**
 * Requires a proof of work while the provider is unavailable. If browsers cannot load the provider's widget either, no requester
 * ever has a token to send. The health of the provider is therefore checked before a challenge of the provider is issued, too.
 */
export class FallbackProvider implements ChallengeProvider {
  readonly #provider: Siteverify
  readonly #proofOfWork: ChallengeProvider
  readonly #isAvailable: IsolateCache<boolean>

  constructor(provider: Siteverify, proofOfWork: ChallengeProvider) {
    this.#provider = provider
    this.#proofOfWork = proofOfWork
    this.#isAvailable = new IsolateCache({ ...TIMES, load: () => provider.isAvailable() })
  }

  async issue(request: ChallengeRequest, difficulty: number, ctx: CacheContext): Promise<Challenge> {
    return (await this.#isAvailable.get(ctx))
      ? this.#provider.issue(request)
      : this.#proofOfWork.issue(request, difficulty, ctx)
  }

  /** Accepts a proof of work until it expires, even if the provider is available again. */
  async verify(response: string, request: ChallengeRequest, nowMs: number): Promise<Verification> {
    const proofOfWork = await this.#proofOfWork.verify(response, request, nowMs)
    if (proofOfWork.solved || !proofOfWork.reasons.includes('malformed')) return proofOfWork
    if (this.#isAvailable.peek(nowMs) === false) return UNVERIFIED
    try {
      const verification = await this.#provider.verify(response, request)
      this.#isAvailable.set(true, nowMs)
      return verification
    } catch (error) {
      report(error)
      this.#isAvailable.set(false, nowMs)
      return UNVERIFIED
    }
  }
}

const UNVERIFIED: Verification = { solved: false, reasons: [] }

/** @throws the error, if it does not mean that the provider is unavailable */
function report(error: unknown): void {
  if (!(error instanceof ServiceError && error.code === 'challenge_unavailable')) throw error
  log('warn', 'challenge_unavailable', { instead: 'altcha', error: describeError(error.cause) })
}
