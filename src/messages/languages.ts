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

/**
 * Looks a language up as RFC 4647 section 3.4 does. The script decides between two forms of a language; a tag without one has that
 * of its region: `zh-TW` means `zh-Hant`.
 *
 * @param tags BCP 47 tags, the preferred one first. Others than these are skipped.
 * @param offered the languages of the pages
 * @returns null if none of the tags means one of these languages
 */
export function matchLanguage(tags: readonly string[], offered: readonly Language[]): Language | null {
  for (const tag of tags) {
    const names = namesOf(tag)
    const language = offered.find((name) => names.includes(name))
    if (language !== undefined) return language
  }
  return null
}

/** The language alone, and the language with its script. */
function namesOf(tag: string): readonly string[] {
  try {
    const { language, script } = new Intl.Locale(tag).maximize()
    return [language, `${language}-${script}`]
  } catch {
    return []
  }
}
