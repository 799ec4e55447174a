import { describe, expect, it } from 'vitest'
import { utf8 } from '../../src/crypto/bytes.ts'
import { formatPhc, parsePhc } from '../../src/passwords/phc.ts'

const hash = Uint8Array.from({ length: 32 }, (_, index) => 255 - index)
const valid = { iterations: 100_000, rounds: 6, pepperId: null, salt: utf8('fourteen bytes'), hash }
const SALT = 'Zm91cnRlZW4gYnl0ZXM'
const HASH = '//79/Pv6+fj39vX08/Lx8O/u7ezr6uno5+bl5OPi4eA'
const VALID = `$pbkdf2-sha256$i=100000,r=6$${SALT}$${HASH}`

describe('PHC string', () => {
  it('formats scheme, parameters, salt and hash as a PHC string in base64 without padding', () => {
    expect(formatPhc(valid)).toBe(VALID)
  })

  it('parses a PHC string back, with and without a pepper', () => {
    for (const pepperId of [null, 'Ab_-19']) {
      expect(parsePhc(formatPhc({ ...valid, pepperId }))).toEqual({ ...valid, pepperId })
    }
  })

  it.each([
    ['another scheme', VALID.replace('sha256', 'sha512')],
    ['no scheme', VALID.replace('$pbkdf2-sha256', '')],
    ['iterations above the limit of one call', VALID.replace('i=100000', 'i=100001')],
    ['absurdly many iterations', VALID.replace('i=100000', 'i=9999999')],
    ['absurdly few iterations', VALID.replace('i=100000', 'i=999')],
    ['iterations with a leading zero', VALID.replace('i=100000', 'i=010000')],
    ['zero rounds', VALID.replace('r=6', 'r=0')],
    ['too many rounds', VALID.replace('r=6', 'r=21')],
    ['no rounds parameter', VALID.replace(',r=6', '')],
    ['parameters in another order', VALID.replace('i=100000,r=6', 'r=6,i=100000')],
    ['an unknown parameter', VALID.replace('r=6', 'r=6,x=1')],
    ['an empty pepper id', VALID.replace('r=6', 'r=6,k=')],
    ['a short salt', VALID.replace(SALT, 'c2FsdA')],
    ['a long salt', VALID.replace(SALT, 'A'.repeat(88))],
    ['a hash of another length', VALID.replace(HASH, HASH.slice(0, 40))],
    ['padding', `${VALID}=`],
    ['the URL alphabet', VALID.replaceAll('/', '_')],
    ['leftover bits', `${VALID.slice(0, -1)}B`],
    ['trailing text', `${VALID}$`],
    ['a trailing line break', `${VALID}\n`],
    ['no content', ''],
  ])('rejects a PHC string with %s', (_what, text) => {
    expect(parsePhc(VALID)).not.toBeNull()
    expect(parsePhc(text)).toBeNull()
  })
})
