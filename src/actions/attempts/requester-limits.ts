/** Whom a call counts against. */
import type { LimitRule, LimitRules } from '../../config/limits.ts'
import { ServiceError } from '../../errors/service-error.ts'
import { digestOf } from '../../limits/counter-keys.ts'
import type { RequesterAddress } from '../../limits/requester-address.ts'
import type { Limit } from '../../limits/window.ts'
import type { Services } from '../../services.ts'

/** Where a call comes from. */
export interface Client {
  /** Null where the deployment does not say. */
  readonly address: RequesterAddress | null
  readonly userAgent: string | null
  readonly place: Place
}

/** Where Cloudflare takes an address to be; null where it does not know. */
export interface Place {
  /** ISO 3166-1 alpha-2, or `T1` for the Tor network. */
  readonly country: string | null
  readonly city: string | null
}

export interface RequesterCounter {
  readonly address: RequesterAddress
  /** Its counter's name. */
  readonly counter: string
}

/** What a counter goes by. */
export function limitOf({ window_seconds, threshold }: LimitRule): Limit {
  return { windowMs: window_seconds * 1000, threshold }
}

/** @throws {ServiceError} `client_ip_unknown`: nothing is counted under a guess; `unavailable` */
export async function requesterCounter(
  { counterKeys, addToRequestLog }: Services,
  { address }: Client,
): Promise<RequesterCounter> {
  if (address === null) throw new ServiceError('client_ip_unknown')
  const counter = await counterKeys.ofRequester(address.counted)
  addToRequestLog({ addressDigest: digestOf(counter) })
  return { address, counter }
}

export type RequesterRuleName = 'registrations_per_ip' | 'login_failures_per_ip'

/** A rule as it is for this address: one that tells nobody from anybody is always challenged, or may not register. */
export function requesterRule(
  rules: LimitRules,
  name: RequesterRuleName,
  { shared }: RequesterAddress,
): LimitRule {
  const rule = rules[name]
  if (!shared) return rule
  return { ...rule, threshold: 0, action: name === 'registrations_per_ip' ? rule.action : 'challenge' }
}
