import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  comparedForm,
  hasControlCharacter,
  MAX_COMPOSED,
  trimInvisible,
  withoutAtEnds,
} from '../../src/runtime/text.ts'

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

describe('normalisation', () => {
  it('makes one of four code points at the most', () => {
    const lengths = Array.from({ length: 0x110000 }, (_, codePoint) => codePoint)
      .filter((codePoint) => codePoint < 0xd800 || codePoint > 0xdfff)
      .map((codePoint) => [...String.fromCodePoint(codePoint).normalize('NFD')].length)
    expect(lengths.reduce((longest, length) => Math.max(longest, length))).toBe(MAX_COMPOSED)
  })
})

describe('trimming what nobody sees', () => {
  const kept = 'a \u00a0\u200d b'

  it.each([
    ['spaces', ' '],
    ['a no-break space', '\u00a0'],
    ['an ideographic space', '\u3000'],
    ['a line separator', '\u2028'],
    ['a space of no width', '\u200b'],
    ['a byte order mark', '\ufeff'],
    ['a soft hyphen', '\u00ad'],
    ['a word joiner', '\u2060'],
    ['embeddings of a direction', '\u202a\u202c'],
    ['isolates of a direction', '\u2066\u2069'],
    ['a letter mark', '\u061c'],
    ['a tag of the astral planes', '\u{e0041}'],
    ['several of them', ' \u202d\u00a0\ufeff '],
  ])('removes %s at both ends, and leaves the middle', (_what, text) => {
    expect(trimInvisible(text + kept + text)).toBe(kept)
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
  ])('leaves %s', (_what, text) => {
    expect(trimInvisible(`${text}a${text}`)).toBe(`${text}a${text}`)
    expect(trimInvisible(` ${text} `)).toBe(text)
  })

  it('leaves nothing of a text of the kind alone', () => {
    expect(withoutAtEnds('1234', /\d/)).toBe('')
    expect(withoutAtEnds('', /\d/)).toBe('')
    expect(withoutAtEnds('12a34b56', /\d/)).toBe('a34b')
  })
})
