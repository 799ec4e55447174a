import { describe, expect, it } from 'vitest'
import { en } from '../../src/messages/en.ts'
import { fill, type Messages } from '../../src/messages/messages.ts'
import { textOn } from '../../src/pages/brand.ts'
import { readReturnTo, withLoginQuery } from '../../src/pages/form.ts'
import { browserName } from '../../src/sessions/activity.ts'

const inLanguage = (messages: Messages) => (browser: string, system: string) =>
  fill(messages.browserOn, { browser, system })

const ORIGINS = ['https://app.example.test', 'http://localhost:5173']

describe('return_to', () => {
  it.each([
    'https://app.example.test/',
    'https://app.example.test/orders/1?tab=2#top',
    'http://localhost:5173/callback',
  ])('accepts a return_to of a configured origin: %s', (address) => {
    expect(readReturnTo(address, ORIGINS)).toBe(address)
  })

  it.each([
    ['nothing', undefined],
    ['an empty string', ''],
    ['a path', '/account'],
    ['an address without a scheme', '//app.example.test/'],
    ['another origin', 'https://evil.example/'],
    ['another scheme', 'http://app.example.test/'],
    ['another port', 'https://app.example.test:8443/'],
    ['a longer host', 'https://app.example.test.evil.example/'],
    ['a subdomain', 'https://x.app.example.test/'],
    ['a user that looks like the host', 'https://app.example.test@evil.example/'],
    ['a backslash', 'https://evil.example\\@app.example.test/'],
    ['a user at the host', 'https://evil@app.example.test/'],
    ['a script', 'javascript:alert(1)//app.example.test'],
    ['data', 'data:text/html,x'],
    ['a blob of the origin', 'blob:https://app.example.test/x'],
  ])('rejects %s as return_to', (_what, address) => {
    expect(readReturnTo(address, ORIGINS)).toBeNull()
  })

  it('encodes return_to and ui_locales in the address of a page', () => {
    const returnTo = 'https://app.example.test/?a=b&c'
    const query = 'return_to=https%3A%2F%2Fapp.example.test%2F%3Fa%3Db%26c'
    expect(withLoginQuery('/login', { returnTo, uiLocales: null })).toBe(`/login?${query}`)
    expect(withLoginQuery('/login', { returnTo: null, uiLocales: null })).toBe('/login')
    expect(withLoginQuery('/login?done=ended', { returnTo, uiLocales: 'de ar&x' })).toBe(
      `/login?done=ended&${query}&ui_locales=de+ar%26x`,
    )
  })
})

describe('the text colour of a background', () => {
  it.each([
    ['#000000', '#ffffff'],
    ['#ffffff', '#000000'],
    ['#ffff00', '#000000'],
    ['#0000ff', '#ffffff'],
    ['#1f5f8b', '#ffffff'],
    ['#8ec7ee', '#000000'],
    // On either side of the grey on which black and white have equal contrast.
    ['#757575', '#ffffff'],
    ['#777777', '#000000'],
  ])('chooses for a background of %s the text colour %s', (color, text) => {
    expect(textOn(color)).toBe(text)
  })
})

describe('the name of a browser', () => {
  it.each([
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36',
      'Chrome, Windows',
    ],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36 Edg/143.0.0.0',
      'Edge, Windows',
    ],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0', 'Firefox, Linux'],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1',
      'Safari, iOS',
    ],
    [
      'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15',
      'Safari, macOS',
    ],
    [
      'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Mobile Safari/537.36',
      'Chrome, Android',
    ],
    ['curl/8.16.0', 'curl/8.16.0'],
    [`x${'y'.repeat(99)}`, `x${'y'.repeat(39)}`],
  ])('derives the name of a browser from %s: %s', (userAgent, name) => {
    expect(browserName(userAgent, inLanguage(en))).toBe(name)
  })

  it('returns no name for a browser without a user agent', () => {
    expect(browserName(null, inLanguage(en))).toBeNull()
    expect(browserName('', inLanguage(en))).toBeNull()
  })
})
