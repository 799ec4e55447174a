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
import type { Services } from '../../services.ts'
import { limitOf, type Requester, requesterCounter } from './requester-limits.ts'

/**
 * Verifies the solution of a challenge without calling a counter.
 * @param solution what the request carries; undefined if it carries none
 * @param newDifficulty the difficulty of the new challenge if this one is missing or fails
 * @returns the solved challenge, which the caller must consume; null if its provider consumes it
 * @throws {ServiceError} `challenge_required`, `challenge_failed`, each with a new challenge
 */
export async function verifySolution(
  services: Services,
  request: ChallengeRequest,
  solution: string | undefined,
  newDifficulty: number,
): Promise<SolvedChallenge | null> {
  const { challenge: provider, nowMs } = services
  if (solution === undefined) {
    const challenge = await provider.issue(request, newDifficulty, nowMs)
    throw new ServiceError('challenge_required', { challenge })
  }
  const verification = await provider.verify(solution, request, nowMs)
  if (verification.solved) return verification.challenge
  return failChallenge(services, request, verification.reasons, newDifficulty)
}

/** @throws {ServiceError} `challenge_failed` with a new challenge */
export async function failChallenge(
  { challenge: provider, nowMs }: Services,
  request: ChallengeRequest,
  reasons: readonly ChallengeFailure[],
  newDifficulty: number,
): Promise<never> {
  const challenge = await provider.issue(request, newDifficulty, nowMs)
  throw new ServiceError('challenge_failed', { reasons, challenge })
}

/**
 * Issues a challenge in advance of a request, whether or not the request will need it.
 * @throws {ServiceError} `client_ip_unknown`, `unavailable`
 */
export async function issueChallenge(
  services: Services,
  requester: Requester,
  action: ChallengeAction,
): Promise<Challenge> {
  const { request, status } = await peekLimit(services, requester, action)
  return services.challenge.issue(request, status.difficulty, services.nowMs)
}

/**
 * Issues the challenge that the requester's next attempt will need if nothing changes until then.
 * @returns null if the attempt will need none
 * @throws {ServiceError} `client_ip_unknown`, `unavailable`
 */
export async function nextChallenge(
  services: Services,
  requester: Requester,
  action: ChallengeAction,
): Promise<Challenge | null> {
  const { request, rule, status } = await peekLimit(services, requester, action)
  if (!rule.enabled || rule.action !== 'challenge' || !status.exhausted) return null
  return services.challenge.issue(request, status.difficulty, services.nowMs)
}

/** Reads the limit status of the requester without a reservation. */
async function peekLimit(services: Services, requester: Requester, action: ChallengeAction) {
  const { address, counter } = await requesterCounter(services, requester)
  const name = addressRuleOf(action)
  const rule = ruleAtAddress(name, (await services.settings.rules(services.nowMs))[name], address)
  const status = await orUnavailable(services.counter(counter).peek(name, limitOf(rule)))
  return { request: { action, requesterCounter: counter, address: address.shown }, rule, status }
}
