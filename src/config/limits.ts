/** The limit rules: their names, bounds and defaults. */
import { z } from 'zod'
import type { SettingsReader } from './settings-reader.ts'

export const RULE_NAMES = [
  'registrations_per_ip',
  'login_failures_per_ip',
  'login_failures_per_account',
  'client_failures_per_ip',
] as const
export type RuleName = (typeof RULE_NAMES)[number]

/** What happens to an attempt once the threshold is reached. */
export const RULE_ACTIONS = ['challenge', 'block'] as const
export type RuleAction = (typeof RULE_ACTIONS)[number]

/** A rule, spelled as in LIMITS, in the settings in D1 and on the wire. */
export interface LimitRule {
  readonly enabled: boolean
  readonly window_seconds: number
  /** Events within the window before the action applies; 0 applies it to the first event. */
  readonly threshold: number
  readonly action: RuleAction
}

export type LimitRules = Readonly<Record<RuleName, LimitRule>>

export interface LimitsConfig {
  /** The rules until an operator changes them. */
  readonly rules: LimitRules
}

const MAX_WINDOW_SECONDS = 2_592_000
const MAX_THRESHOLD = 1_000
const NOT_AN_OBJECT = 'Must be an object.'

const DEFAULTS: LimitRules = {
  registrations_per_ip: { enabled: true, window_seconds: 300, threshold: 3, action: 'block' },
  login_failures_per_ip: { enabled: true, window_seconds: 300, threshold: 3, action: 'challenge' },
  login_failures_per_account: { enabled: true, window_seconds: 900, threshold: 10, action: 'challenge' },
  client_failures_per_ip: { enabled: true, window_seconds: 300, threshold: 10, action: 'block' },
}

function wholeNumber(min: number, max: number) {
  const error = `Must be a whole number from ${min} to ${max}.`
  return z.number({ error }).int(error).min(min, error).max(max, error)
}

function ruleFields<const Actions extends readonly RuleAction[]>(actions: Actions) {
  return z
    .strictObject(
      {
        enabled: z.boolean({ error: 'Must be true or false.' }),
        window_seconds: wholeNumber(1, MAX_WINDOW_SECONDS),
        threshold: wholeNumber(0, MAX_THRESHOLD),
        action: z.enum(actions, { error: `Must be ${actions.map((name) => `"${name}"`).join(' or ')}.` }),
      },
      NOT_AN_OBJECT,
    )
    .partial()
}

/** The schema of each rule. A rule that counts per identifier cannot block, since that would lock the owner out. */
export const RULE_FIELDS = {
  registrations_per_ip: ruleFields(RULE_ACTIONS),
  login_failures_per_ip: ruleFields(RULE_ACTIONS),
  login_failures_per_account: ruleFields(['challenge']),
  client_failures_per_ip: ruleFields(['block']),
} as const

/** Any subset of the rules, each with any subset of its fields. */
export const rulesFields = z.strictObject(RULE_FIELDS, NOT_AN_OBJECT).partial()

/** Changes of some rules and some of their fields; all others keep their values. */
export type RuleChanges = {
  readonly [Rule in RuleName]?:
    | { readonly [Field in keyof LimitRule]?: LimitRule[Field] | undefined }
    | undefined
}

export function readLimits(reader: SettingsReader): LimitsConfig {
  const table = rulesFields.safeParse(reader.table('LIMITS') ?? {})
  if (table.success) return { rules: applyRules(DEFAULTS, table.data) }
  const example = '{ "registrations_per_ip": { "threshold": 10 } }'
  for (const { path, message, ...issue } of table.error.issues) {
    const field = [...path, ...('keys' in issue ? issue.keys : [])].join('.')
    reader.addProblem('LIMITS', `${field}: ${'keys' in issue ? 'is unknown' : message}`, example, undefined)
  }
  return { rules: DEFAULTS }
}

/** @returns the rules with the changes applied */
export function applyRules(rules: LimitRules, changes: RuleChanges): LimitRules {
  const changed = RULE_NAMES.map((name) => [name, { ...rules[name], ...changes[name] }])
  return Object.fromEntries(changed)
}
