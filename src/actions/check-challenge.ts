/** The challenge that stands between a client and one more attempt. */
import type {
  Challenge,
  ChallengeAction,
  ChallengeFailure,
  ChallengeRequest,
} from '../challenge/challenge.ts'
import { reach, ServiceError } from '../errors.ts'
import type { Services } from '../services.ts'
import { type Client, clientCounter, clientRule } from './client-limits.ts'

/**
 * Lets a solved challenge pass, once.
 * @param answer what the client sent, if anything
 * @throws {ServiceError} `challenge_required`, `challenge_failed` (each with a fresh challenge); `unavailable`
 */
export async function checkChallenge(
  services: Services,
  request: ChallengeRequest,
  answer: string | undefined,
): Promise<void> {
  const { challenge: provider, nowMs } = services
  const reasons = answer === undefined ? null : await judge(services, request, answer)
  if (reasons?.length === 0) return
  const challenge = await provider.describe(request, nowMs)
  if (reasons === null) throw new ServiceError('challenge_required', { challenge })
  throw new ServiceError('challenge_failed', { reasons, challenge })
}

/**
 * A challenge for whoever expects to be asked for one.
 * @throws {ServiceError} `client_ip_unknown`, `unavailable`
 */
export async function offerChallenge(
  services: Services,
  client: Client,
  action: ChallengeAction,
): Promise<Challenge> {
  const { address, counter } = await clientCounter(services, client)
  const { rules } = await services.settings.current(services.nowMs)
  const name = action === 'register' ? 'registrations_per_ip' : 'login_failures_per_ip'
  const { window_seconds, threshold } = clientRule(rules[name], address)
  const limit = { windowMs: window_seconds * 1000, threshold }
  const { level } = await reach(services.counter(counter).look(name, limit))
  return services.challenge.describe({ action, client: counter, level }, services.nowMs)
}

async function judge(
  { challenge, counter, nowMs }: Services,
  request: ChallengeRequest,
  answer: string,
): Promise<readonly ChallengeFailure[]> {
  const verification = await challenge.verify(answer, request, nowMs)
  if (!verification.solved) return verification.reasons
  const { nonce } = verification
  const claimed =
    nonce === null || (await reach(counter(request.client).claim(nonce.text, nonce.expiresAtMs)))
  return claimed ? [] : ['already_used']
}
