import { describe, expect, it } from 'vitest'
import { LANGUAGES, type Language, matchLanguage } from '../../src/messages/languages.ts'
import { chooseLanguage, type LanguageSources } from '../../src/pages/language.ts'

describe('matchLanguage', () => {
  it.each<[string, Language | null]>([
    ['en', 'en'],
    ['en-GB', 'en'],
    ['EN-us', 'en'],
    ['zh', 'zh-Hans'],
    ['zh-CN', 'zh-Hans'],
    ['zh-SG', 'zh-Hans'],
    ['zh-Hans', 'zh-Hans'],
    ['zh-Hans-CN', 'zh-Hans'],
    ['zh-Hans-TW', 'zh-Hans'],
    ['zh-TW', 'zh-Hant'],
    ['zh-tw', 'zh-Hant'],
    ['zh-HK', 'zh-Hant'],
    ['zh-MO', 'zh-Hant'],
    ['zh-Hant', 'zh-Hant'],
    ['zh-Hant-HK', 'zh-Hant'],
    ['ZH-HANT-CN', 'zh-Hant'],
    ['de', 'de'],
    ['de-AT', 'de'],
    ['de-CH-1996', 'de'],
    ['ar', 'ar'],
    ['ar-EG', 'ar'],
    ['ar-EG-u-nu-latn', 'ar'],
    ['fr', null],
    ['den', null],
    ['d', null],
    ['*', null],
    ['', null],
    ['-', null],
    ['-de', null],
    ['de_AT', null],
    ['x-de', null],
    ['undefined', null],
    ['__proto__', null],
    ['toString', null],
    [`${'de-'.repeat(100_000)}`, 'de'],
    ['z'.repeat(300_000), null],
    ['-'.repeat(300_000), null],
  ])('finds for the tag %.40j the language %j', (tag, language) => {
    expect(matchLanguage([tag], LANGUAGES)).toBe(language)
  })

  it('takes the first tag that means an offered language', () => {
    expect(matchLanguage(['fr', 'de', 'ar'], LANGUAGES)).toBe('de')
    expect(matchLanguage(['de', 'zh-TW', 'ar'], ['en', 'zh-Hans', 'ar'])).toBe('ar')
    expect(matchLanguage(['de'], ['en'])).toBeNull()
    expect(matchLanguage([], LANGUAGES)).toBeNull()
  })
})

const NO_SOURCES: LanguageSources = {
  uiLocales: undefined,
  cookie: undefined,
  accountLocale: undefined,
  acceptLanguage: undefined,
}
const chosen = (sources: Partial<LanguageSources>, offered: readonly [Language, ...Language[]] = LANGUAGES) =>
  chooseLanguage({ ...NO_SOURCES, ...sources }, offered)

describe('the language of a page', () => {
  const ALL = { uiLocales: 'zh-TW', cookie: 'de', accountLocale: 'ar-EG', acceptLanguage: 'zh' }

  it('is that of ui_locales, then of the cookie, then of the account, then of the browser, then the default', () => {
    expect(chosen(ALL)).toBe('zh-Hant')
    expect(chosen({ ...ALL, uiLocales: undefined })).toBe('de')
    expect(chosen({ accountLocale: 'ar-EG', acceptLanguage: 'zh' })).toBe('ar')
    expect(chosen({ accountLocale: null, acceptLanguage: 'zh' })).toBe('zh-Hans')
    expect(chosen({})).toBe('en')
    expect(chosen({}, ['ar', 'en'])).toBe('ar')
  })

  it('is that of the next source if a source names no language of the pages', () => {
    expect(chosen({ ...ALL, uiLocales: 'fr nl' })).toBe('de')
    expect(chosen({ ...ALL, uiLocales: '', cookie: '' })).toBe('ar')
    expect(chosen({ ...ALL, uiLocales: ' ', cookie: 'x', accountLocale: 'fr-FR' })).toBe('zh-Hans')
    expect(chosen({ ...ALL, acceptLanguage: 'fr' }, ['en', 'zh-Hans'])).toBe('en')
  })

  it('is the first of ui_locales that the pages have', () => {
    expect(chosen({ uiLocales: 'fr-CA de ar' })).toBe('de')
    expect(chosen({ uiLocales: '  zh-HK  de' })).toBe('zh-Hant')
    expect(chosen({ uiLocales: 'de,ar' })).toBe('en')
  })

  it.each<[string, Language]>([
    ['ar;q=0.5, de;q=0.9, en;q=0.1', 'de'],
    ['fr, de;q=0.1', 'de'],
    ['de;q=0, ar;q=0.001', 'ar'],
    ['de;q=0', 'en'],
    ['de;q=0.9, ar', 'ar'],
    ['de ; q=0.5 , ar ; q=0.4', 'de'],
    ['zh-TW,zh;q=0.9,en;q=0.8', 'zh-Hant'],
    ['*, de;q=0.5', 'de'],
    [',,;q=1,', 'en'],
    [`${'fr,'.repeat(300)}de`, 'de'],
    [`${'fr,'.repeat(400)}de`, 'en'],
    [';'.repeat(200_000), 'en'],
    ['"'.repeat(200_000), 'en'],
  ])('follows the q-values of Accept-Language %.40j: %s', (acceptLanguage, language) => {
    expect(chosen({ acceptLanguage })).toBe(language)
  })

  it('ignores ui_locales of more than 1,000 characters', () => {
    expect(chosen({ uiLocales: `${'fr '.repeat(300)}de` })).toBe('de')
    expect(chosen({ uiLocales: `${'fr '.repeat(400)}de` })).toBe('en')
  })
})
