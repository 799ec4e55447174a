import { describe, expect, it } from 'vitest'
import { parseRequesterAddress } from '../../src/limits/requester-address.ts'

const counted = (text: string | undefined, prefix = 64, ipv6?: string) =>
  parseRequesterAddress(text, ipv6, prefix)?.counted ?? null

describe('the address that limits count by', () => {
  it('counts an IPv4 address as a whole', () => {
    expect(parseRequesterAddress('203.0.113.7', undefined, 64)).toEqual({
      shown: '203.0.113.7',
      counted: '203.0.113.7',
      shared: false,
    })
  })

  it.each([
    '2001:db8:0:1::1',
    '2001:DB8:0:1::1',
    '2001:0db8:0000:0001:0000:0000:0000:0001',
    '2001:db8:0:1:ffff:ffff:ffff:ffff',
    '2001:db8:0:1:0:0:192.0.2.1',
    '2001:db8::1:0:0:0:1',
  ])('counts an IPv6 address by its network, in every spelling: %s', (text) => {
    expect(counted(text)).toBe('2001:db8:0:1::/64')
  })

  it('shows an IPv6 address in its canonical spelling (RFC 5952 section 4)', () => {
    expect(parseRequesterAddress('2001:0DB8:0:0:1:0:0:1', undefined, 64)?.shown).toBe('2001:db8::1:0:0:1')
  })

  it.each([
    [32, '2001:db8::/32'],
    [48, '2001:db8:a1b2::/48'],
    [56, '2001:db8:a1b2:c300::/56'],
    [60, '2001:db8:a1b2:c3d0::/60'],
    [64, '2001:db8:a1b2:c3d4::/64'],
    [128, '2001:db8:a1b2:c3d4:e5f6:789a:bcde:f012/128'],
  ])('counts an IPv6 address by a network of the configured prefix length: %i', (prefix, network) => {
    expect(counted('2001:db8:a1b2:c3d4:e5f6:789a:bcde:f012', prefix)).toBe(network)
  })

  it('counts IPv6 addresses of different networks separately', () => {
    expect(counted('2001:db8:0:2::1')).not.toBe(counted('2001:db8:0:1::1'))
  })

  it.each(['::ffff:203.0.113.7', '::FFFF:203.0.113.7', '::ffff:cb00:7107', '0:0:0:0:0:ffff:203.0.113.7'])(
    'counts an IPv4-mapped IPv6 address as its IPv4 address: %s',
    (text) => {
      expect(counted(text)).toBe('203.0.113.7')
    },
  )

  it.each(['240.0.0.1', '245.12.34.56', '255.255.255.254', '::ffff:240.0.0.1'])(
    'counts the real IPv6 address when %s is a Pseudo IPv4 address',
    (pseudo) => {
      expect(counted(pseudo, 64, '2001:db8:0:1::1')).toBe('2001:db8:0:1::/64')
    },
  )

  it.each([undefined, '', 'nowhere', '203.0.113.7', '::ffff:203.0.113.7'])(
    'returns null for a Pseudo IPv4 address whose real IPv6 address is %j',
    (ipv6) => {
      expect(counted('240.0.0.1', 64, ipv6)).toBe(null)
    },
  )

  it('ignores the IPv6 header unless the address is a Pseudo IPv4 address', () => {
    expect(counted('239.255.255.255', 64, '2001:db8::1')).toBe('239.255.255.255')
    expect(counted('2001:db8:0:1::1', 64, '2001:db8:0:2::1')).toBe('2001:db8:0:1::/64')
  })

  it.each(['2a06:98c0:3600::103', '2a06:98c0:3600:ffff::1', '2A06:98C0:3600:0:0:0:0:103'])(
    'counts all Workers of other zones as one shared network: %s',
    (text) => {
      expect(parseRequesterAddress(text, undefined, 128)).toMatchObject({
        counted: '2a06:98c0:3600::/48',
        shared: true,
      })
    },
  )

  it("marks only the network of other zones' Workers as shared", () => {
    expect(parseRequesterAddress('2a06:98c0:3601::103', undefined, 64)).toMatchObject({ shared: false })
  })

  it.each([
    undefined,
    '',
    ' ',
    'unknown',
    'localhost',
    '203.0.113.7, 198.51.100.1',
    '203.0.113.7:443',
    '[2001:db8::1]',
    '[2001:db8::1]:443',
    'fe80::1%eth0',
    '2001:db8::1/64',
    '2001:db8::1::1',
    '2001:db8',
    '1:2:3:4:5:6:7:8:9',
    '1.2',
    '1.2.3',
    '1.2.3.4.5',
    '1.2.3.256',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '2130706433',
    '203.0.113.7\u0000',
    '２０３.0.113.7',
    '-1.2.3.4',
  ])('returns null for %j, which is not one IP address', (text) => {
    expect(counted(text)).toBe(null)
  })

  it('reads the same headers the second time as the first time, and others by themselves', () => {
    const [pseudo, one, other] = ['240.1.2.3', '2001:db8:1::1', '2001:db8:2::1']
    for (const _time of [1, 2]) {
      expect(counted(pseudo, 64, one)).toBe('2001:db8:1::/64')
      expect(counted(pseudo, 64, other)).toBe('2001:db8:2::/64')
      expect(counted(pseudo, 48, other)).toBe('2001:db8:2::/48')
      expect([counted(pseudo), counted(one), counted('one')]).toEqual([null, '2001:db8:1::/64', null])
    }
  })

  it('reads more addresses than it remembers', () => {
    const addresses = Array.from({ length: 2_100 }, (_, n) => `10.1.${n >> 8}.${n & 255}`)
    for (const _time of [1, 2]) expect(addresses.map((address) => counted(address))).toEqual(addresses)
  })
})
