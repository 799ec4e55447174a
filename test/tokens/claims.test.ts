import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { claimProblems, fitsToken, unreserved } from '../../src/tokens/claims.ts'
import { RESERVED_CLAIMS } from '../support/claims.ts'

const GOOD = { tenant: 'ä', level: 1.5, flags: [true, null], address: { country: 'CH' } }

/** A value with the given number of levels, lists and objects in turn. */
function nested(levels: number): unknown {
  if (levels === 0) return 'x'
  return levels % 2 === 0 ? [nested(levels - 1)] : { a: nested(levels - 1) }
}

describe('claims of an account', () => {
  it('accepts claims of any JSON type and any name that is not reserved', () => {
    expect(claimProblems({})).toEqual([])
    expect(claimProblems(GOOD)).toEqual([])
    expect(claimProblems({ '': 0, constructor: 'x', toString: 'x', Iss: 'x', roles2: 'x' })).toEqual([])
  })

  it('accepts exact numbers in claims: safe integers and fractions', () => {
    const { MAX_SAFE_INTEGER, MIN_SAFE_INTEGER, MIN_VALUE } = Number
    const numbers = [MAX_SAFE_INTEGER, MIN_SAFE_INTEGER, MIN_VALUE, 0, -0, 1e15, -1.5, 4503599627370495.5]
    expect(claimProblems({ a: numbers })).toEqual([])
  })

  it('rejects claims with the name __proto__, which changes the prototype of a copy', () => {
    expect(claimProblems(JSON.parse('{"__proto__":{"iss":"x"}}'))).toHaveLength(1)
    expect(claimProblems(JSON.parse('{"a":[{"__proto__":1}]}'))).toHaveLength(1)
  })

  it.each(RESERVED_CLAIMS)('rejects the reserved claim %s, whatever its value', (name) => {
    for (const value of ['x', null, { a: 1 }]) {
      const problems = claimProblems({ ...GOOD, [name]: value })
      expect(problems).toEqual([expect.stringContaining(`${name}: Reserved`)])
    }
  })

  it('accepts a reserved name inside a claim', () => {
    expect(claimProblems({ upstream: { iss: 'x', roles: ['a'] } })).toEqual([])
  })

  it('accepts claims of at most eight levels', () => {
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
    ['an infinite number', { a: Number.POSITIVE_INFINITY }],
    ['NaN', { a: [Number.NaN] }],
    ['an integer that is not safe', { a: 2 ** 53 }],
    ['a negative integer that is not safe', { a: -(2 ** 53) }],
    ['an integer that JSON.parse rounds', JSON.parse('{"a":9007199254740993}')],
    ['an integer with an exponent', JSON.parse('{"a":1e20}')],
    ['a fraction that is rounded to an integer', JSON.parse('{"a":9007199254740991.5}')],
    ['a large integer at a lower level', { a: { b: [10 ** 16] } }],
    ['the largest number', { a: Number.MAX_VALUE }],
  ])('rejects a claim with %s', (_what, claims) => {
    expect(claimProblems({ ...GOOD, ...claims })).toEqual([expect.stringMatching(/^a: /)])
  })

  it('rejects a claim name that is not well-formed Unicode, and does not repeat it', () => {
    const problems = claimProblems({ '\ud800': 1 })
    expect(problems).toHaveLength(1)
    expect(problems[0]?.isWellFormed()).toBe(true)
  })

  it('reports one problem for each invalid claim, all at once', () => {
    expect(claimProblems({ iss: 'x', sub: 'y', deep: nested(9), good: 1, bad: '\ud800' })).toHaveLength(4)
  })

  it('repeats no value of a claim in its problem', () => {
    const problems = claimProblems({ iss: 'a secret', deep: ['a secret', nested(9)], bad: 'a secret\ud800' })
    expect(problems).toHaveLength(3)
    expect(problems.join()).not.toContain('a secret')
  })

  it('rejects exactly the reserved names in any JSON of few levels', () => {
    // The name __proto__ and large integers have tests of their own.
    const { values } = fc.letrec<{ values: unknown }>((tie) => ({
      values: fc.oneof(
        { maxDepth: 6, depthSize: 'small' },
        fc.string({ unit: 'grapheme' }),
        fc.maxSafeInteger(),
        fc.double({ min: -1, max: 1, noNaN: true }),
        fc.boolean(),
        fc.constant(null),
        fc.array(tie('values'), { maxLength: 3 }),
        fc.dictionary(fc.string(), tie('values'), { maxKeys: 3 }),
      ),
    }))
    const claimSets = fc
      .dictionary(fc.string(), values)
      .filter((set) => !JSON.stringify(set).includes('__proto__'))
    fc.assert(
      fc.property(claimSets, (claims) => {
        const reserved = Object.keys(claims).filter((name) => RESERVED_CLAIMS.includes(name))
        expect(claimProblems(claims)).toHaveLength(reserved.length)
      }),
    )
  })
})

describe('claims of a token', () => {
  it.each(RESERVED_CLAIMS)(
    'leaves the reserved claim %s out of a token, even if the database has it',
    (name) => {
      expect(unreserved({ ...GOOD, [name]: 'x' })).toEqual(GOOD)
    },
  )

  it('keeps claims without a reserved name unchanged in a token', () => {
    expect(unreserved(GOOD)).toEqual(GOOD)
    expect(unreserved({ upstream: { iss: 'x' } })).toEqual({ upstream: { iss: 'x' } })
  })

  it("keeps the prototype of a token's claims when one has the name __proto__", () => {
    const claims = unreserved(JSON.parse('{"__proto__":{"roles":["admin"]}}'))
    expect(Object.getPrototypeOf(claims)).toBe(Object.prototype)
    expect('roles' in claims).toBe(false)
  })
})

describe('permissions and claims of an account', () => {
  const granted = { roles: ['editor'], scopes: ['read'], claims: { note: '' } }
  const withNote = (note: string) => ({ ...granted, claims: { note } })
  const bytes = new TextEncoder().encode(JSON.stringify(granted)).length

  it.each([
    ['of one byte each', 'x', 1],
    ['of two bytes each', 'ä', 2],
    ['of three bytes each', '€', 3],
    ['of four bytes each', '😀', 4],
    ['that JSON escapes by two', '"', 2],
    ['that JSON escapes by six', '\u0001', 6],
  ])(
    'accepts permissions and claims of up to 1,800 bytes as JSON, with characters %s',
    (_what, character, size) => {
      const most = Math.floor((1_800 - bytes) / size)
      const filled = character.repeat(most) + 'x'.repeat(1_800 - bytes - most * size)
      expect(fitsToken(withNote(filled))).toBe(true)
      expect(fitsToken(withNote(`${filled}x`))).toBe(false)
    },
  )

  it('counts roles and scopes towards the 1,800 bytes', () => {
    const names = Array.from({ length: 30 }, (_none, index) => String(index).padStart(64, 'r'))
    expect(fitsToken({ ...granted, roles: names })).toBe(false)
    expect(fitsToken({ ...granted, scopes: names })).toBe(false)
    expect(fitsToken({ ...granted, roles: names.slice(15), scopes: names.slice(0, 10) })).toBe(true)
  })
})
