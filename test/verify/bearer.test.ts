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
  ])('returns the token after the Bearer scheme and its spaces: %j', (authorization, token) => {
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
  ])('returns null if the scheme is not Bearer: %j', (authorization) => {
    expect(readBearer(authorization)).toBeNull()
  })

  it('returns a bearer token up to the maximum length, and an empty one for a longer header', () => {
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
  ])('splits the Authorization header %j', (authorization, scheme, credentials) => {
    expect(readAuthorization(authorization)).toEqual({ scheme, credentials })
  })
})
