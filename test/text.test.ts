import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { comparedForm, hasControlCharacter } from '../src/text.ts'

describe('the compared form', () => {
  it.each([
    ['straße', 'STRASSE'],
    ['Ångström', 'Ångström'],
    ['straße', 'STRAẞE'],
    ['ﬁsh', 'FISH'],
    ['ｗｉｄｅ', 'wide'],
    ['οδος', 'ΟΔΟΣ'],
    ['\u0390', '\u03aa\u0301'],
    ['\u1fcc\u0342', '\u1fc3\u0342'],
  ])('is one for %s and %s', (one, other) => {
    expect(comparedForm(one)).toBe(comparedForm(other))
  })

  it('is the same in every case and normal form, and of itself', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const compared = comparedForm(text)
        expect(comparedForm(compared)).toBe(compared)
        expect(comparedForm(text.toUpperCase())).toBe(compared)
        expect(comparedForm(text.toLowerCase())).toBe(compared)
        for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD']) {
          expect(comparedForm(text.normalize(form))).toBe(compared)
        }
      }),
    )
  })
})

describe('control characters', () => {
  it.each(['\u0000', '\t', '\n', '\u007f', '\u0085', '\u009f'])('are found: %j', (control) => {
    expect(hasControlCharacter(`a${control}b`)).toBe(true)
  })

  it.each(['a b', 'é', '\u00a0', '\u200b', '\u{1f600}'])('are not seen in %j', (text) => {
    expect(hasControlCharacter(text)).toBe(false)
  })
})
