/** Published test vectors, copied from the documents that each comment names. */

/** RFC 7914 section 11: PBKDF2-HMAC-SHA-256. The RFC gives 64 bytes. The first 32 are one block, and only these are used. */
export const PBKDF2_HMAC_SHA256 = [
  {
    password: 'passwd',
    salt: 'salt',
    iterations: 1,
    hex: '55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc',
  },
  {
    password: 'Password',
    salt: 'NaCl',
    iterations: 80_000,
    hex: '4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56',
  },
] as const

/** RFC 5869 appendix A.3: HKDF-SHA-256 with zero-length salt and info. */
export const HKDF_SHA256 = {
  secret: '\u000b'.repeat(22),
  info: '',
  lengthBytes: 42,
  hex: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
} as const

/** RFC 4231 section 4.3: HMAC-SHA-256. */
export const HMAC_SHA256 = {
  key: 'Jefe',
  message: 'what do ya want for nothing?',
  hex: '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
} as const

/** RFC 9562 appendix A.6: a UUIDv7 and the time it begins with. */
export const UUID_V7 = { id: '017f22e2-79b0-7cc3-98c4-dc0c0c07398f', unixMs: 0x017f22e279b0 } as const
