/** The challenge that stands between a client and one more attempt. */
import type {
  Challenge,
  ChallengeAction,
  ChallengeFailure,
  ChallengeRequest,
  Claim,
} from '../../challenge/challenge.ts'
import { orUnavailable, ServiceError } from '../../errors/service-error.ts'
import type { Services } from '../../services.ts'
import {
  type Client,
  limitOf,
  type RequesterRuleName,
  requesterCounter,
  requesterRule,
} from './requester-limits.ts'

/**
 * Checks the answer to a challenge, without a look at any counter.
 * @param answer what the client sent, if anything
 * @param level how dear a fresh challenge is
 * @returns what is to be claimed, if anything
 * @throws {ServiceError} `challenge_required`, `challenge_failed`, each with a fresh challenge
 */
export async function verifyAnswer(
  services: Services,
  request: ChallengeRequest,
  answer: string | undefined,
  level: number,
): Promise<Claim | null> {
  const { challenge: provider, nowMs } = services
  if (answer === undefined) {
    const challenge = await provider.describe(request, level, nowMs)
    throw new ServiceError('challenge_required', { challenge })
  }
  const verification = await provider.verify(answer, request, nowMs)
  if (verification.solved) return verification.claim
  return failChallenge(services, request, verification.reasons, level)
}

/** @throws {ServiceError} `challenge_failed` with a fresh challenge */
export async function failChallenge(
  { challenge: provider, nowMs }: Services,
  request: ChallengeRequest,
  reasons: readonly ChallengeFailure[],
  level: number,
): Promise<never> {
  const challenge = await provider.describe(request, level, nowMs)
  throw new ServiceError('challenge_failed', { reasons, challenge })
}

const RULE_OF_ACTION = {
  login: 'login_failures_per_ip',
  register: 'registrations_per_ip',
} as const satisfies Record<ChallengeAction, RequesterRuleName>

/**
 * A challenge for whoever expects to be asked for one.
 * @throws {ServiceError} `client_ip_unknown`, `unavailable`
 */
export async function offerChallenge(
  services: Services,
  client: Client,
  action: ChallengeAction,
): Promise<Challenge> {
  const { request, status } = await lookAhead(services, client, action)
  return services.challenge.describe(request, status.level, services.nowMs)
}

/**
 * The challenge that the client's next attempt will need, as things stand.
 * @returns null where it needs none
 * @throws {ServiceError} `client_ip_unknown`, `unavailable`
 */
export async function challengeDue(
  services: Services,
  client: Client,
  action: ChallengeAction,
): Promise<Challenge | null> {
  const { request, rule, status } = await lookAhead(services, client, action)
  if (!rule.enabled || rule.action !== 'challenge' || !status.exhausted) return null
  return services.challenge.describe(request, status.level, services.nowMs)
}

async function lookAhead(services: Services, client: Client, action: ChallengeAction) {
  const { address, counter } = await requesterCounter(services, client)
  const name = RULE_OF_ACTION[action]
  const rule = requesterRule(await services.settings.rules(services.nowMs), name, address)
  const status = await orUnavailable(services.counter(counter).look(name, limitOf(rule)))
  return { request: { action, client: counter, address: address.shown }, rule, status }
}
