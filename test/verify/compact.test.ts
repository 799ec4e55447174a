import { describe, expect, it } from 'vitest'
import { isCompactJwe, isCompactJws } from '../../src/verify/compact.ts'

/** One of each length of the last group of bytes. */
const CANONICAL = ['AAAA', 'AA', 'AAA', '-_-_', 'Zg', 'Zm8', 'Zm9v', 'Zm9vYg', 'Zm9vYmE', '_w', '__8']
const NOT_CANONICAL = [
  ['bits behind one byte', 'Zh'],
  ['a bit behind one byte', 'ZgAAZh'],
  ['bits behind two bytes', 'Zm9'],
  ['a bit behind two bytes', '__9'],
  ['a character too many', 'Zm9vY'],
  ['a character alone', 'Z'],
  ['padding', 'Zg=='],
  ['padding of one', 'Zm8='],
  ['the alphabet of base64', 'Zm+v'],
  ['the other character of base64', 'Zm/v'],
  ['a space', 'Zm 9'],
  ['a line break at its end', 'Zm9v\n'],
  ['a letter that is not ASCII', 'Zm9\u017f'],
] as const

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

describe('isCompactJws', () => {
  it.each(CANONICAL)('takes %s as any of its parts', (part) => {
    expect(isCompactJws(`${part}.AA.AA`)).toBe(true)
    expect(isCompactJws(`AA.${part}.AA`)).toBe(true)
    expect(isCompactJws(`AA.AA.${part}`)).toBe(true)
  })

  it.each(NOT_CANONICAL)('refuses a part with %s, whichever it is', (_what, part) => {
    expect(isCompactJws(`${part}.AA.AA`)).toBe(false)
    expect(isCompactJws(`AA.${part}.AA`)).toBe(false)
    expect(isCompactJws(`AA.AA.${part}`)).toBe(false)
  })

  it.each(['', '.', '..', 'AA', 'AA.AA', 'AA.AA.', '.AA.AA', 'AA..AA', 'AA.AA.AA.AA', '.'.repeat(100_000)])(
    'refuses what has not three parts: %.20s',
    (text) => {
      expect(isCompactJws(text)).toBe(false)
    },
  )

  it('takes one character of sixteen, and of four, as the last of a group that is not full', () => {
    const ends = (group: string) => [...LETTERS].filter((letter) => isCompactJws(`AA.AA.${group}${letter}`))
    expect(ends('A')).toEqual([...'AQgw'])
    expect(ends('AA')).toEqual([...'AEIMQUYcgkosw048'])
    expect(ends('AAA')).toEqual([...LETTERS])
  })
})

describe('isCompactJwe', () => {
  it('takes five parts, of which the second may be empty', () => {
    expect(isCompactJwe('AA.AA.AA.AA.AA')).toBe(true)
    expect(isCompactJwe('AA..AA.AA.AA')).toBe(true)
  })

  it.each([0, 2, 3, 4])('refuses part %i if it is empty', (empty) => {
    expect(isCompactJwe(['AA', 'AA', 'AA', 'AA', 'AA'].with(empty, '').join('.'))).toBe(false)
  })

  it.each(NOT_CANONICAL)('refuses a part with %s, whichever it is', (_what, part) => {
    for (const index of [0, 1, 2, 3, 4]) {
      expect(isCompactJwe(['AA', 'AA', 'AA', 'AA', 'AA'].with(index, part).join('.'))).toBe(false)
    }
  })

  it.each(['', 'AA.AA.AA', 'AA.AA.AA.AA', 'AA.AA.AA.AA.AA.AA'])(
    'refuses another number of parts: %s',
    (text) => {
      expect(isCompactJwe(text)).toBe(false)
    },
  )
})
