import { describe, expect, it } from 'vitest'
import { isCompactJwe, isCompactJws } from '../../src/verify/pinned-jwt.ts'

/** Covers each length of the last group of bytes. */
const CANONICAL = ['AAAA', 'AA', 'AAA', '-_-_', 'Zg', 'Zm8', 'Zm9v', 'Zm9vYg', 'Zm9vYmE', '_w', '__8']
const NOT_CANONICAL = [
  ['leftover bits after one byte', 'Zh'],
  ['a leftover bit after one byte', 'ZgAAZh'],
  ['leftover bits after two bytes', 'Zm9'],
  ['a leftover bit after two bytes', '__9'],
  ['one character too many', 'Zm9vY'],
  ['a single character', 'Z'],
  ['padding', 'Zg=='],
  ['one padding character', 'Zm8='],
  ['"+" of base64', 'Zm+v'],
  ['"/" of base64', 'Zm/v'],
  ['a space', 'Zm 9'],
  ['a trailing line break', 'Zm9v\n'],
  ['a non-ASCII letter', 'Zm9\u017f'],
] as const

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

describe('isCompactJws', () => {
  it.each(CANONICAL)('accepts %s as any part of a JWS', (part) => {
    expect(isCompactJws(`${part}.AA.AA`)).toBe(true)
    expect(isCompactJws(`AA.${part}.AA`)).toBe(true)
    expect(isCompactJws(`AA.AA.${part}`)).toBe(true)
  })

  it.each(NOT_CANONICAL)('rejects a JWS with any part that has %s', (_what, part) => {
    expect(isCompactJws(`${part}.AA.AA`)).toBe(false)
    expect(isCompactJws(`AA.${part}.AA`)).toBe(false)
    expect(isCompactJws(`AA.AA.${part}`)).toBe(false)
  })

  it.each(['', '.', '..', 'AA', 'AA.AA', 'AA.AA.', '.AA.AA', 'AA..AA', 'AA.AA.AA.AA', '.'.repeat(100_000)])(
    'rejects a JWS without exactly three non-empty parts: case %#',
    (text) => {
      expect(isCompactJws(text)).toBe(false)
    },
  )

  it('accepts only the canonical last characters of an incomplete group', () => {
    const ends = (group: string) => [...LETTERS].filter((letter) => isCompactJws(`AA.AA.${group}${letter}`))
    expect(ends('A')).toEqual([...'AQgw'])
    expect(ends('AA')).toEqual([...'AEIMQUYcgkosw048'])
    expect(ends('AAA')).toEqual([...LETTERS])
  })
})

describe('isCompactJwe', () => {
  it('accepts a JWE of five parts, of which the second may be empty', () => {
    expect(isCompactJwe('AA.AA.AA.AA.AA')).toBe(true)
    expect(isCompactJwe('AA..AA.AA.AA')).toBe(true)
  })

  it.each([0, 2, 3, 4])('rejects a JWE if its part %i is empty', (empty) => {
    expect(isCompactJwe(['AA', 'AA', 'AA', 'AA', 'AA'].with(empty, '').join('.'))).toBe(false)
  })

  it.each(NOT_CANONICAL)('rejects a JWE with any part that has %s', (_what, part) => {
    for (const index of [0, 1, 2, 3, 4]) {
      expect(isCompactJwe(['AA', 'AA', 'AA', 'AA', 'AA'].with(index, part).join('.'))).toBe(false)
    }
  })

  it.each(['', 'AA.AA.AA', 'AA.AA.AA.AA', 'AA.AA.AA.AA.AA.AA'])(
    'rejects a JWE without exactly five parts: %s',
    (text) => {
      expect(isCompactJwe(text)).toBe(false)
    },
  )
})
