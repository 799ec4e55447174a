/** The setting LIMITS: what differs from the defaults of the limit rules. */
import * as z from 'zod/mini'
import {
  type LimitRule,
  type LimitRules,
  perRule,
  RULE_BOUNDS,
  RULES,
  type RuleAction,
  type RuleName,
} from '../limits/rules.ts'
import type { SettingsReader } from './settings-reader.ts'

export interface LimitsConfig {
  /** The rules until an operator changes them. */
  readonly rules: LimitRules
}

const NOT_AN_OBJECT = 'Must be an object.'
const DEFAULTS: LimitRules = perRule((name) => RULES[name].defaults)

function wholeNumber({ min, max }: { readonly min: number; readonly max: number }) {
  const error = `Must be a whole number from ${min} to ${max}.`
  return z.int({ error }).check(z.minimum(min, error), z.maximum(max, error))
}

function ruleFields(actions: readonly RuleAction[]) {
  const fields = {
    enabled: z.boolean({ error: 'Must be true or false.' }),
    window_seconds: wholeNumber(RULE_BOUNDS.window_seconds),
    threshold: wholeNumber(RULE_BOUNDS.threshold),
    action: z.enum(actions, { error: `Must be ${actions.map((name) => `"${name}"`).join(' or ')}.` }),
  }
  return z.partial(z.strictObject(fields, NOT_AN_OBJECT))
}

/** The schema of each rule. */
export const RULE_FIELDS = perRule((name) => ruleFields(RULES[name].actions))

/** Any subset of the rules, each with any subset of its fields. */
export const rulesFields = z.partial(z.strictObject(RULE_FIELDS, NOT_AN_OBJECT))

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
  return perRule((name) => Object.assign({ ...rules[name] }, changes[name]))
}
