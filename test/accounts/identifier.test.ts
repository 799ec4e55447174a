import { describe, expect, it, vi } from 'vitest'
import {
  kindOf,
  parseEmail,
  parseIdentifier,
  parseMailDomain,
  parseNewIdentifier,
  parsePhone,
  parseUsername,
} from '../../src/accounts/identifier.ts'

const LABEL_63 = 'd'.repeat(63)

describe('parseEmail', () => {
  it.each([
    ['ada@example.com', 'ada@example.com'],
    ['  Ada.Lovelace@Example.COM\u00a0', 'ada.lovelace@example.com'],
    ['\u202aada@example.com\u202c', 'ada@example.com'],
    ['\ufeffada@example.com\u200b', 'ada@example.com'],
    ["a!#$%&'*+/=?^_`{|}~-z@example.com", "a!#$%&'*+/=?^_`{|}~-z@example.com"],
    ['ada@bücher.example', 'ada@xn--bcher-kva.example'],
    ['ada@BÜCHER。example', 'ada@xn--bcher-kva.example'],
    ['ada@faß.example', 'ada@xn--fa-hia.example'],
    ['ada@xn--bcher-kva.example', 'ada@xn--bcher-kva.example'],
    [`${'l'.repeat(64)}@example.com`, `${'l'.repeat(64)}@example.com`],
    [`ada@${LABEL_63}.com`, `ada@${LABEL_63}.com`],
    ['ada@1.example', 'ada@1.example'],
  ])('parses the email %j as %j', (text, expected) => {
    expect(parseEmail(text)).toMatchObject({ shown: expected, compared: expected })
  })

  it('accepts an email of 254 characters and rejects one of 255', () => {
    const ofLength = (length: number) => {
      const rest = `@${LABEL_63}.${LABEL_63}.${'d'.repeat(58)}.example`
      return 'l'.repeat(length - rest.length) + rest
    }
    expect(parseEmail(ofLength(254))?.shown).toHaveLength(254)
    expect(parseEmail(ofLength(255))).toBeNull()
  })

  it('rejects a domain above the maximum length before URL parsing, which would take quadratic time', () => {
    const parsing = vi.spyOn(URL, 'parse')
    const many = Array.from({ length: 5_000 }, (_, index) => String.fromCodePoint(0x4e00 + index))
    expect(parseEmail(`ada@${many.join('')}.example`)).toBeNull()
    expect(parsing).not.toHaveBeenCalled()
    parsing.mockRestore()
  })

  it.each([
    ['no local part', '@example.com'],
    ['no domain', 'ada@'],
    ['two @ signs', 'ada@home@example.com'],
    ['a quoted local part', '"ada l"@example.com'],
    ['a comment', 'ada(x)@example.com'],
    ['a space in the middle', 'ada lovelace@example.com'],
    ['a trailing tab', 'ada@example.com\t'],
    ['a trailing line feed', 'ada@example.com\n'],
    ['a space before the @', 'ada @example.com'],
    ['a zero-width space in the middle', 'a\u200bda@example.com'],
    ['only invisible characters', ' \u200b '],
    ['a leading dot', '.ada@example.com'],
    ['a dot before the @', 'ada.@example.com'],
    ['two dots in a row', 'ada..l@example.com'],
    ['a local part of 65 characters', `${'l'.repeat(65)}@example.com`],
    ['a local part that is not ASCII', 'ädä@example.com'],
    ['a letter that is ASCII in lower case', '\u212aelvin@example.com'],
    ['a domain without a dot', 'ada@localhost'],
    ['a dot at the end of the domain', 'ada@example.com.'],
    ['an empty label', 'ada@example..com'],
    ['a label of 64 characters', `ada@${'d'.repeat(64)}.com`],
    ['a label that begins with a hyphen', 'ada@-example.com'],
    ['a label that ends with a hyphen', 'ada@example-.com'],
    ['an underscore in the domain', 'ada@ex_ample.com'],
    ['an IPv4 address as its domain', 'ada@192.0.2.1'],
    ['an IPv4 literal', 'ada@[192.0.2.1]'],
    ['an IPv6 literal', 'ada@[2001:db8::1]'],
    ['a domain that a URL parser reads as an IPv4 address', 'ada@1.2'],
    ['a domain that a URL parser reads as a hexadecimal IPv4 address', 'ada@0x7f.1'],
    ['a numeric last label', 'ada@example.1'],
    ['a port', 'ada@example.com:25'],
    ['a path', 'ada@example.com/x'],
    ['a query', 'ada@example.com?x'],
    ['a fragment', 'ada@example.com#x'],
    ['a percent-encoded letter', 'ada@ex%61mple.com'],
    ['a backslash', 'ada@example\\.com'],
    ['a tab that a URL parser removes', 'ada@exam\tple.com'],
    ['a full-width solidus', 'ada@example.com\uff0fx'],
  ])('rejects an email with %s', (_what, text) => {
    expect(parseEmail(text)).toBeNull()
  })
})

describe('parsePhone', () => {
  it.each([
    ['+12015550123', undefined],
    ['+1 (201) 555-0123', undefined],
    ['+1.201.555.0123', undefined],
    ['(201) 555-0123', 'US'],
    ['+1 201 555 0123', 'DE'],
    [' +12015550123\u00a0', undefined],
    ['\u202a+1 201 555 0123\u202c', undefined],
    ['+1/201/5550123', undefined],
    ['201/555-0123', 'US'],
    ['+1\u00a0201\u2009555\u30000123', undefined],
    ['+1\u2010201\u2011555\u20120123', undefined],
    ['+1\u2013201\u2014555\u22120123', undefined],
    ['+1\u200b201\u202d5550123', undefined],
    ['(+1) 201 555 0123', undefined],
    [
      '\uff0b\uff11 \uff08\uff12\uff10\uff11\uff09 \uff15\uff15\uff15\uff0d\uff10\uff11\uff12\uff13',
      undefined,
    ],
    ['\uff0b1\uff0f201\uff0e5550123', undefined],
    ['+\u0661 \u0662\u0660\u0661 \u0665\u0665\u0665 \u0660\u0661\u0662\u0663', undefined],
    ['\u06f2\u06f0\u06f1 \u06f5\u06f5\u06f5 \u06f0\u06f1\u06f2\u06f3', 'US'],
    ['+\u0967 \u0968\u0966\u0967 \u096b\u096b\u096b \u0966\u0967\u0968\u0969', undefined],
    [
      '+\u{1d7d9}\u{1d7ee}\u{1d7e2}\u{1d7cf}\u{1d7fb}\u{1d7fb}\u{1d7fb}\u{1d7f6}\u{1d7f7}\u{1d7f8}\u{1d7f9}',
      undefined,
    ],
  ] as const)('parses the phone number %j with the region %s as E.164', (text, region) => {
    expect(parsePhone(text, region)).toMatchObject({
      shown: '+12015550123',
      compared: '+12015550123',
      guessable: '2015550123',
    })
  })

  it.each([
    ['a national number without a region', '201 555 0123', undefined],
    ['a national number of another region', '(201) 555-0123', 'FR'],
    ['an extension', '+1 201 555 0123 ext. 5', undefined],
    ['an extension after x', '+1 201 555 0123 x5', undefined],
    ['an extension in RFC 3966', '+12015550123;ext=5', undefined],
    ['a tel URI', 'tel:+12015550123', undefined],
    ['too many digits', '+120155501234', undefined],
    ['too few digits', '+1201555012', undefined],
    ['a possible number that is not valid', '+1 000 000 0000', undefined],
    ['an unknown country code', '+999 555 0123', undefined],
    ['text around the number', 'call +12015550123', undefined],
    ['text that contains a number', 'user-2015550123', 'US'],
    ['two numbers', '+12015550123 +12015550124', undefined],
    ['more than 250 characters', `+1${' '.repeat(239)}2015550123`, undefined],
    ['letters for digits', '+1 800 FLOWERS', undefined],
    ['a trailing dot', '+1 (201) 555-0123.', undefined],
    ['a trailing slash', '+1 (201) 555-0123/', undefined],
    ['a leading dash', '\u2013+12015550123', undefined],
    ['two numbers with a slash between them', '+12015550123/+12015550124', undefined],
    ['a plus sign in the middle', '1+2015550123', undefined],
    ['two plus signs', '++12015550123', undefined],
    ['a trailing full-width plus sign', '12015550123\uff0b', undefined],
    ['a tab in the middle', '+1\t2015550123', undefined],
    ['a trailing line feed', '+12015550123\n', undefined],
    ['superscript digits', '+\u00b9\u00b2\u2070\u00b9\u2075\u2075\u2075\u2070\u00b9\u00b2\u00b3', undefined],
    ['circled digits', '+1201555012\u2462', undefined],
    ['Chinese numerals', '+\u4e00201555012\u4e09', undefined],
    ['a variation selector', '+12015550123\ufe0f', undefined],
    ['brackets', '+1 [201] 5550123', undefined],
    ['a subaddress in RFC 3966', '+12015550123;isub=123', undefined],
    ['an empty string', '', undefined],
  ] as const)('rejects as a phone number: %s', (_what, text, region) => {
    expect(parsePhone(text, region)).toBeNull()
  })
})

describe('digits of all scripts', () => {
  it('reads every digit of the Unicode category Nd as its value', () => {
    const digits = Array.from({ length: 0x110000 }, (_, codePoint) => codePoint)
      .filter((codePoint) => codePoint < 0xd800 || codePoint > 0xdfff)
      .map((codePoint) => String.fromCodePoint(codePoint))
      .filter((character) => /\p{Nd}/u.test(character))
    // +1 201 555 01dd is a valid number for any two digits.
    const read = digits.map((digit) => Number(parsePhone(`+1201555010${digit}`, undefined)?.shown.at(-1)))
    // Each script's digits are consecutive in code point order, from zero up.
    expect(read).toEqual(digits.map((_, index) => index % 10))
    expect(digits.length).toBeGreaterThan(700)
  })

  it.each(Intl.supportedValuesOf('numberingSystem'))(
    'reads the digits of a numbering system as the locale data defines them: %s',
    (system) => {
      const format = new Intl.NumberFormat('en', { numberingSystem: system, useGrouping: false })
      const written = format.format(2015550123)
      // Some systems use symbols other than decimal digits.
      const isDecimal = /^\p{Nd}+$/u.test(written)
      expect(parsePhone(written, 'US')?.shown ?? null).toBe(isDecimal ? '+12015550123' : null)
    },
  )
})

describe('parseUsername', () => {
  it.each([
    ['ada', 'ada'],
    ['Ada.Lovelace_1815-', 'ada.lovelace_1815-'],
    ['Straße', 'strasse'],
    ['Åsa', 'åsa'],
    ['名無し', '名無し'],
    ['١٢٣ب', '١٢٣ب'],
    ['a'.repeat(32), 'a'.repeat(32)],
    ['\u03b1\u0313\u0300\u0345'.repeat(32), '\u1f02\u03b9'.repeat(32)],
    ['𝒜𝒹𝒶', 'ada'],
    ['한'.normalize('NFD').repeat(32), '한'.repeat(32)],
    ['ﬁx', 'fix'],
  ])('keeps the username %j as typed and compares it as %j', (text, compared) => {
    expect(parseUsername(text)).toMatchObject({ shown: text, compared, guessable: compared })
  })

  it.each([
    ['two characters', 'ab'],
    ['16,000 characters', 'ab'.repeat(8_000)],
    ['33 characters', 'a'.repeat(33)],
    ['many combining marks', `a${'\u0301\u0323'.repeat(60)}`],
    ['33 characters after NFKC', `${'a'.repeat(31)}ﬁ`],
    ['more than 288 bytes as typed', '\u{16d67}'.repeat(73)],
    ['no letter', '12345'],
    ['only punctuation', '._-'],
    ['a space in the middle', 'ada l'],
    ['a trailing tab', 'ada\t'],
    ['an @ sign', 'ada@home'],
    ['a symbol', 'ada!'],
    ['an emoji', 'ada\u{1f600}'],
    ['a zero-width joiner', 'a\u200dda'],
    ['a direction mark in the middle', 'ad\u202ea'],
    ['a variation selector', 'grace\ufe0f'],
    ['a variation selector in the middle', 'gr\ufe00ace'],
    ['an astral variation selector', 'grace\u{e0100}'],
    ['only Hangul fillers', '\u3164\u3164\u3164'],
    ['a half-width Hangul filler', 'grace\uffa0'],
    ['a Hangul choseong filler', 'gr\u115face'],
    ['a combining grapheme joiner', 'gr\u034face'],
    ['a Khmer inherent vowel', 'gr\u17b4ace'],
    ['a Mongolian variation selector', 'gr\u180bace'],
    ['a soft hyphen in the middle', 'gr\u00adace'],
    ['a letter number', 'a\u3007b'],
    ['an empty string', ''],
  ])('rejects as a username: %s', (_what, text) => {
    expect(parseUsername(text)).toBeNull()
  })
})

describe('invisible characters around a username', () => {
  it.each([' ada', 'ada\u00a0', '\u202aada\u202c', '\ufeffada\u200b', 'ada\u202e'])(
    'trims invisible characters around a username: %j',
    (text) => {
      expect(parseUsername(text)).toMatchObject({ shown: 'ada', compared: 'ada', guessable: 'ada' })
    },
  )
})

describe('parseMailDomain', () => {
  it('trims invisible characters around a domain, and rejects a trailing line feed', () => {
    expect(parseMailDomain('\u202a example.com\u00a0')).toBe('example.com')
    expect(parseMailDomain('example.com\n')).toBeNull()
  })
})

describe('parseNewIdentifier', () => {
  it.each([
    ['\u202aada@example.com ', 'email', 'ada@example.com'],
    ['+1\u2009(201)\u2009555\u20110123', 'phone', '+12015550123'],
    [' ada\u200b', 'username', 'ada'],
  ])('derives the kind of a new identifier from its characters: %j', (text, kind, shown) => {
    expect(parseNewIdentifier(text, undefined)).toMatchObject({ kind, shown })
    expect(parseIdentifier(text, undefined)).toMatchObject({ kind, shown })
  })

  it('rejects a new username that an existing account may still log in with', () => {
    expect(parseNewIdentifier('grace\ufe0f', undefined)).toBeNull()
    expect(parseIdentifier('grace\ufe0f', undefined)).toMatchObject({
      kind: 'username',
      shown: 'grace\ufe0f',
    })
  })
})

describe('kindOf', () => {
  it.each([
    ['12345', 'phone'],
    ['\u0661\u0662\u0663', 'phone'],
    ['\uff0b\uff11', 'phone'],
    ['1\u20132/3', 'phone'],
    [' (1) ', 'phone'],
    ['1234a', 'username'],
    ['\u4e00\u4e8c\u4e09', 'username'],
    ['12_34', 'username'],
    ['', 'username'],
    ['1@2', 'email'],
  ])('classifies %j as %s', (text, kind) => {
    expect(kindOf(text)).toBe(kind)
  })
})

describe('parseIdentifier', () => {
  it.each([
    ['Ada@Example.com', undefined, 'email', 'ada@example.com'],
    ['+1 (201) 555-0123', undefined, 'phone', '+12015550123'],
    ['201.555.0123', 'US', 'phone', '+12015550123'],
    ['Ada', undefined, 'username', 'ada'],
    ['1815ada', undefined, 'username', '1815ada'],
  ] as const)(
    'derives the kind of a login identifier from its characters: %j',
    (text, region, kind, compared) => {
      expect(parseIdentifier(text, region)).toMatchObject({ kind, compared })
    },
  )

  it.each(['@', 'a@b', '123', '+1', '()', ' ', 'x', 'user 2015550123'])(
    'returns null for a text that is no identifier: %j',
    (text) => {
      expect(parseIdentifier(text, undefined)).toBeNull()
    },
  )
})
