/** The language of a page: what the app asks for, what the person has chosen, what the browser prefers. */
import { getCookie, setCookie } from 'hono/cookie'
import { parseAccept } from 'hono/utils/accept'
import type { AppContext } from '../http/context.ts'
import { type Language, matchLanguage } from '../messages/languages.ts'
import { pageCookieAttributes, pageCookieName } from './page-cookie.ts'

const COOKIE = 'gatehouse_language'
const COOKIE_SECONDS = 31_536_000
/** Of a list of tags. Browsers and apps send less. */
const MAX_LENGTH = 1_000

/** Lists of BCP 47 tags. A source decides only if those before it name no language of the pages. */
export interface LanguageSources {
  /** Separated by spaces, the preferred one first (OpenID Connect Core section 3.1.2.1). */
  readonly uiLocales: string | undefined
  /** The choice at the language switch, one tag. */
  readonly cookie: string | undefined
  /** Of the account that is logged in, one tag. */
  readonly accountLocale: string | null | undefined
  /** RFC 9110 section 12.5.4. */
  readonly acceptLanguage: string | undefined
}

export function languageOf(c: AppContext): Language {
  const sources = {
    uiLocales: c.req.query('ui_locales'),
    cookie: getCookie(c, pageCookieName(c, COOKIE)),
    accountLocale: c.get('accountLocale'),
    acceptLanguage: c.req.header('Accept-Language'),
  }
  return chooseLanguage(sources, c.get('ctx').services.config.pages.languages)
}

/** @param offered the languages of the pages, the default first */
export function chooseLanguage(
  { uiLocales, cookie, accountLocale, acceptLanguage }: LanguageSources,
  offered: readonly [Language, ...Language[]],
): Language {
  const tags = [
    ...bounded(uiLocales).split(' '),
    cookie ?? [],
    accountLocale ?? [],
    ...parseAccept(bounded(acceptLanguage)).flatMap(({ type, q }) => (q > 0 ? type : [])),
  ].flat()
  return matchLanguage(tags, offered) ?? offered[0]
}

function bounded(list = ''): string {
  return list.length > MAX_LENGTH ? '' : list
}

/** Stores the choice of the person in this browser. */
export function setLanguageCookie(c: AppContext, language: Language): void {
  setCookie(c, pageCookieName(c, COOKIE), language, { ...pageCookieAttributes(c), maxAge: COOKIE_SECONDS })
}
