/** The counters of an attempt, and the rules that they enforce for it. */
import { ServiceError } from '../../errors/service-error.ts'
import { digestOf } from '../../limits/counter-keys.ts'
import type { CounterRule, LimitStatus } from '../../limits/counter-rpc.ts'
import type { RequesterAddress } from '../../limits/requester-address.ts'
import {
  counterRuleOf,
  type LimitRule,
  type LimitRules,
  RULES,
  type RuleName,
  ruleAtAddress,
} from '../../limits/rules.ts'
import type { RequestContext } from '../request-context.ts'

export interface RequesterCounter {
  readonly address: RequesterAddress
  /** The name of the counter of this address. */
  readonly counter: string
}

export interface AttemptIdentifier {
  /** Null for text that no account can have as an identifier. */
  readonly kind: string | null
  readonly compared: string
}

/** A rule that applies to the attempt, and the counter that enforces it. */
export interface ApplicableRule {
  readonly name: RuleName
  readonly action: LimitRule['action']
  readonly rule: CounterRule
  readonly counter: string
}

/** @throws {ServiceError} `client_ip_unknown`, because an attempt is never counted for a guessed address; `unavailable` */
export async function requesterCounter(ctx: RequestContext): Promise<RequesterCounter> {
  const { address } = ctx.requester
  if (address === null) throw new ServiceError('client_ip_unknown')
  const counter = await ctx.services.counterKeys.ofRequester(address.counted, ctx)
  ctx.addToRequestLog({ addressDigest: digestOf(counter) })
  return { address, counter }
}

/** The counters of one attempt, and the rules that they enforce for it. */
export interface AttemptCounters {
  readonly requester: RequesterCounter
  /** The name of the identifier's counter; null if the attempt checks no password. */
  readonly identifier: string | null
  /** The rules that are switched on, in the order in which they are checked. */
  readonly applicable: readonly ApplicableRule[]
}

/** @throws {ServiceError} `client_ip_unknown`, `unavailable` */
export async function attemptCounters(
  ctx: RequestContext,
  rules: readonly RuleName[],
  identifier: AttemptIdentifier | null,
): Promise<AttemptCounters> {
  const requester = await requesterCounter(ctx)
  const identifierName = identifier && (await identifierCounter(ctx, identifier))
  const applicable = applyRules(rules, await ctx.services.settings.rules(ctx), requester, identifierName)
  return { requester, identifier: identifierName, applicable }
}

async function identifierCounter(
  ctx: RequestContext,
  { kind, compared }: AttemptIdentifier,
): Promise<string> {
  const counter = await ctx.services.counterKeys.ofIdentifier(kind, compared, ctx)
  ctx.addToRequestLog({ identifierDigest: digestOf(counter) })
  return counter
}

/** @returns the rules that are switched on, each with the counter that enforces it, in the same order */
function applyRules(
  names: readonly RuleName[],
  rules: LimitRules,
  { address, counter }: RequesterCounter,
  identifier: string | null,
): readonly ApplicableRule[] {
  return names.flatMap((name) => {
    const setting = ruleAtAddress(name, rules[name], address)
    const counterName = RULES[name].keyedBy === 'address' ? counter : identifier
    if (!setting.enabled || counterName === null) return []
    return { name, action: setting.action, rule: counterRuleOf(name, setting), counter: counterName }
  })
}

/** If the limit is not exhausted, only attempts in flight block this one. One may settle at any moment, so retry after 1 s. */
export function blockedError(name: RuleName, { exhausted, resetInMs }: LimitStatus): ServiceError {
  const retryAfterSeconds = exhausted ? Math.ceil(resetInMs / 1000) : 1
  return new ServiceError(RULES[name].blockedCode, {}, { retryAfterSeconds })
}

/** @returns a rule's key in the cache of blocks */
export function blockCacheKeyOf({ name, rule, counter }: ApplicableRule) {
  return { name, limit: rule.limit, counter }
}
