import { describe, expect, it } from 'vitest'
import { parseAs } from '../../src/accounts/identifier.ts'
import { brokenKind, passwordStrength } from '../../src/pages/browser/field-checks.ts'
import { lastingAddress, remainingTime } from '../../src/pages/browser/pure.ts'
import { weaknesses } from '../../src/passwords/policy.ts'

describe('the address of a page', () => {
  it.each([
    ['/login?done=logged_out', '/login'],
    [
      '/login?just_logged_in=x&return_to=https%3A%2F%2Fa.example%2F',
      '/login?return_to=https%3A%2F%2Fa.example%2F',
    ],
    ['/auth/pages/login', '/login'],
    ['/auth/pages/register?return_to=x', '/register?return_to=x'],
    ['/account?done=profile', '/account'],
    ['/account/profile', '/account'],
    ['/account/details', '/account'],
    ['/account/password', '/account/security'],
    ['/auth/pages/account/password', '/account/security'],
    ['/account/security?done=password#password', '/account/security#password'],
    ['/account/sessions/end', '/account/devices'],
    ['/auth/pages/account/sessions/end-all', '/account/devices'],
    ['/account/devices', '/account/devices'],
    ['/auth/pages/account/delete', '/account/delete'],
    ['/account/delete', '/account/delete'],
    ['/accounts/password', '/accounts/password'],
    ['/errors/not_found', '/errors/not_found'],
  ])('becomes one that a reload opens again: %s', (path, lasting) => {
    expect(lastingAddress(`https://auth.example.test${path}`)).toBe(`https://auth.example.test${lasting}`)
  })
})

describe('the time that is left', () => {
  it.each([
    [1, 'en', '1 sec'],
    [59, 'en', '59 sec'],
    [60, 'en', '1 min 0 sec'],
    [299, 'en', '4 min 59 sec'],
    [3600, 'en', '1 hr 0 min 0 sec'],
    [90_061, 'en', '25 hr 1 min 1 sec'],
    [272, 'zh-Hans', '4分钟32秒'],
  ])('is written in units of the language: %d s in %s', (seconds, language, text) => {
    expect(remainingTime(seconds, language)).toBe(text)
  })
})

describe('the check of an identifier in a page', () => {
  it.each([
    ['identifier', 'a@b', 'email'],
    ['identifier', 'nowhere@', 'email'],
    ['identifier', 'ab', 'username'],
    ['identifier', 'two words', 'username'],
    ['identifier', 'a\u200bb.c', 'username'],
    ['identifier', 'a\u0000@example.com', 'username'],
    ['email', 'nowhere', 'email'],
    ['email', '"quoted"@example.com', 'email'],
    ['username', '12345', 'username'],
    ['username', 'x'.repeat(33), 'username'],
    ['phone', 'none', 'phone'],
    ['phone', '555-', 'phone'],
  ] as const)('rejects in a field for %s: %j', (field, text, kind) => {
    expect(brokenKind(field, text)).toBe(kind)
    expect(parseAs(kind, text, undefined)).toBeNull()
  })

  it.each([
    ['identifier', 'ada.lovelace'],
    ['identifier', ' ada@example.com '],
    ['identifier', 'ada@bücher.example'],
    ['identifier', '+1 201 555 0123'],
    ['identifier', '王小明123'],
    ['phone', '030 123456'],
    ['email', ''],
    ['identifier', ' \u200e '],
  ] as const)('accepts in a field for %s, or leaves it to the service: %j', (field, text) => {
    expect(brokenKind(field, text)).toBeNull()
  })
})

describe('the strength of a password in a page', () => {
  const levelOf = (password: string, identifiers: readonly string[] = []) =>
    passwordStrength(password, 8, identifiers).level

  it.each([
    ['', []],
    ['short', ['too_short']],
    ['x'.repeat(5), ['too_short', 'too_simple']],
    ['abcdefgh12345678', ['too_simple']],
    ['qwertyuiopasdfghjkl', ['too_simple']],
    ['bread and water '.repeat(9), ['too_long']],
    ['my name is ada.lovelace, hello there', ['contains_identifier']],
    ['grace@example and other words', ['contains_identifier']],
  ])('is 0, with the reasons, for what the service rejects: %j', (password, reasons) => {
    const identifiers = ['ada.lovelace', 'Grace@example.com']
    expect(passwordStrength(password, 8, identifiers)).toEqual({ level: 0, weaknesses: reasons })
  })

  it.each([
    ['q7$kz!vw', 1],
    ['Sommer2026!', 2],
    ['password monkey', 2],
    ['correct horse battery staple', 4],
    ['fE4#kq9Zt!2vLmXw', 4],
  ])('rates %j', (password, level) => {
    expect(levelOf(password)).toBe(level)
  })

  it('does not grow by repeated characters as by others', () => {
    expect(levelOf('kitchen table')).toBeLessThan(levelOf('kitchen table with a lamp'))
    expect(levelOf('kitchen tableeeeeeeeeeee')).toBe(levelOf('kitchen table'))
  })

  it('finds the reasons of the policy, except for common passwords', () => {
    for (const password of ['short', 'aaaaaaaaaaaa', 'password1', 'ada.lovelace!!', 'x'.repeat(129)]) {
      const found = weaknesses(password, { minLength: 8, words: [], guessable: ['ada.lovelace'] })
      expect(passwordStrength(password, 8, ['ada.lovelace']).weaknesses).toEqual(
        found.filter((reason) => reason !== 'common'),
      )
    }
  })
})
