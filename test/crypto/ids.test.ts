import { describe, expect, it } from 'vitest'
import { idFromBytes, idToBytes, isId, newId } from '../../src/crypto/ids.ts'
import { toHex } from '../support/hex.ts'
import { UUID_V7 } from '../vectors/rfc.ts'

describe('ids', () => {
  it('begin with the time and say that they are version 7, as RFC 9562 appendix A.6', () => {
    const id = newId(UUID_V7.unixMs)
    expect(id.slice(0, 15)).toBe(UUID_V7.id.slice(0, 15))
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('differ within one millisecond, and sort by time', () => {
    const ids = Array.from({ length: 1_000 }, () => newId(UUID_V7.unixMs))
    expect(new Set(ids).size).toBe(1_000)
    expect(newId(UUID_V7.unixMs + 1) > newId(UUID_V7.unixMs)).toBe(true)
  })

  it('are 16 bytes inside a token', () => {
    expect(toHex(idToBytes(UUID_V7.id))).toBe(UUID_V7.id.replaceAll('-', ''))
    expect(idFromBytes(idToBytes(UUID_V7.id))).toBe(UUID_V7.id)
  })

  it('are refused where the bytes are no UUID', () => {
    expect(idFromBytes(new Uint8Array(16).fill(0x11))).toBeNull()
  })

  it.each(['', 'x', '../me', `${UUID_V7.id}0`, UUID_V7.id.replaceAll('-', '')])('are not %j', (text) => {
    expect(isId(text)).toBe(false)
  })
})
