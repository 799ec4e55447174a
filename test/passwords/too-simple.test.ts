import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isTooSimple } from '../../src/passwords/too-simple.ts'

describe('a password that repeats a unit', () => {
  it.each([
    ['one space', ' '.repeat(8)],
    ['one letter', 'aaaaaaaa'],
    ['one astral character', '\u{1f600}'.repeat(8)],
    ['two letters', 'abababab'],
    ['two letters, cut', 'ababababa'],
    ['three digits, cut', '12312312'],
    ['three letters, 128 in all', 'xyz'.repeat(42).concat('xy')],
    ['four digits', '12341234'],
    ['four digits, cut to one', '194719471'],
    ['four astral characters', '\u{1f600}\u{1f511}\u{1f41d}\u{1f40c}'.repeat(2)],
    ['a space among them', 'ab ab ab '],
  ])('is too simple: %s', (_what, password) => {
    expect(isTooSimple(password)).toBe(true)
  })

  it.each([
    ['a unit of five', 'hjxkwhjxkw'],
    ['one that ends otherwise', 'abababax'],
    ['one that begins otherwise', 'xbababab'],
    ['two letters, each many times', 'aaaabbbb'],
    ['a word and its repetition with something between', 'beet-beet'],
    ['one unit alone', 'hjkw'],
    ['one unit and its beginning', 'ada'],
    ['nothing', ''],
    ['one character', 'a'],
  ])('is not too simple: %s', (_what, password) => {
    expect(isTooSimple(password)).toBe(false)
  })
})

describe('a password of neighbours', () => {
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
    ['three and five', 'abc34567'],
    ['five and three', '34567cba'],
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
    ['the digit row, with shift now and then', '1@3$5^7*'],
    ['two rows', 'qwerasdf'],
    ['a row there and back', 'qwerewq'],
    ['a row, then digits', 'qwert12345'],
    ['digits, then a row', '123qwertz'],
    ['rows of two keyboards', 'azertyqwerty'],
  ])('is too simple: %s', (_what, password) => {
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
    ['the digits around their end in Unicode', '89:;<=ab'],
    ['steps to and fro', 'abababac'],
    ['letters of two scripts', 'ab\u0441defgh'],
    ['a phrase', 'correct horse battery staple'],
    ['random characters', 'q7$kz!vw'],
    ['two letters', 'ab'],
  ])('is not too simple: %s', (_what, password) => {
    expect(isTooSimple(password)).toBe(false)
  })

  it('is too simple wherever two runs meet', () => {
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
    // A character that is in no order ends what came before, and is no run.
    fc.assert(fc.property(run, run, (one, other) => !isTooSimple(`${one}\u2603${other}`)))
  })
})
