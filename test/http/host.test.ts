import { describe, expect, it } from 'vitest'
import { isHost } from '../../src/http/middleware/host.ts'

describe('isHost', () => {
  it.each([
    'localhost',
    'auth.example.com',
    'auth.example.com.',
    'AUTH.example.com:443',
    'localhost:',
    'localhost:0',
    'localhost:65535',
    'xn--mnchen-3ya.de',
    'a_b.example',
    '127.0.0.1:8787',
    '[::1]',
    '[2001:db8::1]:8787',
    '[::ffff:192.0.2.1]',
    `${'x.'.repeat(126)}x`,
  ])('accepts the host %j', (host) => {
    expect(isHost(host)).toBe(true)
  })

  it.each([
    '',
    ' ',
    ' localhost',
    'localhost:65536',
    'localhost:8x',
    '256.0.0.1',
    '[127.0.0.1]',
    '[::1%25eth0]',
    'münchen.de',
    'a..b',
    '*.example.com',
    'a;b',
    'a\tb',
    'a\u00a0b',
    `${'x.'.repeat(130)}x`,
    '9'.repeat(60_000),
  ])('rejects the host %j', (host) => {
    expect(isHost(host)).toBe(false)
  })
})
