/**
 * The limit rules, as data: what each counts, where, and what happens at its threshold. The config, the admin API, the counters
 * and docs/limits.md derive from this table. Pure; imports types alone, because config/ derives from it too.
 */
import type { ChallengeAction } from '../challenge/challenge.ts'
import type { ErrorCode } from '../errors/codes.ts'
import type { CounterRule } from './counter-rpc.ts'
import type { RequesterAddress } from './requester-address.ts'

/** What happens to an attempt once the threshold is reached. */
export const RULE_ACTIONS = ['challenge', 'block'] as const
export type RuleAction = (typeof RULE_ACTIONS)[number]

/** The settings of a rule, spelled as in LIMITS, in D1 and on the wire. */
export interface LimitRule {
  readonly enabled: boolean
  readonly window_seconds: number
  /** Events within the window before the action applies; 0 applies it to the first event. */
  readonly threshold: number
  readonly action: RuleAction
}

/** The bounds of the numbers of every rule. */
export const RULE_BOUNDS = {
  window_seconds: { min: 1, max: 2_592_000 },
  threshold: { min: 0, max: 1_000 },
} as const

interface RuleDefinition {
  /** The events that it counts, as docs/limits.md and OpenAPI name them. */
  readonly counts: string
  /** What has a counter of its own: the requester's IP address, or the identifier that the attempt names. */
  readonly keyedBy: 'address' | 'identifier'
  /** When an attempt begins to count (CounterRule). */
  readonly recordedAt: CounterRule['recordedAt']
  /** The events that a success clears: those of the account that logged in, or all of the counter. */
  readonly clearedBySuccess: 'account' | 'everything' | 'nothing'
  /** Whether an attempt waits while only attempts in flight prevent it. */
  readonly waits: boolean
  /** The error code of an attempt that the rule blocks. */
  readonly blockedCode: ErrorCode
  /** The action of challenges that are issued in advance of an attempt; null if the rule asks for none. */
  readonly challengeAction: ChallengeAction | null
  /**
   * How the rule applies at an address that many requesters share. `challenge` and `own_action` apply to every attempt, whatever
   * the threshold: the one challenges, the other does what the rule is set to.
   */
  readonly atSharedAddress: 'challenge' | 'own_action' | 'unchanged'
  readonly actions: readonly RuleAction[]
  readonly defaults: LimitRule
}

export const RULES = {
  registrations_per_ip: {
    counts:
      'registrations that stored an account or whose identifier was taken; also `PATCH` requests that set an identifier',
    keyedBy: 'address',
    // A stored account cannot be taken back, so it counts even if the Worker stops before it settles the attempt.
    recordedAt: 'reservation',
    clearedBySuccess: 'nothing',
    waits: true,
    blockedCode: 'too_many_registrations',
    challengeAction: 'register',
    atSharedAddress: 'own_action',
    actions: RULE_ACTIONS,
    defaults: { enabled: true, window_seconds: 300, threshold: 3, action: 'block' },
  },
  login_failures_per_ip: {
    counts: 'consecutive failed logins',
    keyedBy: 'address',
    recordedAt: 'failure',
    clearedBySuccess: 'account',
    waits: true,
    blockedCode: 'too_many_login_failures',
    challengeAction: 'login',
    atSharedAddress: 'challenge',
    actions: RULE_ACTIONS,
    defaults: { enabled: true, window_seconds: 300, threshold: 3, action: 'challenge' },
  },
  login_failures_per_account: {
    counts: 'consecutive failed logins on one identifier, known or unknown, from any IP address',
    keyedBy: 'identifier',
    recordedAt: 'failure',
    clearedBySuccess: 'everything',
    waits: false,
    blockedCode: 'too_many_login_failures',
    challengeAction: 'login',
    atSharedAddress: 'unchanged',
    // A block would lock the owner of the identifier out.
    actions: ['challenge'],
    defaults: { enabled: true, window_seconds: 900, threshold: 10, action: 'challenge' },
  },
  client_failures_per_ip: {
    counts: 'wrong client secrets at `/oauth2/*`',
    keyedBy: 'address',
    recordedAt: 'failure',
    clearedBySuccess: 'nothing',
    waits: false,
    blockedCode: 'too_many_client_failures',
    challengeAction: null,
    atSharedAddress: 'unchanged',
    // A client is a program, which solves no challenge.
    actions: ['block'],
    defaults: { enabled: true, window_seconds: 300, threshold: 10, action: 'block' },
  },
} as const satisfies Readonly<Record<string, RuleDefinition>>

export type RuleName = keyof typeof RULES
export type LimitRules = Readonly<Record<RuleName, LimitRule>>

/** In the order of the table. (TypeScript's library types the keys of an object as any text.) */
export const RULE_NAMES = Object.keys(RULES) as readonly RuleName[]

/** @returns the result for each rule, by its name */
export function perRule<T>(make: (name: RuleName) => T): Readonly<Record<RuleName, T>> {
  return Object.fromEntries(RULE_NAMES.map((name) => [name, make(name)])) as Record<RuleName, T>
}

/** @returns the rule at the requester's address whose challenges have this action */
export function addressRuleOf(action: ChallengeAction): RuleName {
  const rule = RULE_NAMES.find((name) => {
    const { keyedBy, challengeAction }: RuleDefinition = RULES[name]
    return keyedBy === 'address' && challengeAction === action
  })
  if (rule === undefined) throw new Error(`no rule has challenges for ${action}`)
  return rule
}

/**
 * The rule as it applies at this address. A shared address does not distinguish requesters, so no attempt there is free of the
 * rule's action: the threshold is 0.
 */
export function ruleAtAddress(name: RuleName, rule: LimitRule, { shared }: RequesterAddress): LimitRule {
  const { atSharedAddress } = RULES[name]
  if (!shared || atSharedAddress === 'unchanged') return rule
  return { ...rule, threshold: 0, action: atSharedAddress === 'challenge' ? 'challenge' : rule.action }
}

/** The most challenged attempts in flight of one requester at an identifier, so that one requester cannot fill it alone. */
const CHALLENGED_PLACES_AT_IDENTIFIER = 3
/** The same at the requester's own address. At a higher threshold as many as are admitted without a challenge. */
const MIN_CHALLENGED_PLACES_AT_ADDRESS = 10

/** @param rule as it applies at the requester's address (ruleAtAddress) @returns what the rule's counter is told of it */
export function counterRuleOf(name: RuleName, { window_seconds, threshold }: LimitRule): CounterRule {
  const { keyedBy, recordedAt } = RULES[name]
  const maxChallenged =
    keyedBy === 'address'
      ? Math.max(threshold, MIN_CHALLENGED_PLACES_AT_ADDRESS)
      : CHALLENGED_PLACES_AT_IDENTIFIER
  return { name, limit: { windowMs: window_seconds * 1000, threshold }, recordedAt, maxChallenged }
}
