import { describe, expect, it } from 'vitest'
import { MESSAGES, renderTexts } from '../../scripts/languages/texts.ts'
import { de } from '../../src/messages/de.ts'
import { LANGUAGES, type Language, RIGHT_TO_LEFT } from '../../src/messages/languages.ts'
import { type Messages, plural } from '../../src/messages/messages.ts'

/** Every text by its path, such as `errors.not_found.0`. */
function textsOf(texts: object, path = ''): readonly (readonly [string, string])[] {
  return Object.entries(texts).flatMap(([name, value]) =>
    typeof value === 'string' ? [[path + name, value] as const] : textsOf(value, `${path}${name}.`),
  )
}

const placeholdersOf = (text: string) => (text.match(/\{\w+\}/g) ?? []).toSorted()
/** Languages differ in the forms of a plural. `plural()` is tested with all of them. */
const isPluralForm = (path: string) => /\.(zero|one|two|few|many)$/.test(path)
const OTHERS = LANGUAGES.filter((language) => language !== 'en')

describe('the texts of the pages', () => {
  it.each(OTHERS)('has each English text in %s, with the same placeholders', (language) => {
    const shapeOf = (messages: Messages) =>
      textsOf(messages)
        .filter(([path]) => !isPluralForm(path))
        .map(([path, text]) => [path, placeholdersOf(text)])
        .toSorted()
    expect(shapeOf(MESSAGES[language])).toEqual(shapeOf(MESSAGES.en))
    expect(MESSAGES[language].language).toBe(language)
  })

  it.each(OTHERS)('leaves no English text in %s', (language) => {
    const english = new Map(textsOf(MESSAGES.en))
    const same = textsOf(MESSAGES[language]).filter(
      ([path, text]) => english.get(path) === text && /[a-z]/i.test(text.replaceAll(/\{\w+\}/g, '')),
    )
    // The same word in both languages.
    expect(same).toEqual(
      language === 'de'
        ? [
            ['profileLabels.name', 'Name'],
            ['errorCode', 'Code'],
          ]
        : [],
    )
  })

  it.each([
    ['zh-Hans', /\p{Script=Han}/u],
    ['zh-Hant', /\p{Script=Han}/u],
    ['ar', /\p{Script=Arabic}/u],
  ] as const)('writes each text of %s in its own script', (language, script) => {
    const { language: _tag, sentenceSeparator, browserOn, location, ...texts } = MESSAGES[language]
    expect(textsOf(texts).filter(([, text]) => !script.test(text))).toEqual([])
  })

  it('uses no character of the other form of Chinese', () => {
    const charactersOf = (language: Language) => new Set(JSON.stringify(MESSAGES[language]))
    const simplified = [...'录册户码邮箱设备删证错误请']
    const traditional = [...'錄冊戶碼郵設備刪證錯誤請']
    expect(simplified.filter((character) => charactersOf('zh-Hans').has(character)).length).toBeGreaterThan(9)
    expect(simplified.filter((character) => charactersOf('zh-Hant').has(character))).toEqual([])
    expect(traditional.filter((character) => charactersOf('zh-Hans').has(character))).toEqual([])
  })

  it('isolates each placeholder in languages that are written from right to left', () => {
    for (const language of RIGHT_TO_LEFT) {
      const filled = textsOf(MESSAGES[language]).filter(([, text]) => text.includes('{'))
      expect(filled.length).toBeGreaterThan(5)
      for (const [, text] of filled)
        expect(text.match(/\u2068\{\w+\}\u2069/g)).toEqual(placeholdersOf(text).map(() => expect.any(String)))
    }
  })

  it.each<[Language, readonly string[]]>([
    [
      'en',
      ['in 0 minutes', 'in a minute', 'in 2 minutes', 'in 3 minutes', 'in 11 minutes', 'in 100 minutes'],
    ],
    ['zh-Hans', ['0 分钟', '1 分钟', '2 分钟', '3 分钟', '11 分钟', '100 分钟']],
    ['zh-Hant', ['0 分鐘', '1 分鐘', '2 分鐘', '3 分鐘', '11 分鐘', '100 分鐘']],
    [
      'de',
      ['in 0 Minuten', 'in einer Minute', 'in 2 Minuten', 'in 3 Minuten', 'in 11 Minuten', '100 Minuten'],
    ],
    [
      'ar',
      [
        'الآن',
        'بعد دقيقة',
        'دقيقتين',
        '\u20683\u2069 دقائق',
        '\u206811\u2069 دقيقة',
        '\u2068100\u2069 دقيقة',
      ],
    ],
  ])('has the plurals of %s', (language, texts) => {
    for (const [index, count] of [0, 1, 2, 3, 11, 100].entries())
      expect(plural(MESSAGES[language].tryAgainIn, count, MESSAGES[language])).toContain(texts[index])
  })
})

describe('the texts that an operator replaces', () => {
  const replaced = (replacements: unknown) => JSON.parse(renderTexts(MESSAGES.de, replacements))

  it('replaces the given texts and keeps the others', () => {
    const replacements = {
      logIn: 'Einloggen',
      continueTo: '{host} öffnen',
      tryAgainIn: { other: 'Noch {count} Minuten.' },
      errors: { not_found: ['Weg', 'Hier ist nichts.'] },
    }
    expect(replaced(replacements)).toEqual({
      ...MESSAGES.de,
      logIn: 'Einloggen',
      continueTo: '{host} öffnen',
      tryAgainIn: { one: de.tryAgainIn.one, other: 'Noch {count} Minuten.' },
      errors: { ...MESSAGES.de.errors, not_found: ['Weg', 'Hier ist nichts.'] },
    })
    expect(replaced({})).toEqual(MESSAGES.de)
  })

  it('leaves out the English texts of errors that are those of the API, and no others', () => {
    const { errors, ...texts } = MESSAGES.en
    expect(JSON.parse(renderTexts(MESSAGES.en, {}))).toEqual({ ...texts, errors: {} })
    const replacements = { errors: { not_found: ['Gone', 'Look elsewhere.'], internal: errors.internal } }
    expect(JSON.parse(renderTexts(MESSAGES.en, replacements))).toEqual({
      ...texts,
      errors: { not_found: ['Gone', 'Look elsewhere.'] },
    })
  })

  it.each([
    [null, 'The file must be an object with texts.'],
    [['x'], 'The file must be an object with texts.'],
    [{ logon: 'x' }, 'logon is not a text of the pages.'],
    [{ language: 'en' }, 'language is not a text of the pages.'],
    [{ notices: { saved: 'x' } }, 'notices.saved is not a text of the pages.'],
    [JSON.parse('{"__proto__":"x"}'), '__proto__ is not a text of the pages.'],
    [{ toString: 'x' }, 'toString is not a text of the pages.'],
    [{ logIn: 1 }, 'logIn must be a text.'],
    [{ logIn: null }, 'logIn must be a text.'],
    [{ notices: 'x' }, 'notices must be an object with texts.'],
    [{ errors: { not_found: ['x'] } }, 'errors.not_found must be a list of 2 texts.'],
    [{ errors: { not_found: 'x' } }, 'errors.not_found must be a list of 2 texts.'],
    [{ errors: { not_found: ['x', 1] } }, 'errors.not_found.1 must be a text.'],
    [{ continueTo: 'x' }, 'continueTo must have {host} once.'],
    [{ continueTo: '{host} {host}' }, 'continueTo must have {host} once.'],
    [{ location: '{city}' }, 'location must have {city} and {country} once.'],
    [{ logIn: 'x {name}' }, 'logIn must have no placeholder.'],
  ])('refuses %j with a sentence', (replacements, message) => {
    expect(() => replaced(replacements)).toThrow(message)
  })
})
