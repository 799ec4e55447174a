import { describe, expect, it } from 'vitest'
import { PACKED_COMMON_PASSWORDS } from '../../src/passwords/common-passwords.data.ts'
import { isCommonPassword, unpackWords } from '../../src/passwords/common-passwords.ts'

const words = unpackWords(PACKED_COMMON_PASSWORDS)

describe('the common passwords', () => {
  it('are more than 10,000, each once, in lower case and long enough to be chosen', () => {
    expect(words.length).toBeGreaterThan(10_000)
    expect(new Set(words).size).toBe(words.length)
    expect(words.filter((word) => word !== word.toLowerCase() || [...word].length < 8)).toEqual([])
  })

  it.each(['password', '12345678', 'iloveyou', 'qwertyuiop', 'princess1', 'football', 'trustno1'])(
    'have %j',
    (word) => {
      expect(isCommonPassword(word)).toBe(true)
    },
  )

  it.each(['', 'password ', 'correct horse battery staple', 'constructor!', '0password'])(
    'lack %j',
    (word) => {
      expect(isCommonPassword(word)).toBe(false)
    },
  )

  it('unpack what shares its beginning with the word before', () => {
    expect(unpackWords('0abc\n2xyz\n5\n1d')).toEqual(['abc', 'abxyz', 'abxyz', 'ad'])
  })
})
