import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isTooSimple } from '../../src/passwords/policy.ts'

describe('repeated unit', () => {
  it.each([
    ['one space', ' '.repeat(8)],
    ['one letter', 'aaaaaaaa'],
    ['one astral character', '\u{1f600}'.repeat(8)],
    ['two letters', 'abababab'],
    ['two letters, the last unit incomplete', 'ababababa'],
    ['three digits, the last unit incomplete', '12312312'],
    ['three letters, 128 in all', 'xyz'.repeat(42).concat('xy')],
    ['four digits', '12341234'],
    ['four digits, the last unit one digit', '194719471'],
    ['four astral characters', '\u{1f600}\u{1f511}\u{1f41d}\u{1f40c}'.repeat(2)],
    ['a unit with a space', 'ab ab ab '],
  ])('rejects a password that repeats a unit: %s', (_what, password) => {
    expect(isTooSimple(password)).toBe(true)
  })

  it.each([
    ['a unit of five', 'hjxkwhjxkw'],
    ['a repetition with another end', 'abababax'],
    ['a repetition with another start', 'xbababab'],
    ['two letters, each many times', 'aaaabbbb'],
    ['a repeated word with a separator', 'beet-beet'],
    ['a single unit', 'hjkw'],
    ['one unit and its first character', 'ada'],
    ['an empty string', ''],
    ['one character', 'a'],
  ])('accepts a password that repeats no unit: %s', (_what, password) => {
    expect(isTooSimple(password)).toBe(false)
  })
})

describe('sequence of neighbouring characters', () => {
  it.each([
    ['the alphabet', 'abcdefgh'],
    ['the alphabet backwards', 'zyxwvuts'],
    ['digits', '23456789'],
    ['digits of another script', '\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668'],
    ['Greek letters', '\u03b1\u03b2\u03b3\u03b4\u03b5\u03b6\u03b7\u03b8'],
    ['emoji', '\u{1f600}\u{1f601}\u{1f602}\u{1f603}\u{1f604}\u{1f605}\u{1f606}\u{1f607}'],
    ['punctuation in Unicode order', '!"#$%&\'('],
    ['letters, then digits', 'abcd1234'],
    ['letters, then digits backwards', 'abcde54321'],
    ['letters up and down', 'abcdedcb'],
    ['runs of three and five', 'abc34567'],
    ['runs of five and three', '34567cba'],
    ['a row of QWERTY', 'qwertyui'],
    ['a row of QWERTY backwards', 'poiuytre'],
    ['a row of QWERTZ', 'qwertzui'],
    ['a row of AZERTY', 'azertyui'],
    ['the home row', 'asdfghjkl'],
    ['the home row of AZERTY', 'qsdfghjklm'],
    ['the lowest row of QWERTZ', 'yxcvbnm,'],
    ['the lowest row of AZERTY', 'wxcvbn,;'],
    ['umlauts of QWERTZ', 'jkl\u00f6\u00e4#'],
    ['the digit row beyond 9', '67890-='],
    ['the digit row with shift, in the United States', '!@#$%^&*'],
    ['the digit row with shift, in the United Kingdom', '!"\u00a3$%^&*'],
    ['the digit row with shift, in Germany', '!"\u00a7$%&/('],
    ['the digit row of AZERTY', '&\u00e9"\'(-\u00e8_'],
    ['the digit row, with every second key shifted', '1@3$5^7*'],
    ['two rows', 'qwerasdf'],
    ['a row there and back', 'qwerewq'],
    ['a row, then digits', 'qwert12345'],
    ['digits, then a row', '123qwertz'],
    ['rows of two keyboards', 'azertyqwerty'],
  ])('rejects a password that is a sequence: %s', (_what, password) => {
    expect(isTooSimple(password)).toBe(true)
  })

  it.each([
    ['three runs', 'abc123xyz'],
    ['three runs of a keyboard', 'qweasdzxc'],
    ['a run and two more characters', 'abcdef19'],
    ['two characters and a run', '91abcdef'],
    ['a run, one character and a run', 'abcd-1234'],
    ['a run of two', 'abcdefxy'],
    ['every second letter', 'acegikmo'],
    ['columns of a keyboard', '1qaz2wsx'],
    ['the end of a row and the beginning of the next', 'uiopas'],
    ['a run past the digits in Unicode order', '89:;<=ab'],
    ['alternating steps', 'abababac'],
    ['letters of two scripts', 'ab\u0441defgh'],
    ['a phrase', 'correct horse battery staple'],
    ['random characters', 'q7$kz!vw'],
    ['two letters', 'ab'],
  ])('accepts a password that is not a sequence: %s', (_what, password) => {
    expect(isTooSimple(password)).toBe(false)
  })

  it('rejects any two adjacent runs, and accepts two runs with a separator', () => {
    const run = fc
      .record({
        from: fc.integer({ min: 0x61, max: 0x6a }),
        length: fc.integer({ min: 3, max: 12 }),
        up: fc.boolean(),
      })
      .map(({ from, length, up }) => {
        const codePoints = Array.from({ length }, (_, index) => from + index)
        return String.fromCodePoint(...(up ? codePoints : codePoints.toReversed()))
      })
    fc.assert(fc.property(run, run, (one, other) => isTooSimple(one + other)))
    // A character without neighbours ends a run and is no run itself.
    fc.assert(fc.property(run, run, (one, other) => !isTooSimple(`${one}\u2603${other}`)))
  })
})
