import { describe, expect, it } from 'vitest'
import { PACKED_COMMON_PASSWORDS } from '../../src/passwords/common-passwords.data.ts'
import { isCommonPassword, unpackWords } from '../../src/passwords/common-passwords.ts'

const words = unpackWords(PACKED_COMMON_PASSWORDS)

describe('the common passwords', () => {
  it('are more than 10,000, each once, in lower case, long enough to be chosen or to be looked for inside', () => {
    expect(words.length).toBeGreaterThan(10_000)
    expect(new Set(words).size).toBe(words.length)
    expect(words.filter((word) => word !== word.toLowerCase() || [...word].length < 4)).toEqual([])
    const short = words.filter((word) => [...word].length < 8)
    expect(short.filter((word) => /^[\p{N}\p{P}\p{S}]|[\p{N}\p{P}\p{S}]$/u.test(word))).toEqual([])
  })

  it.each(['password', '12345678', 'iloveyou', 'qwertyuiop', 'princess1', 'football', 'trustno1'])(
    'have %j',
    (word) => {
      expect(isCommonPassword(word, [])).toBe(true)
    },
  )

  it.each([
    'monkey!2024',
    '2024monkey',
    '!!monkey!!',
    'monkey$1',
    'monkey\u20ac1',
    'monkey\u2026\u0661\u0662',
    '12345love',
    'password123456789',
  ])('are found without digits and punctuation at the ends: %j', (password) => {
    expect(isCommonPassword(password, [])).toBe(true)
  })

  it.each([
    ['an empty text', ''],
    ['a space at an end', 'password '],
    ['four words', 'password monkey dragon ladder'],
    ['a phrase', 'correct horse battery staple'],
    ['digits inside', 'mon2024key'],
    ['less than four code points that are left', 'abc!2024'],
    ['digits alone that are not on the list', '83920175'],
    ['letters around a word', 'xmonkeyx'],
    ['the name of a property of every object', 'constructor'],
  ])('lack %s', (_what, password) => {
    expect(isCommonPassword(password, [])).toBe(false)
  })

  it.each([
    ['the word itself', 'example shop'],
    ['digits behind it', 'gatehouse2026'],
    ['punctuation around it', '***gatehouse***'],
    ['a short word', '2026ada2026'],
    ['a word with digits of its own', '7eleven!'],
    ['other digits than its own', 'eleven2026'],
    ['a word of digits', '47110815'],
  ])('include the words of the service: %s', (_what, password) => {
    const words = ['gatehouse', 'example shop', 'ada', '7eleven!', '47110815']
    expect(isCommonPassword(password, words)).toBe(true)
  })

  it.each([
    ['a word within a longer text', 'my gatehouse key'],
    ['digits, beside a word of digits', '83920175'],
    ['nothing, beside a word of digits', ''],
    ['what is left of both, where it is short', '12a34567'],
  ])('do not include %s', (_what, password) => {
    expect(isCommonPassword(password, ['gatehouse', '4711', 'a1'])).toBe(false)
  })

  it('unpack what shares its beginning with the word before', () => {
    expect(unpackWords('0abc\n2xyz\n5\n1d')).toEqual(['abc', 'abxyz', 'abxyz', 'ad'])
  })
})
