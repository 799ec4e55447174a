import { describe, expect, it } from 'vitest'
import { idFromBytes, idToBytes, isId, newId } from '../../src/crypto/ids.ts'
import { toHex } from '../support/hex.ts'
import { UUID_V7 } from '../vectors/rfc.ts'

describe('ids', () => {
  it('creates a UUID of version 7 that begins with the time, as in RFC 9562 appendix A.6', () => {
    const id = newId(UUID_V7.unixMs)
    expect(id.slice(0, 15)).toBe(UUID_V7.id.slice(0, 15))
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('creates unique ids within one millisecond, and ids that sort by time', () => {
    const ids = Array.from({ length: 1_000 }, () => newId(UUID_V7.unixMs))
    expect(new Set(ids).size).toBe(1_000)
    expect(newId(UUID_V7.unixMs + 1) > newId(UUID_V7.unixMs)).toBe(true)
  })

  it('converts an id to 16 bytes and back', () => {
    expect(toHex(idToBytes(UUID_V7.id))).toBe(UUID_V7.id.replaceAll('-', ''))
    expect(idFromBytes(idToBytes(UUID_V7.id))).toBe(UUID_V7.id)
  })

  it('rejects bytes that are not a UUID', () => {
    expect(idFromBytes(new Uint8Array(16).fill(0x11))).toBeNull()
  })

  it.each(['', 'x', '../me', `${UUID_V7.id}0`, UUID_V7.id.replaceAll('-', '')])(
    'rejects %j as an id',
    (text) => {
      expect(isId(text)).toBe(false)
    },
  )
})
