import { describe, expect, it } from 'vitest'
import { parseEmail, parseIdentifier, parsePhone, parseUsername } from '../../src/accounts/identifier.ts'

const LABEL_63 = 'd'.repeat(63)

describe('email', () => {
  it.each([
    ['ada@example.com', 'ada@example.com'],
    ['  Ada.Lovelace@Example.COM\u00a0', 'ada.lovelace@example.com'],
    ["a!#$%&'*+/=?^_`{|}~-z@example.com", "a!#$%&'*+/=?^_`{|}~-z@example.com"],
    ['ada@bücher.example', 'ada@xn--bcher-kva.example'],
    ['ada@BÜCHER。example', 'ada@xn--bcher-kva.example'],
    ['ada@faß.example', 'ada@xn--fa-hia.example'],
    ['ada@xn--bcher-kva.example', 'ada@xn--bcher-kva.example'],
    [`${'l'.repeat(64)}@example.com`, `${'l'.repeat(64)}@example.com`],
    [`ada@${LABEL_63}.com`, `ada@${LABEL_63}.com`],
    ['ada@1.example', 'ada@1.example'],
  ])('reads %j as %j', (text, expected) => {
    expect(parseEmail(text)).toMatchObject({ shown: expected, compared: expected })
  })

  it('takes 254 characters and no more', () => {
    const ofLength = (length: number) => {
      const rest = `@${LABEL_63}.${LABEL_63}.${'d'.repeat(58)}.example`
      return 'l'.repeat(length - rest.length) + rest
    }
    expect(parseEmail(ofLength(254))?.shown).toHaveLength(254)
    expect(parseEmail(ofLength(255))).toBeNull()
  })

  it.each([
    ['no local part', '@example.com'],
    ['no domain', 'ada@'],
    ['two of @', 'ada@home@example.com'],
    ['a quoted local part', '"ada l"@example.com'],
    ['a comment', 'ada(x)@example.com'],
    ['a space in the middle', 'ada lovelace@example.com'],
    ['a dot first', '.ada@example.com'],
    ['a dot last', 'ada.@example.com'],
    ['two dots in a row', 'ada..l@example.com'],
    ['a local part of 65', `${'l'.repeat(65)}@example.com`],
    ['a local part that is not ASCII', 'ädä@example.com'],
    ['a letter that becomes ASCII in lower case', '\u212aelvin@example.com'],
    ['a domain without a dot', 'ada@localhost'],
    ['a dot at the end of the domain', 'ada@example.com.'],
    ['an empty label', 'ada@example..com'],
    ['a label of 64', `ada@${'d'.repeat(64)}.com`],
    ['a hyphen first', 'ada@-example.com'],
    ['a hyphen last', 'ada@example-.com'],
    ['an underscore', 'ada@ex_ample.com'],
    ['an IPv4 address', 'ada@192.0.2.1'],
    ['a literal', 'ada@[192.0.2.1]'],
    ['an IPv6 literal', 'ada@[2001:db8::1]'],
    ['what a URL parser takes for an address', 'ada@1.2'],
    ['the same in hexadecimal', 'ada@0x7f.1'],
    ['a number for the last label', 'ada@example.1'],
    ['a port', 'ada@example.com:25'],
    ['a path', 'ada@example.com/x'],
    ['a query', 'ada@example.com?x'],
    ['a fragment', 'ada@example.com#x'],
    ['an escape', 'ada@ex%61mple.com'],
    ['a backslash', 'ada@example\\.com'],
    ['a tab that a URL parser drops', 'ada@exam\tple.com'],
    ['a full-width solidus', 'ada@example.com\uff0fx'],
  ])('refuses %s', (_what, text) => {
    expect(parseEmail(text)).toBeNull()
  })
})

describe('phone', () => {
  it.each([
    ['+12015550123', undefined],
    ['+1 (201) 555-0123', undefined],
    ['+1.201.555.0123', undefined],
    ['(201) 555-0123', 'US'],
    ['+1 201 555 0123', 'DE'],
  ] as const)('reads %j as E.164, with the region %s', (text, region) => {
    expect(parsePhone(text, region)).toMatchObject({
      shown: '+12015550123',
      compared: '+12015550123',
      guessable: '2015550123',
    })
  })

  it.each([
    ['no region for a national number', '201 555 0123', undefined],
    ['another region', '(201) 555-0123', 'FR'],
    ['an extension', '+1 201 555 0123 ext. 5', undefined],
    ['an extension after x', '+1 201 555 0123 x5', undefined],
    ['an extension in RFC 3966', '+12015550123;ext=5', undefined],
    ['a tel URI', 'tel:+12015550123', undefined],
    ['too many digits', '+120155501234', undefined],
    ['too few digits', '+1201555012', undefined],
    ['a possible number that is not valid', '+1 000 000 0000', undefined],
    ['an unknown country code', '+999 555 0123', undefined],
    ['text around it', 'call +12015550123', undefined],
    ['text that has a number in it', 'user-2015550123', 'US'],
    ['two numbers', '+12015550123 +12015550124', undefined],
    ['letters', '+1 800 FLOWERS', undefined],
    ['a slash', '+1/201/5550123', undefined],
    ['a space before it', ' +12015550123', undefined],
    ['a space behind it', '+12015550123 ', undefined],
    ['a dot behind it', '+1 (201) 555-0123.', undefined],
    ['brackets', '+1 [201] 5550123', undefined],
    ['a dash', '+1\u2013201\u20135550123', undefined],
    ['a space that does not break', '+1\u00a02015550123', undefined],
    ['a space of no width', '+12015550123\u200b', undefined],
    ['a subaddress in RFC 3966', '+12015550123;isub=123', undefined],
    ['nothing', '', undefined],
  ] as const)('refuses %s', (_what, text, region) => {
    expect(parsePhone(text, region)).toBeNull()
  })
})

describe('username', () => {
  it.each([
    ['ada', 'ada'],
    ['Ada.Lovelace_1815-', 'ada.lovelace_1815-'],
    ['Straße', 'strasse'],
    ['Åsa', 'åsa'],
    ['名無し', '名無し'],
    ['١٢٣ب', '١٢٣ب'],
    ['a'.repeat(32), 'a'.repeat(32)],
    ['𝒜𝒹𝒶', 'ada'],
    ['한'.normalize('NFD').repeat(32), '한'.repeat(32)],
    ['ﬁx', 'fix'],
  ])('shows %j as typed, and compares it as %j', (text, compared) => {
    expect(parseUsername(text)).toMatchObject({ shown: text, compared, guessable: compared })
  })

  it.each([
    ['two characters', 'ab'],
    ['33 characters', 'a'.repeat(33)],
    ['33 after NFKC', `${'a'.repeat(31)}ﬁ`],
    ['more than 288 bytes as typed', '\u{16d67}'.repeat(73)],
    ['no letter', '12345'],
    ['only marks and dots', '._-'],
    ['a space before it', ' ada'],
    ['a space in the middle', 'ada l'],
    ['an @', 'ada@home'],
    ['a symbol', 'ada!'],
    ['an emoji', 'ada\u{1f600}'],
    ['a zero-width joiner', 'a\u200dda'],
    ['a direction mark', 'ada\u202e'],
    ['a letter number', 'a\u3007b'],
    ['nothing', ''],
  ])('refuses %s', (_what, text) => {
    expect(parseUsername(text)).toBeNull()
  })
})

describe('what someone logs in with', () => {
  it.each([
    ['Ada@Example.com', undefined, 'email', 'ada@example.com'],
    ['+1 (201) 555-0123', undefined, 'phone', '+12015550123'],
    ['201.555.0123', 'US', 'phone', '+12015550123'],
    ['Ada', undefined, 'username', 'ada'],
    ['1815ada', undefined, 'username', '1815ada'],
  ] as const)('is told by its characters: %j', (text, region, kind, compared) => {
    expect(parseIdentifier(text, region)).toMatchObject({ kind, compared })
  })

  it.each(['@', 'a@b', '123', '+1', '()', ' ', 'x', 'user 2015550123'])('is null for %j', (text) => {
    expect(parseIdentifier(text, undefined)).toBeNull()
  })
})
