import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { claimProblems, unreserved } from '../../src/tokens/claims.ts'

const RESERVED = [
  'iss',
  'sub',
  'aud',
  'exp',
  'nbf',
  'iat',
  'jti',
  'sid',
  'auth_time',
  'amr',
  'client_id',
  'scope',
  'roles',
  'preferred_username',
]
const GOOD = { tenant: 'ä', level: 1.5, flags: [true, null], address: { country: 'CH' } }

/** A value of so many levels of lists and objects in turn. */
function nested(levels: number): unknown {
  if (levels === 0) return 'x'
  return levels % 2 === 0 ? [nested(levels - 1)] : { a: nested(levels - 1) }
}

describe('claims that an account may have', () => {
  it('are all that JSON can say', () => {
    expect(claimProblems({})).toEqual([])
    expect(claimProblems(GOOD)).toEqual([])
    expect(claimProblems({ '': 0, constructor: 'x', toString: 'x', Iss: 'x', roles2: 'x' })).toEqual([])
  })

  it('are none by a name that changes the prototype of what copies them', () => {
    expect(claimProblems(JSON.parse('{"__proto__":{"iss":"x"}}'))).toHaveLength(1)
    expect(claimProblems(JSON.parse('{"a":[{"__proto__":1}]}'))).toHaveLength(1)
  })

  it.each(RESERVED)('are none by the name %s, whatever its value', (name) => {
    for (const value of ['x', null, { a: 1 }]) {
      const problems = claimProblems({ ...GOOD, [name]: value })
      expect(problems).toEqual([expect.stringContaining(`${name}: Reserved`)])
    }
  })

  it('may use a reserved name below their own', () => {
    expect(claimProblems({ upstream: { iss: 'x', roles: ['a'] } })).toEqual([])
  })

  it('have at most eight levels each', () => {
    for (const levels of [0, 1, 7, 8]) expect(claimProblems({ a: nested(levels) })).toEqual([])
    for (const levels of [9, 10, 5_000]) {
      expect(claimProblems({ a: nested(levels) })).toEqual([expect.stringMatching(/^a: /)])
    }
  })

  it.each<[string, Record<string, unknown>]>([
    ['a lone surrogate', { a: 'x\ud800' }],
    ['a lone surrogate in a list', { a: ['\udc00'] }],
    ['a lone surrogate in an object', { a: { b: '\ud800' } }],
    ['a name with a lone surrogate', { a: { 'b\ud800': 1 } }],
    ['no finite number', { a: Number.POSITIVE_INFINITY }],
    ['no number', { a: [Number.NaN] }],
  ])('are none with %s', (_what, claims) => {
    expect(claimProblems({ ...GOOD, ...claims })).toEqual([expect.stringMatching(/^a: /)])
  })

  it('are none by a name that is no text, which is not repeated', () => {
    const problems = claimProblems({ '\ud800': 1 })
    expect(problems).toHaveLength(1)
    expect(problems[0]?.isWellFormed()).toBe(true)
  })

  it('are told one problem each, all at once', () => {
    expect(claimProblems({ iss: 'x', sub: 'y', deep: nested(9), good: 1, bad: '\ud800' })).toHaveLength(4)
  })

  it('never have a value of theirs repeated', () => {
    const problems = claimProblems({ iss: 'a secret', deep: ['a secret', nested(9)], bad: 'a secret\ud800' })
    expect(problems).toHaveLength(3)
    expect(problems.join()).not.toContain('a secret')
  })

  it('are, for any JSON of few levels, those without a reserved name', () => {
    // The name __proto__ has its own test.
    const values = fc.jsonValue({ maxDepth: 6, noUnicodeString: false })
    const claimSets = fc
      .dictionary(fc.string(), values)
      .filter((set) => !JSON.stringify(set).includes('__proto__'))
    fc.assert(
      fc.property(claimSets, (claims) => {
        const reserved = Object.keys(claims).filter((name) => RESERVED.includes(name))
        expect(claimProblems(claims)).toHaveLength(reserved.length)
      }),
    )
  })
})

describe('claims that a token carries', () => {
  it.each(RESERVED)('are none by the name %s, were it in the database', (name) => {
    expect(unreserved({ ...GOOD, [name]: 'x' })).toEqual(GOOD)
  })

  it('are all others, unchanged', () => {
    expect(unreserved(GOOD)).toEqual(GOOD)
    expect(unreserved({ upstream: { iss: 'x' } })).toEqual({ upstream: { iss: 'x' } })
  })

  it('take no prototype from a name', () => {
    const claims = unreserved(JSON.parse('{"__proto__":{"roles":["admin"]}}'))
    expect(Object.getPrototypeOf(claims)).toBe(Object.prototype)
    expect('roles' in claims).toBe(false)
  })
})
