/** The challenge provider of a deployment, and its fallback to proof of work while the provider is unavailable. */
import type { ChallengeConfig } from '../config/challenge.ts'
import { ServiceError } from '../errors/service-error.ts'
import { describeError, log } from '../runtime/log.ts'
import type { Challenge, ChallengeProvider, ChallengeRequest, Verification } from './challenge.ts'
import { Siteverify, TRY_MS } from './siteverify.ts'

/** @param proofOfWork the built-in one */
export function chooseProvider(
  { siteverify }: ChallengeConfig,
  proofOfWork: ChallengeProvider,
): ChallengeProvider {
  if (siteverify === null) return proofOfWork
  const provider = new Siteverify(siteverify)
  return siteverify.onOutage === 'altcha' ? new Fallback(provider, proofOfWork) : provider
}

/** How long an isolate goes by what it last saw of the provider. */
const CHECK_MS = 30_000

/**
 * A proof of work is asked for. Where the provider's widget cannot be loaded either, no client ever has a token to send:
 * so the provider is asked before a challenge of its is handed out, too.
 */
export class Fallback implements ChallengeProvider {
  readonly #provider: Siteverify
  readonly #proofOfWork: ChallengeProvider
  #seen = { reachable: true, atMs: 0, untilMs: 0 }

  constructor(provider: Siteverify, proofOfWork: ChallengeProvider) {
    this.#provider = provider
    this.#proofOfWork = proofOfWork
  }

  async describe(request: ChallengeRequest, level: number, nowMs: number): Promise<Challenge> {
    if (!this.#isFresh(nowMs)) {
      // The others go by what was seen last, until this one knows better, or has gone away.
      this.#see(this.#seen.reachable, nowMs, TRY_MS)
      this.#see(await this.#provider.isReachable(), nowMs)
    }
    return this.#seen.reachable
      ? this.#provider.describe(request)
      : this.#proofOfWork.describe(request, level, nowMs)
  }

  /** What was handed out is kept to: a proof of work is good until it expires, also when the provider is back. */
  async verify(answer: string, request: ChallengeRequest, nowMs: number): Promise<Verification> {
    const worked = await this.#proofOfWork.verify(answer, request, nowMs)
    if (worked.solved || !worked.reasons.includes('malformed')) return worked
    if (this.#isFresh(nowMs) && !this.#seen.reachable) return NOT_JUDGED
    try {
      const verification = await this.#provider.verify(answer, request)
      this.#see(true, nowMs)
      return verification
    } catch (error) {
      report(error)
      this.#see(false, nowMs)
      return NOT_JUDGED
    }
  }

  #isFresh(nowMs: number): boolean {
    return nowMs < this.#seen.untilMs
  }

  /** @param atMs when the request began that saw it: of two, the later one knows better */
  #see(reachable: boolean, atMs: number, forMs = CHECK_MS): void {
    if (atMs >= this.#seen.atMs) this.#seen = { reachable, atMs, untilMs: atMs + forMs }
  }
}

const NOT_JUDGED: Verification = { solved: false, reasons: [] }

/** @throws what is no outage */
function report(error: unknown): void {
  if (!(error instanceof ServiceError && error.code === 'challenge_unavailable')) throw error
  log('warn', 'challenge_unavailable', { instead: 'altcha', error: describeError(error.cause) })
}
