import { describe, expect, it } from 'vitest'
import { constantTimeEqual, fromBase64Url, hkdf, hmac, toBase64Url, utf8 } from '../../src/crypto/bytes.ts'
import { toHex } from '../support/hex.ts'
import { HKDF_SHA256, HMAC_SHA256 } from '../vectors/rfc.ts'

describe('hkdf and hmac', () => {
  it('derives the HKDF key of RFC 5869 appendix A.3', async () => {
    const { secret, info, lengthBytes, hex } = HKDF_SHA256
    expect(toHex(await hkdf(secret, info, lengthBytes))).toBe(hex)
  })

  it('computes the HMAC of RFC 4231 section 4.3', async () => {
    const algorithm = { name: 'HMAC', hash: 'SHA-256' }
    const key = await crypto.subtle.importKey('raw', utf8(HMAC_SHA256.key), algorithm, false, ['sign'])
    expect(toHex(await hmac(key, utf8(HMAC_SHA256.message)))).toBe(HMAC_SHA256.hex)
  })
})

describe('base64url', () => {
  it.each([
    ['', ''],
    ['f', 'Zg'],
    ['fo', 'Zm8'],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg'],
    ['fooba', 'Zm9vYmE'],
    ['foobar', 'Zm9vYmFy'],
  ])('encodes %j in base64url as in RFC 4648 section 10, without padding', (text, encoded) => {
    expect(toBase64Url(utf8(text))).toBe(encoded)
    expect(fromBase64Url(encoded)).toEqual(utf8(text))
  })

  it.each([
    ['padding', 'Zg=='],
    ['the alphabet of base64', '+/8'],
    ['leftover bits', 'Zh'],
    ['an impossible length', 'Z'],
    ['white space', 'Zm 9v'],
    ['a character outside the alphabet', 'Zm9v!'],
  ])('rejects base64url with %s', (_what, text) => {
    expect(fromBase64Url(text)).toBeNull()
  })
})

describe('constantTimeEqual', () => {
  it('compares only identical bytes as equal', () => {
    expect(constantTimeEqual(utf8('abc'), utf8('abc'))).toBe(true)
    expect(constantTimeEqual(utf8('abc'), utf8('abd'))).toBe(false)
    expect(constantTimeEqual(utf8('abc'), utf8('ab'))).toBe(false)
  })
})
