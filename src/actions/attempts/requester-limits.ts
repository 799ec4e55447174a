/** The requester of an attempt, the counter of its address, and the rules that apply to it. */

import type { LimitRule, LimitRules } from '../../config/limits.ts'
import { ServiceError } from '../../errors/service-error.ts'
import { digestOf } from '../../limits/counter-keys.ts'
import type { RequesterAddress } from '../../limits/requester-address.ts'
import type { Limit } from '../../limits/window.ts'
import type { RequestContext } from '../request-context.ts'

export interface RequesterCounter {
  readonly address: RequesterAddress
  /** The name of the counter of this address. */
  readonly counter: string
}

/** @returns the part of a rule that its counter needs */
export function limitOf({ window_seconds, threshold }: LimitRule): Limit {
  return { windowMs: window_seconds * 1000, threshold }
}

/** @throws {ServiceError} `client_ip_unknown`, because an attempt is never counted for a guessed address; `unavailable` */
export async function requesterCounter(ctx: RequestContext): Promise<RequesterCounter> {
  const { address } = ctx.requester
  if (address === null) throw new ServiceError('client_ip_unknown')
  const counter = await ctx.services.counterKeys.ofRequester(address.counted)
  ctx.addToRequestLog({ addressDigest: digestOf(counter) })
  return { address, counter }
}

export type RequesterRuleName = 'registrations_per_ip' | 'login_failures_per_ip'

/**
 * The rule as it applies to this address. A shared address does not identify a requester, so its threshold is 0: if the rule is
 * enabled, every login from there needs a challenge, and every registration is challenged or blocked, as the rule says.
 */
export function requesterRule(
  rules: LimitRules,
  name: RequesterRuleName,
  { shared }: RequesterAddress,
): LimitRule {
  const rule = rules[name]
  if (!shared) return rule
  return { ...rule, threshold: 0, action: name === 'registrations_per_ip' ? rule.action : 'challenge' }
}
