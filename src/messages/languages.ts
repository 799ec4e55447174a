/** The languages of the pages, and which of them suits a person. Pure. */

/** BCP 47 tags: a language, with its script where the pages have it in more than one. */
export const LANGUAGES = ['en', 'zh-Hans', 'zh-Hant', 'de', 'ar'] as const
export type Language = (typeof LANGUAGES)[number]

/** The name of each language in that language. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = {
  en: 'English',
  'zh-Hans': '简体中文',
  'zh-Hant': '繁體中文',
  de: 'Deutsch',
  ar: 'العربية',
}

/** Languages that are written from right to left. */
export const RIGHT_TO_LEFT: ReadonlySet<Language> = new Set(['ar'])

/** The meaning of tags that `LANGUAGES` does not have: these regions write traditional Chinese. */
const ALIASES = { zh: 'zh-Hans', 'zh-TW': 'zh-Hant', 'zh-HK': 'zh-Hant', 'zh-MO': 'zh-Hant' } as const

const BY_TAG: ReadonlyMap<string, Language> = new Map<string, Language>([
  ...LANGUAGES.map((language) => [language.toLowerCase(), language] as const),
  ...Object.entries(ALIASES).map(([tag, language]) => [tag.toLowerCase(), language] as const),
])

/**
 * Looks a language up as RFC 4647 section 3.4 does: by the tag without the subtags at its end, of which at most two decide here.
 *
 * @param tags BCP 47 tags, the preferred one first; other texts mean no language
 * @param offered the languages of the pages
 * @returns null if none of the tags means one of these languages
 */
export function matchLanguage(tags: readonly string[], offered: readonly Language[]): Language | null {
  const languages = tags.map((tag) => {
    const [language = '', next] = tag.toLowerCase().split('-', 2)
    return BY_TAG.get(`${language}-${next}`) ?? BY_TAG.get(language)
  })
  return languages.find((language) => language !== undefined && offered.includes(language)) ?? null
}
