import { describe, expect, it } from 'vitest'
import { CHALLENGE_ACTIONS } from '../../src/challenge/challenge.ts'
import { applyRules } from '../../src/config/limits.ts'
import {
  addressRuleOf,
  counterRuleOf,
  perRule,
  RULE_BOUNDS,
  RULE_NAMES,
  RULES,
  type RuleName,
  ruleAtAddress,
} from '../../src/limits/rules.ts'

const documents = import.meta.glob<string>('../../docs/limits.md', {
  query: '?raw',
  import: 'default',
  eager: true,
})
const guide = Object.values(documents).join('')

/** The row of docs/limits.md that describes a rule. */
function rowOf(name: RuleName): string {
  const { counts, keyedBy, defaults, actions } = RULES[name]
  const { window_seconds, threshold, action } = defaults
  const allowed = actions.length === 1 ? `\`${actions[0]}\`` : 'both'
  const per = keyedBy === 'address' ? 'IP address' : 'identifier'
  return `| \`${name}\` | ${counts} | ${per} | ${window_seconds} s | ${threshold} | \`${action}\` | ${allowed} |`
}

describe('the table of limit rules', () => {
  it('equals the table of rules in docs/limits.md', () => {
    const rows = guide.split('\n').filter((line) => /^\| `[a-z_]+_per_[a-z]+` \|/.test(line))
    expect(rows).toEqual(RULE_NAMES.map(rowOf))
  })

  it('has the bounds that docs/limits.md states', () => {
    const { window_seconds, threshold } = RULE_BOUNDS
    const text = (value: number) => value.toLocaleString('en-US')
    const bounds = [window_seconds, threshold].map(({ min, max }) => `${text(min)} to ${text(max)}`)
    expect(guide).toContain(`\`window_seconds\` is ${bounds[0]}, \`threshold\` ${bounds[1]};`)
  })

  it('has defaults within the bounds, with an action that is allowed', () => {
    for (const { defaults, actions } of Object.values(RULES)) {
      for (const field of ['window_seconds', 'threshold'] as const) {
        expect(defaults[field]).toBeGreaterThanOrEqual(RULE_BOUNDS[field].min)
        expect(defaults[field]).toBeLessThanOrEqual(RULE_BOUNDS[field].max)
      }
      expect(actions).toContain(defaults.action)
    }
  })

  it('never blocks by an identifier, which would lock its owner out', () => {
    const perIdentifier = Object.values(RULES).filter(({ keyedBy }) => keyedBy === 'identifier')
    expect(perIdentifier.map(({ actions }) => [...actions])).toEqual([['challenge']])
  })

  it('lets attempts wait only at the address of the requester', () => {
    const waiting = Object.values(RULES).filter(({ waits }) => waits)
    expect(new Set(waiting.map(({ keyedBy }) => keyedBy))).toEqual(new Set(['address']))
  })

  it('has one rule per address for each action of challenges', () => {
    expect(CHALLENGE_ACTIONS.map(addressRuleOf)).toEqual(['login_failures_per_ip', 'registrations_per_ip'])
  })
})

describe('a rule at an address', () => {
  const blocking = { enabled: true, window_seconds: 60, threshold: 5, action: 'block' } as const
  const address = (shared: boolean) => ({ shown: '192.0.2.1', counted: '192.0.2.1', shared })

  it('applies as it is set at an address that distinguishes requesters', () => {
    for (const name of RULE_NAMES) expect(ruleAtAddress(name, blocking, address(false))).toBe(blocking)
  })

  it('applies to every login and registration from a shared address, and challenges logins there', () => {
    expect(perRule((name) => ruleAtAddress(name, blocking, address(true)))).toEqual({
      registrations_per_ip: { ...blocking, threshold: 0 },
      login_failures_per_ip: { ...blocking, threshold: 0, action: 'challenge' },
      login_failures_per_account: blocking,
      client_failures_per_ip: blocking,
    })
  })

  it('keeps a rule off at a shared address if it is off', () => {
    const off = { ...blocking, enabled: false }
    for (const name of RULE_NAMES) expect(ruleAtAddress(name, off, address(true)).enabled).toBe(false)
  })
})

describe('what a counter is told of a rule', () => {
  const rule = (threshold: number) =>
    ({ enabled: true, window_seconds: 60, threshold, action: 'challenge' }) as const

  it('gives the limit in milliseconds, and when an attempt begins to count', () => {
    expect(counterRuleOf('registrations_per_ip', rule(4))).toEqual({
      name: 'registrations_per_ip',
      limit: { windowMs: 60_000, threshold: 4 },
      recordedAt: 'reservation',
      maxChallenged: 10,
    })
  })

  it.each([
    ['login_failures_per_ip', 0, 10],
    ['login_failures_per_ip', 10, 10],
    ['login_failures_per_ip', 30, 30],
    ['login_failures_per_account', 0, 3],
    ['login_failures_per_account', 30, 3],
  ] as const)(
    'bounds the challenged attempts in flight: %s with threshold %i: %i',
    (name, threshold, places) => {
      expect(counterRuleOf(name, rule(threshold)).maxChallenged).toBe(places)
    },
  )
})

describe('changed rules', () => {
  it('changes only the given fields of the given rules', () => {
    const defaults = perRule((name) => RULES[name].defaults)
    expect(applyRules(defaults, { login_failures_per_ip: { threshold: 7 } })).toEqual({
      ...defaults,
      login_failures_per_ip: { ...defaults.login_failures_per_ip, threshold: 7 },
    })
  })
})
