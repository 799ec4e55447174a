import { describe, expect, it } from 'vitest'
import { readAuthorization, readBearer } from '../../src/verify/bearer.ts'

describe('readBearer', () => {
  it.each([
    ['Bearer x.y.z', 'x.y.z'],
    ['bEARER x.y.z', 'x.y.z'],
    ['Bearer    x.y.z', 'x.y.z'],
    ['Bearer x y', 'x y'],
    ['Bearer \tx', '\tx'],
    ['Bearer x\u2028y', 'x\u2028y'],
    ['Bearer  ', ''],
  ])('returns what follows the scheme and its spaces: %j', (authorization, token) => {
    expect(readBearer(authorization)).toBe(token)
  })

  it.each([
    null,
    '',
    ' ',
    'Bearer',
    'Bearer\tx',
    'Bearer\u00a0x',
    'Bearerx y',
    'Basic dTpw',
    'x Bearer y',
    '\u212Aearer x',
  ])('returns null if another scheme or none was sent: %j', (authorization) => {
    expect(readBearer(authorization)).toBeNull()
  })

  it('returns a token of the greatest length, and an empty one for a longer header', () => {
    const longest = 'x'.repeat(8_192 - 'Bearer '.length)
    expect(readBearer(`Bearer ${longest}`)).toBe(longest)
    expect(readBearer(`Bearer ${longest}x`)).toBe('')
    expect(readBearer(`Bearer  ${longest}`)).toBe('')
    expect(readBearer(`Bearer${' '.repeat(60_000)}\u2028`)).toBe('')
  })
})

describe('readAuthorization', () => {
  it.each<[string, string | null, string | null]>([
    ['Basic dTpw', 'basic', 'dTpw'],
    ['BASIC   dTpw', 'basic', 'dTpw'],
    ['Basic', 'basic', null],
    ['', '', null],
  ])('splits %j', (authorization, scheme, credentials) => {
    expect(readAuthorization(authorization)).toEqual({ scheme, credentials })
  })
})
