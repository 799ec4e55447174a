import { describe, expect, it } from 'vitest'
import { parseUsername } from '../../src/accounts/identifier.ts'
import { weaknesses } from '../../src/passwords/policy.ts'

const policy = {
  minLength: 8,
  words: ['gatehouse'],
  guessable: ['ada.lovelace', 'ada.mail', '2015550123', 'ada'],
}
const weaknessesOf = (password: string) => weaknesses(password, policy)

describe('acceptable password', () => {
  it.each([
    ['a passphrase', 'correct horse battery staple'],
    ['eight code points', 'q7$kz!vw'],
    ['128 code points', 'bread and water '.repeat(8)],
    [
      '128 characters beyond the basic plane',
      '\u{1f511}\u{1f600}\u{1f41d}\u{1f40c}\u{1f511}\u{1f41d}\u{1f600}\u{1f40c}'.repeat(16),
    ],
    ['control characters', 'a\u0000b\tc\nd\u0007e'],
    ['common words in a row', 'password monkey dragon ladder'],
    ['a word of the service within a longer text', 'my gatehouse at home'],
    ['a part shorter than four characters', 'my name is ada, hello'],
    ['part of an identifier', 'lovelace and babbage'],
  ])('accepts as a password: %s', (_what, password) => {
    expect(weaknessesOf(password)).toEqual([])
  })
})

describe('weak password', () => {
  it.each([
    ['too_short', 'seven 7'],
    ['too_short', 'e\u0301tude 7'],
    ['too_long', 'bread and water '.repeat(8).concat('!')],
    ['too_simple', ' '.repeat(8)],
    ['too_simple', '12341234'],
    ['too_simple', 'ABCDefgh'],
    ['too_simple', 'MlkjHGFD'],
    ['common', 'Monkey!2024'],
    ['common', '!!MONKEY!!'],
    ['common', 'GateHouse2026'],
    ['common', 'password1'],
    ['common', 'PassWord1'],
    ['contains_identifier', 'my ada.lovelace!'],
    ['contains_identifier', 'my ADA.Lovelace!'],
    ['contains_identifier', 'write to ada.mail'],
    ['contains_identifier', 'call 2015550123 now'],
    ['contains_identifier', 'ａｄａ.ｌｏｖｅｌａｃｅ is wide'],
  ])('rejects a password as %s: %j', (reason, password) => {
    expect(weaknessesOf(password)).toEqual([reason])
  })

  it.each(['ΝΙΚΟΣabc1', 'νικοσabc1', 'νικοςabc1', '1abc ΝΙΚΟΣ'])(
    'finds a username that ends in sigma inside the password %j',
    (password) => {
      const guessable = parseUsername('Νικος')?.guessable ?? ''
      expect(weaknesses(password, { minLength: 8, words: [], guessable: [guessable] })).toEqual([
        'contains_identifier',
      ])
    },
  )

  it('reports every weakness of a password at once', () => {
    expect(weaknesses('ada', { minLength: 8, words: [], guessable: ['ada!'] })).toEqual(['too_short'])
    expect(weaknesses('12345678', { minLength: 10, words: [], guessable: ['5678'] })).toEqual([
      'too_short',
      'too_simple',
      'common',
      'contains_identifier',
    ])
    expect(weaknesses('gatehouse'.repeat(15), { minLength: 8, words: [], guessable: ['house'] })).toEqual([
      'too_long',
      'contains_identifier',
    ])
    expect(weaknesses('x'.repeat(129), { minLength: 8, words: [], guessable: [] })).toEqual([
      'too_long',
      'too_simple',
    ])
  })

  it('reports every weakness of a password far above the length limit', () => {
    expect(weaknessesOf('monkey'.concat('1'.repeat(16_000)))).toEqual(['too_long', 'common'])
    expect(weaknessesOf('xY'.repeat(8_000))).toEqual(['too_long', 'too_simple'])
    expect(weaknessesOf('bread, water, ADA.lovelace '.repeat(600))).toEqual([
      'too_long',
      'contains_identifier',
    ])
  })

  it('measures the length after normalization if that can bring it within the limit', () => {
    const composed = (length: number) => Array.from({ length }, (_, index) => `${index % 7}\u1f82`).join('')
    const options = { minLength: 8, words: [], guessable: [] }
    expect(weaknesses(composed(64).normalize('NFD'), options)).toEqual([])
    expect(weaknesses(composed(65).normalize('NFD'), options)).toEqual(['too_long'])
    expect(weaknesses('\u1f82'.normalize('NFD').repeat(128), options)).toEqual(['too_simple'])
  })

  it('applies the configured minimum length', () => {
    expect(weaknesses('twelve chars', { minLength: 12, words: [], guessable: [] })).toEqual([])
    expect(weaknesses('twelve chars', { minLength: 13, words: [], guessable: [] })).toEqual(['too_short'])
  })
})
