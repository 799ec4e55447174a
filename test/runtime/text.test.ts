import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  comparedForm,
  hasControlCharacter,
  MAX_COMPOSED,
  trimInvisible,
  withoutAtEnds,
} from '../../src/runtime/text.ts'

describe('comparedForm', () => {
  it.each([
    ['straße', 'STRASSE'],
    ['Ångström', 'Ångström'],
    ['straße', 'STRAẞE'],
    ['ﬁsh', 'FISH'],
    ['ｗｉｄｅ', 'wide'],
    ['οδος', 'ΟΔΟΣ'],
    ['\u0390', '\u03aa\u0301'],
    ['\u1fcc\u0342', '\u1fc3\u0342'],
  ])('returns the same compared form for %s and %s', (one, other) => {
    expect(comparedForm(one)).toBe(comparedForm(other))
  })

  it('returns a compared form that does not depend on case or normal form, and is its own compared form', () => {
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

describe('hasControlCharacter', () => {
  it.each(['\u0000', '\t', '\n', '\u007f', '\u0085', '\u009f'])(
    'detects the control character %j',
    (control) => {
      expect(hasControlCharacter(`a${control}b`)).toBe(true)
    },
  )

  it.each(['a b', 'é', '\u00a0', '\u200b', '\u{1f600}'])('finds no control character in %j', (text) => {
    expect(hasControlCharacter(text)).toBe(false)
  })
})

describe('MAX_COMPOSED', () => {
  it('decomposes a code point into MAX_COMPOSED code points at most', () => {
    const lengths = Array.from({ length: 0x110000 }, (_, codePoint) => codePoint)
      .filter((codePoint) => codePoint < 0xd800 || codePoint > 0xdfff)
      .map((codePoint) => [...String.fromCodePoint(codePoint).normalize('NFD')].length)
    expect(lengths.reduce((longest, length) => Math.max(longest, length))).toBe(MAX_COMPOSED)
  })
})

describe('trimInvisible', () => {
  const middle = 'a \u00a0\u200d b'

  it.each([
    ['spaces', ' '],
    ['a no-break space', '\u00a0'],
    ['an ideographic space', '\u3000'],
    ['a line separator', '\u2028'],
    ['a zero-width space', '\u200b'],
    ['a byte order mark', '\ufeff'],
    ['a soft hyphen', '\u00ad'],
    ['a word joiner', '\u2060'],
    ['directional embeddings', '\u202a\u202c'],
    ['directional isolates', '\u2066\u2069'],
    ['a letter mark', '\u061c'],
    ['an astral tag character', '\u{e0041}'],
    ['several invisible characters', ' \u202d\u00a0\ufeff '],
  ])('trims invisible characters at the ends but not in the middle: %s', (_what, text) => {
    expect(trimInvisible(text + middle + text)).toBe(middle)
    expect(trimInvisible(text)).toBe('')
  })

  it.each([
    ['a tab', '\t'],
    ['a line feed', '\n'],
    ['a next line', '\u0085'],
    ['a control character', '\u0000'],
    ['a variation selector', '\ufe0f'],
    ['a filler', '\u3164'],
    ['a punctuation mark', '.'],
    ['a lone surrogate', '\ud800'],
  ])('does not trim %s', (_what, text) => {
    expect(trimInvisible(`${text}a${text}`)).toBe(`${text}a${text}`)
    expect(trimInvisible(` ${text} `)).toBe(text)
  })

  it('trims a text of matching characters to an empty string', () => {
    expect(withoutAtEnds('1234', /\d/)).toBe('')
    expect(withoutAtEnds('', /\d/)).toBe('')
    expect(withoutAtEnds('12a34b56', /\d/)).toBe('a34b')
  })
})
