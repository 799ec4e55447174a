import { describe, expect, it } from 'vitest'
import packed from '../../src/passwords/common-passwords.txt'
import { isCommonPassword, unpackWords } from '../../src/passwords/policy.ts'

const words = unpackWords(packed)

describe('common passwords', () => {
  it('lists more than 10,000 unique words in lower case, of at least four characters', () => {
    expect(words.length).toBeGreaterThan(10_000)
    expect(new Set(words).size).toBe(words.length)
    expect(words.filter((word) => word !== word.toLowerCase() || [...word].length < 4)).toEqual([])
    const short = words.filter((word) => [...word].length < 8)
    expect(short.filter((word) => /^[\p{N}\p{P}\p{S}]|[\p{N}\p{P}\p{S}]$/u.test(word))).toEqual([])
  })

  it.each(['password', '12345678', 'iloveyou', 'qwertyuiop', 'princess1', 'football', 'trustno1'])(
    'recognizes the common password %j',
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
  ])('recognizes a common password after trimming digits and punctuation: %j', (password) => {
    expect(isCommonPassword(password, [])).toBe(true)
  })

  it.each([
    ['an empty text', ''],
    ['a space at an end', 'password '],
    ['four words', 'password monkey dragon ladder'],
    ['a phrase', 'correct horse battery staple'],
    ['digits inside', 'mon2024key'],
    ['fewer than four code points left after trimming', 'abc!2024'],
    ['only digits that are not on the list', '83920175'],
    ['letters around a word', 'xmonkeyx'],
    ['a property name of Object.prototype', 'constructor'],
  ])('does not count as common: %s', (_what, password) => {
    expect(isCommonPassword(password, [])).toBe(false)
  })

  it.each([
    ['the word itself', 'example shop'],
    ['digits after a word', 'gatehouse2026'],
    ['punctuation around a word', '***gatehouse***'],
    ['a short word', '2026ada2026'],
    ['a word with digits of its own', '7eleven!'],
    ['other digits than its own', 'eleven2026'],
    ['a word that is digits', '47110815'],
  ])('counts the words of the service as common: %s', (_what, password) => {
    const words = ['gatehouse', 'example shop', 'ada', '7eleven!', '47110815']
    expect(isCommonPassword(password, words)).toBe(true)
  })

  it.each([
    ['a word within a longer text', 'my gatehouse key'],
    ['other digits than a word that is digits', '83920175'],
    ['an empty string', ''],
    ['a short remainder of digits and a word', '12a34567'],
  ])('does not count as a word of the service: %s', (_what, password) => {
    expect(isCommonPassword(password, ['gatehouse', '4711', 'a1'])).toBe(false)
  })

  it('unpacks words that share a prefix with the previous word', () => {
    expect(unpackWords('0abc\n2xyz\n5\n1d')).toEqual(['abc', 'abxyz', 'abxyz', 'ad'])
  })
})
