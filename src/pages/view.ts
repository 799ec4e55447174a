/** What the components of a page need: the texts in the browser's language, and the look. */
import { languageDetector } from 'hono/language'
import type { PagesConfig } from '../config/pages.ts'
import type { AppContext } from '../http/context.ts'
import { en } from '../messages/en.ts'
import { type Messages, NOTICES } from '../messages/messages.ts'
import { zh } from '../messages/zh.ts'
import { fakeProviderScript } from './content-security-policy.ts'

const MESSAGES = { en, zh }
type Language = keyof typeof MESSAGES

/** What the components of a page need. */
export interface View {
  readonly messages: Messages
  readonly pages: PagesConfig
  /** In development: the URL of the script of a fake challenge provider. */
  readonly challengeScript: string | undefined
}

/** Chooses the language by Accept-Language (RFC 9110 section 12.5.4), without a cookie. */
export const pageLanguage = languageDetector({
  order: ['header'],
  caches: false,
  supportedLanguages: ['en', 'zh'],
  fallbackLanguage: 'en',
})

export function viewOf(c: AppContext): View {
  const {
    services: { config },
  } = c.get('ctx')
  return {
    messages: MESSAGES[languageOf(c)],
    pages: config.pages,
    challengeScript: fakeProviderScript(config),
  }
}

function languageOf(c: AppContext): Language {
  return c.get('language') === 'zh' ? 'zh' : 'en'
}

/** @returns what the redirect to this page says was done */
export function noticeOf(c: AppContext): string | undefined {
  const notice = NOTICES.find((name) => name === c.req.query('done'))
  return notice === undefined ? undefined : viewOf(c).messages.notices[notice]
}
