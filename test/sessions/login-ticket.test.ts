import { describe, expect, it } from 'vitest'
import { deriveTicketKeys, isLoginTicket, makeLoginTicket } from '../../src/sessions/login-ticket.ts'
import { derivePageKeys } from '../../src/sessions/refresh-token.ts'

const NOW_MS = 1_800_000_000_500
const ADDRESS = '192.0.2.1'
const keys = await deriveTicketKeys('a secret', undefined)
const ticket = await makeLoginTicket(keys, ADDRESS, NOW_MS)
const isTicket = (text: string, address = ADDRESS, nowMs = NOW_MS) =>
  isLoginTicket(keys, text, address, nowMs)

describe('a login ticket', () => {
  it('is good for two minutes', async () => {
    expect(await isTicket(ticket)).toBe(true)
    expect(await isTicket(ticket, ADDRESS, NOW_MS + 119_000)).toBe(true)
    expect(await isTicket(ticket, ADDRESS, NOW_MS + 120_000)).toBe(false)
  })

  it.each(['192.0.2.2', '', '192.0.2.1 ', '2001:db8::/64'])(
    'is good for its own address alone, not for %j',
    async (address) => {
      expect(await isTicket(ticket, address)).toBe(false)
    },
  )

  it('survives the change of AUTH_SECRET while both count', async () => {
    expect(await isLoginTicket(await deriveTicketKeys('the next', 'a secret'), ticket, ADDRESS, NOW_MS)).toBe(
      true,
    )
    expect(await isLoginTicket(await deriveTicketKeys('the next', undefined), ticket, ADDRESS, NOW_MS)).toBe(
      false,
    )
  })

  it('is made with a key of its own', async () => {
    const other = await makeLoginTicket(await derivePageKeys('a secret', undefined), ADDRESS, NOW_MS)
    expect(await isTicket(other)).toBe(false)
  })

  it('is refused with any character changed', async () => {
    for (let at = 0; at < ticket.length; at++) {
      const changed = ticket[at] === 'A' ? 'B' : 'A'
      expect(await isTicket(ticket.slice(0, at) + changed + ticket.slice(at + 1))).toBe(false)
    }
  })

  it.each([
    '',
    '1',
    'true',
    ticket.slice(0, -1),
    `${ticket}A`,
    `${ticket}=`,
    'A'.repeat(54),
    '\u00e9'.repeat(54),
  ])('is not %j', async (text) => {
    expect(await isTicket(text)).toBe(false)
  })
})
