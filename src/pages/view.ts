/** What the components of a page need: the texts in the person's language, and the look. */
import ar from '../../dist/languages/ar.txt'
import de from '../../dist/languages/de.txt'
import en from '../../dist/languages/en.txt'
import zhHans from '../../dist/languages/zh-Hans.txt'
import zhHant from '../../dist/languages/zh-Hant.txt'
import type { PagesConfig } from '../config/pages.ts'
import type { AppContext } from '../http/context.ts'
import { hostNameOf } from '../http/middleware/host.ts'
import type { Language } from '../messages/languages.ts'
import { englishErrors, type Messages, NOTICES } from '../messages/messages.ts'
import { fakeProviderScript } from './content-security-policy.ts'
import { loginQueryOf, withLoginQuery } from './form.ts'
import { languageOf } from './language.ts'
import { isPage } from './page-paths.ts'

const TEXTS: Readonly<Record<Language, string>> = { en, 'zh-Hans': zhHans, 'zh-Hant': zhHant, de, ar }
/** Filled by the first page in each language. */
const parsed = new Map<Language, Messages>()

/** What the components of a page need. */
export interface View {
  readonly messages: Messages
  readonly pages: PagesConfig
  /** In development: the URL of the script of a fake challenge provider. */
  readonly challengeScript: string | undefined
  /** The path and query of this page, to which the language switch returns. Null where the switch is not served. */
  readonly switchBack: string | null
}

export function viewOf(c: AppContext): View {
  const {
    services: { config },
  } = c.get('ctx')
  const url = new URL(c.req.url)
  return {
    messages: messagesIn(languageOf(c)),
    pages: config.pages,
    challengeScript: fakeProviderScript(config),
    switchBack: config.pages.enabled && !config.gateway.hosts.has(hostNameOf(url)) ? backTo(c) : null,
  }
}

/** @returns this page with what the app asked of a login. An address that does not exist is not repeated in HTML. */
function backTo(c: AppContext): string {
  return isPage(c.req.path) ? withLoginQuery(c.req.path, loginQueryOf(c)) : '/account'
}

function messagesIn(language: Language): Messages {
  const messages = parsed.get(language) ?? parse(TEXTS[language])
  parsed.set(language, messages)
  return messages
}

/** @param text has the errors that differ from those of the API */
function parse(text: string): Messages {
  const texts: Messages = JSON.parse(text)
  return { ...texts, errors: { ...englishErrors(), ...texts.errors } }
}

/** @returns what the redirect to this page says was done */
export function noticeOf(c: AppContext): string | undefined {
  const notice = NOTICES.find((name) => name === c.req.query('done'))
  return notice === undefined ? undefined : viewOf(c).messages.notices[notice]
}
