/** The language of a page: what the app asks for, what the person has chosen, what the browser prefers. */
import { parseAccept } from 'hono/utils/accept'
import type { AppContext } from '../http/context.ts'
import { LANGUAGES, type Language, matchLanguage } from '../messages/languages.ts'

/** Browsers send less. Each tag costs some microseconds. */
const MAX_LENGTH = 500

/** BCP 47 tags from all sources. A source counts only if those before it name no language of the pages. */
export interface LanguageSources {
  /** RFC 9110 section 12.5.4. */
  readonly acceptLanguage: string | undefined
}

export function languageOf(c: AppContext): Language {
  return chooseLanguage({ acceptLanguage: c.req.header('Accept-Language') }, LANGUAGES)
}

/** @param offered the languages of the pages, the default first */
export function chooseLanguage(
  { acceptLanguage }: LanguageSources,
  offered: readonly [Language, ...Language[]],
): Language {
  return matchLanguage(acceptedTags(acceptLanguage), offered) ?? offered[0]
}

/** @returns the tags of the header, the preferred one first; none of a header that is too long */
function acceptedTags(header = ''): readonly string[] {
  if (header.length > MAX_LENGTH) return []
  return parseAccept(header).flatMap(({ type, q }) => (q > 0 ? type : []))
}
