import { describe, expect, it } from 'vitest'
import {
  type Identifier,
  isOnAllowList,
  parseEmail,
  parsePhone,
  parseUsername,
} from '../../src/accounts/identifier.ts'

const EMPTY = { email_domains: [], emails: [], phones: [], usernames: [] }
const LIST = {
  email_domains: ['staff.example'],
  emails: ['guest@example.com'],
  phones: ['+12015550123'],
  usernames: ['Ada'],
}

function identifier(parsed: Identifier | null): Identifier {
  if (parsed === null) throw new Error('no identifier')
  return parsed
}

const email = (text: string) => identifier(parseEmail(text))
const phone = (text: string) => identifier(parsePhone(text, undefined))
const username = (text: string) => identifier(parseUsername(text))

describe('allow list', () => {
  it('allows every identifier if the allow list is empty', () => {
    expect(isOnAllowList([username('grace')], EMPTY)).toBe(true)
  })

  it.each([
    ['an email', [email('Guest@Example.com')]],
    ['an email of a listed domain', [email('anyone@STAFF.example')]],
    ['a phone number', [phone('+1 201 555 0123')]],
    ['a username in any case', [username('ADA')]],
    ['one listed identifier among several', [username('grace'), email('grace@staff.example')]],
  ])('allows a listed identifier: %s', (_what, identifiers) => {
    expect(isOnAllowList(identifiers, LIST)).toBe(true)
  })

  it.each([
    ['another email', [email('other@example.com')]],
    ['an email of a subdomain', [email('ada@sub.staff.example')]],
    ['an email of a longer domain', [email('ada@notstaff.example')]],
    ['a username that is a domain', [username('staff.example')]],
    ['a username that is the local part of a listed email', [username('guest')]],
    ['another phone number', [phone('+12015550124')]],
    ['several unlisted identifiers', [username('grace'), phone('+12015550124')]],
  ])('rejects an unlisted identifier: %s', (_what, identifiers) => {
    expect(isOnAllowList(identifiers, LIST)).toBe(false)
  })

  it.each(['email_domains', 'emails', 'phones', 'usernames'] as const)(
    'rejects an unlisted identifier if only %s has entries',
    (name) => {
      expect(isOnAllowList([username('grace')], { ...EMPTY, [name]: LIST[name] })).toBe(false)
    },
  )
})
