import { describe, expect, it } from 'vitest'
import { parseLocale, parseName, parsePicture, parseZone } from '../../src/accounts/profile-fields.ts'

type Example = readonly [text: string, expected: string | null]

const refused = (text: string): Example => [text, null]

describe('names', () => {
  it.each<Example>([
    ['Ada Lovelace', 'Ada Lovelace'],
    [' \u202aAda\u200b\u00a0', 'Ada'],
    ['王小明', '王小明'],
    ['😀'.repeat(100), '😀'.repeat(100)],
    ['🏳️‍🌈 Ada', '🏳️‍🌈 Ada'],
    refused('😀'.repeat(101)),
    refused(''),
    refused(' \u200b\u2003'),
  ])('have 1 to 100 code points without invisible ones at the ends: %j', (text, expected) => {
    expect(parseName(text)).toBe(expected)
  })
})

describe('pictures', () => {
  const ofLength = (length: number) => 'https://example.com/'.padEnd(length, 'a')

  it.each<Example>([
    ['https://example.com/ada.png?size=2#face', 'https://example.com/ada.png?size=2#face'],
    [' HTTPS://Example.COM/ada.png\u00a0', 'https://example.com/ada.png'],
    ['https://bücher.example/a b.png', 'https://xn--bcher-kva.example/a%20b.png'],
    [ofLength(500), ofLength(500)],
    refused(ofLength(501)),
    refused(`https://example.com/${'ü'.repeat(100)}`),
    refused('http://example.com/ada.png'),
    refused('//example.com/ada.png'),
    refused('/ada.png'),
    refused('data:image/png;base64,AAAA'),
    refused('javascript:alert(1)//https://example.com'),
    refused('https://'),
    refused('https://ada@example.com/ada.png'),
    refused('https://:secret@example.com/ada.png'),
    refused(''),
  ])('are https URLs of at most 500 characters in their normalised form: %j', (text, expected) => {
    expect(parsePicture(text)).toBe(expected)
  })
})

describe('locales', () => {
  const ofLength = (length: number) => 'en-x-aaaaaaaa'.padEnd(length, '-aaaaaaa')

  it.each<Example>([
    ['en', 'en'],
    [' EN-gb ', 'en-GB'],
    ['zh-hant-tw', 'zh-Hant-TW'],
    ['iw', 'he'],
    ['de-DE-u-co-phonebk', 'de-DE-u-co-phonebk'],
    [ofLength(61), ofLength(61)],
    refused(ofLength(69)),
    refused('en_GB'),
    refused('English'.repeat(2)),
    refused('en-GB,de'),
    refused('*'),
    refused('e'),
    refused(''),
  ])('are BCP 47 tags in their canonical form: %j', (text, expected) => {
    expect(parseLocale(text)).toBe(expected)
  })
})

describe('time zones', () => {
  it.each<Example>([
    ['Europe/Berlin', 'Europe/Berlin'],
    [' europe/BERLIN ', 'Europe/Berlin'],
    ['UTC', 'UTC'],
    ['GMT', 'GMT'],
    ['Etc/GMT+5', 'Etc/GMT+5'],
    ['America/Argentina/ComodRivadavia', 'America/Argentina/ComodRivadavia'],
    refused('Europe/Atlantis'),
    refused('Berlin'),
    refused('CST'),
    refused('SystemV/PST8'),
    refused('+01:00'),
    refused('-0800'),
    refused('GMT+1'),
    refused('a'.repeat(65)),
    refused(''),
  ])('are names of the IANA database: %j', (text, expected) => {
    expect(parseZone(text)).toBe(expected)
  })

  it.each(['Asia/Kolkata', 'Europe/Kyiv', 'Asia/Ho_Chi_Minh'])(
    'keep a name that the runtime knows by an older one: %s',
    (name) => {
      expect(parseZone(name)).toBe(name)
    },
  )
})
