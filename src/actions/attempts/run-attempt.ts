/** Runs a call between the counters: every call that checks a password, and every one that may register something. */
import type { ChallengeAction } from '../../challenge/challenge.ts'
import { digestOf } from '../../limits/counter-keys.ts'
import type { Services } from '../../services.ts'
import { type AppliedRule, Attempt, countsAsRegistration } from './attempt.ts'
import { type Client, type RequesterRuleName, requesterCounter, requesterRule } from './requester-limits.ts'

export interface RateLimitedRequest {
  readonly client: Client
  /** The answer to a challenge, where one was sent. */
  readonly challenge: string | undefined
}

export interface Counted {
  readonly action: ChallengeAction
  /** Whether it may store or ask for an identifier. */
  readonly registers: boolean
  /** Whose password is checked; null where none is. */
  readonly identifier: CountedIdentifier | null
}

export interface CountedIdentifier {
  /** Null for text that no account could have. */
  readonly kind: string | null
  readonly compared: string
}

/**
 * Reserves, works and settles. Goes on when the client is gone: whoever hangs up gains no attempt.
 * @throws {ServiceError} `client_ip_unknown`, `too_many_*`, `challenge_*`, `unavailable`, and what `work` throws
 */
export async function runAttempt<T>(
  services: Services,
  call: RateLimitedRequest,
  counted: Counted,
  work: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const running = run(services, call, counted, work)
  services.waitUntil(running.catch(() => undefined))
  return running
}

async function run<T>(
  services: Services,
  call: RateLimitedRequest,
  counted: Counted,
  work: (attempt: Attempt) => Promise<T>,
): Promise<T> {
  const client = await requesterCounter(services, call.client)
  const identifier = await identifierCounter(services, counted)
  const { action } = counted
  const { address, counter } = client
  const request = { action, client: counter, address: address.shown, identifier, challenge: call.challenge }
  const attempt = new Attempt(services, request)
  try {
    const rules = await services.settings.rules(services.nowMs)
    const perClient = (name: RequesterRuleName): AppliedRule => {
      return { name, rule: requesterRule(rules, name, client.address), counter: client.counter }
    }
    if (counted.registers) await attempt.reserve(perClient('registrations_per_ip'))
    if (identifier !== null) await attempt.reserve(perClient('login_failures_per_ip'))
    // Nothing of an identifier is woken for those who have not solved their own challenge.
    await attempt.verify()
    if (identifier !== null) {
      const name = 'login_failures_per_account'
      await attempt.reserve({ name, rule: rules[name], counter: identifier })
    }
    await attempt.verify()
    await attempt.claim()
    const result = await work(attempt)
    await attempt.finish(true)
    return result
  } catch (error) {
    await attempt.finish(countsAsRegistration(error))
    throw error
  }
}

async function identifierCounter(
  { counterKeys, addToRequestLog }: Services,
  { identifier }: Counted,
): Promise<string | null> {
  if (identifier === null) return null
  const counter = await counterKeys.ofIdentifier(identifier.kind, identifier.compared)
  addToRequestLog({ identifierDigest: digestOf(counter) })
  return counter
}
