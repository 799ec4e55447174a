import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodePunycode } from '../../src/accounts/readable-email.ts'

describe('decodePunycode', () => {
  // RFC 3492 section 7.1, in lower case.
  it.each([
    [
      'egbpdaj6bu4bxfgehfvwxn',
      '\u0644\u064a\u0647\u0645\u0627\u0628\u062a\u0643\u0644\u0645\u0648\u0634\u0639\u0631\u0628\u064a\u061f',
    ],
    ['ihqwcrb4cv8a8dqg056pqjye', '\u4ed6\u4eec\u4e3a\u4ec0\u4e48\u4e0d\u8bf4\u4e2d\u6587'],
    [
      '4dbcagdahymbxekheh6e0a7fei0b',
      '\u05dc\u05de\u05d4\u05d4\u05dd\u05e4\u05e9\u05d5\u05d8\u05dc\u05d0\u05de\u05d3\u05d1\u05e8\u05d9\u05dd\u05e2\u05d1\u05e8\u05d9\u05ea',
    ],
    [
      'b1abfaaepdrnnbgefbadotcwatmq2g4l',
      '\u043f\u043e\u0447\u0435\u043c\u0443\u0436\u0435\u043e\u043d\u0438\u043d\u0435\u0433\u043e\u0432\u043e\u0440\u044f\u0442\u043f\u043e\u0440\u0443\u0441\u0441\u043a\u0438',
    ],
    ['3b-ww4c5e180e575a65lsy2b', '3\u5e74b\u7d44\u91d1\u516b\u5148\u751f'],
    ['-with-super-monkeys-pc58ag80a8qai00g7n9n', '\u5b89\u5ba4\u5948\u7f8e\u6075-with-super-monkeys'],
    ['bcher-kva', 'b\u00fccher'],
  ])('decodes the Punycode label %s', (label, text) => {
    expect(decodePunycode(label)).toBe(text)
  })

  it.each([
    ['an incomplete number', 'bcher-k'],
    ['a character that is not a digit', 'bcher-k!a'],
    ['upper case', 'bcher-KVA'],
    ['a code point beyond Unicode', '99999999'],
  ])('rejects a Punycode label with %s', (_what, label) => {
    expect(decodePunycode(label)).toBeNull()
  })

  it('decodes every label that the URL parser encodes', () => {
    const letters = fc.string({
      unit: fc.constantFrom(...'abc\u00e9\u00fc\u03b1\u0436\u4e2d\u6587\u{10330}'),
      minLength: 1,
      maxLength: 12,
    })
    fc.assert(
      fc.property(letters, (text) => {
        const label = URL.parse(`http://${text}.example`)?.hostname.split('.')[0] ?? ''
        fc.pre(label.startsWith('xn--'))
        expect(decodePunycode(label.slice(4))).toBe(text)
      }),
    )
  })
})
