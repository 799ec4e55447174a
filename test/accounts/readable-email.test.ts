import { describe, expect, it } from 'vitest'
import { parseEmail } from '../../src/accounts/identifier.ts'
import { readableEmail } from '../../src/accounts/readable-email.ts'

const asStored = (email: string) => parseEmail(email)?.shown ?? ''

describe('readableEmail', () => {
  it.each([
    ['Latin', 'ada@b\u00fccher.example'],
    ['two Latin labels', 'ada@m\u00fcller.stra\u00dfe.example'],
    [
      'Greek',
      'ada@\u03c0\u03b1\u03c1\u03ac\u03b4\u03b5\u03b9\u03b3\u03bc\u03b1.\u03b4\u03bf\u03ba\u03b9\u03bc\u03ae',
    ],
    ['Cyrillic', 'ada@\u043f\u0440\u0438\u043c\u0435\u0440.\u0440\u0444'],
    ['Han', 'ada@\u4f8b\u5b50.\u4e2d\u56fd'],
    ['Katakana with its long vowel', 'ada@\u30b3\u30fc\u30d2\u30fc.\u30b3\u30e0'],
    ['Arabic', 'ada@\u0645\u062b\u0627\u0644.\u0625\u062e\u062a\u0628\u0627\u0631'],
    ['Devanagari with its marks', 'ada@\u0909\u0926\u093e\u0939\u0930\u0923.\u092d\u093e\u0930\u0924'],
    ['one script with digits and hyphens', 'ada@1-\u043f\u0440\u0438\u043c\u0435\u0440-2.\u0440\u0444'],
    ['ASCII', 'ada@example.com'],
  ])('shows a domain in Unicode if each label has one script: %s', (_script, email) => {
    expect(readableEmail(asStored(email))).toBe(email)
  })

  it.each([
    ['a Cyrillic letter among Latin ones', 'ada@p\u0430ypal.example'],
    ['a Cyrillic label under an ASCII domain', 'ada@\u0430\u0440\u0440\u04cf\u0435.com'],
    ['a Greek letter among Latin ones', 'ada@\u03bfrange.example'],
    ['Han with kana', 'ada@\u4f8b\u3048.\u30c6\u30b9\u30c8'],
    ['a historic script', 'ada@\u{10330}\u{10331}.\u{10332}\u{10333}'],
  ])('keeps the ASCII form of a domain that could be mistaken for another: %s', (_what, email) => {
    const stored = asStored(email)
    expect(stored).toMatch(/@[a-z0-9.-]*xn--/)
    expect(readableEmail(stored)).toBe(stored)
  })

  it('keeps the ASCII form of a domain that is not valid Punycode', () => {
    expect(readableEmail('ada@xn--a-.example')).toBe('ada@xn--a-.example')
    expect(readableEmail('ada@xn--99999999.example')).toBe('ada@xn--99999999.example')
  })
})
