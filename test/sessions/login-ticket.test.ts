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
  it('accepts a login ticket for two minutes', async () => {
    expect(await isTicket(ticket)).toBe(true)
    expect(await isTicket(ticket, ADDRESS, NOW_MS + 119_000)).toBe(true)
    expect(await isTicket(ticket, ADDRESS, NOW_MS + 120_000)).toBe(false)
  })

  it.each(['192.0.2.2', '', '192.0.2.1 ', '2001:db8::/64'])(
    'rejects a login ticket from another address: %j',
    async (address) => {
      expect(await isTicket(ticket, address)).toBe(false)
    },
  )

  it('accepts a login ticket of the previous AUTH_SECRET while that is the fallback', async () => {
    expect(await isLoginTicket(await deriveTicketKeys('the next', 'a secret'), ticket, ADDRESS, NOW_MS)).toBe(
      true,
    )
    expect(await isLoginTicket(await deriveTicketKeys('the next', undefined), ticket, ADDRESS, NOW_MS)).toBe(
      false,
    )
  })

  it('rejects a login ticket that is made with the key of another purpose', async () => {
    const other = await makeLoginTicket(await derivePageKeys('a secret', undefined), ADDRESS, NOW_MS)
    expect(await isTicket(other)).toBe(false)
  })

  it('rejects a login ticket with any character changed', async () => {
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
  ])('rejects %j as a login ticket', async (text) => {
    expect(await isTicket(text)).toBe(false)
  })
})
