import { describe, expect, it } from 'vitest'
import { weaknesses } from '../../src/passwords/policy.ts'

const policy = { minLength: 8, guessable: ['ada.lovelace', 'ada.mail', '2015550123', 'ada'] }
const weaknessesOf = (password: string) => weaknesses(password, policy)

describe('a password that may be chosen', () => {
  it.each([
    ['a passphrase', 'correct horse battery staple'],
    ['eight code points', 'q7$kz!vw'],
    ['128 code points', 'ab'.repeat(64)],
    ['128 characters beyond the basic plane', '\u{1f511}'.repeat(128)],
    ['control characters', 'a\u0000b\tc\nd\u0007e'],
    ['spaces alone', ' '.repeat(12)],
    ['a part shorter than four characters', 'my name is ada, hello'],
    ['half of a name', 'lovelace and babbage'],
  ])('is %s', (_what, password) => {
    expect(weaknessesOf(password)).toEqual([])
  })
})

describe('a password that may not be chosen', () => {
  it.each([
    ['too_short', 'seven 7'],
    ['too_short', 'e\u0301'.repeat(7)],
    ['too_long', 'ab'.repeat(64).concat('c')],
    ['common', 'password1'],
    ['common', 'PassWord1'],
    ['common', '12345678'],
    ['contains_identifier', 'my ada.lovelace!'],
    ['contains_identifier', 'my ADA.Lovelace!'],
    ['contains_identifier', 'write to ada.mail'],
    ['contains_identifier', 'call 2015550123 now'],
    ['contains_identifier', 'ａｄａ.ｌｏｖｅｌａｃｅ is wide'],
  ])('is %s: %j', (reason, password) => {
    expect(weaknessesOf(password)).toEqual([reason])
  })

  it('is told every reason at once', () => {
    expect(weaknesses('ada', { minLength: 8, guessable: ['ada!'] })).toEqual(['too_short'])
    expect(weaknesses('password', { minLength: 10, guessable: ['pass'] })).toEqual([
      'too_short',
      'common',
      'contains_identifier',
    ])
  })

  it('is measured against the length that is set', () => {
    expect(weaknesses('twelve chars', { minLength: 12, guessable: [] })).toEqual([])
    expect(weaknesses('twelve chars', { minLength: 13, guessable: [] })).toEqual(['too_short'])
  })
})
