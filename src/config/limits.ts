/** The limits' rules: what they are called, what they may be, and their defaults. */
import { z } from 'zod'
import type { SettingsReader } from './settings-reader.ts'

export const RULE_NAMES = [
  'registrations_per_ip',
  'login_failures_per_ip',
  'login_failures_per_account',
  'client_failures_per_ip',
] as const
export type RuleName = (typeof RULE_NAMES)[number]

/** What happens to an attempt that finds the threshold reached. */
export const RULE_ACTIONS = ['challenge', 'block'] as const
export type RuleAction = (typeof RULE_ACTIONS)[number]

/** A rule as LIMITS, the settings in D1 and the wire spell it. */
export interface LimitRule {
  readonly enabled: boolean
  readonly window_seconds: number
  /** Events within the window that are let through; 0 acts on the first. */
  readonly threshold: number
  readonly action: RuleAction
}

export type LimitRules = Readonly<Record<RuleName, LimitRule>>

export interface LimitsConfig {
  /** The rules while no operator has changed any. */
  readonly rules: LimitRules
}

const MAX_WINDOW_SECONDS = 2_592_000
const MAX_THRESHOLD = 1_000
const NO_OBJECT = 'Must be an object.'

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
      NO_OBJECT,
    )
    .partial()
}

/** By rule, what may be said of it: one that counts an identifier may not lock its owner out. */
export const RULE_FIELDS = {
  registrations_per_ip: ruleFields(RULE_ACTIONS),
  login_failures_per_ip: ruleFields(RULE_ACTIONS),
  login_failures_per_account: ruleFields(['challenge']),
  client_failures_per_ip: ruleFields(['block']),
} as const

/** Any subset of the rules, each with any subset of its fields. */
export const rulesFields = z.strictObject(RULE_FIELDS, NO_OBJECT).partial()

/** What is said of some rules; the rest stays. */
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
    const place = [...path, ...('keys' in issue ? issue.keys : [])].join('.')
    reader.refuse('LIMITS', `${place}: ${'keys' in issue ? 'is unknown' : message}`, example, undefined)
  }
  return { rules: DEFAULTS }
}

/** @returns the rules with the changes in place. */
export function applyRules(rules: LimitRules, changes: RuleChanges): LimitRules {
  const changed = RULE_NAMES.map((name) => [name, { ...rules[name], ...changes[name] }])
  return Object.fromEntries(changed)
}
