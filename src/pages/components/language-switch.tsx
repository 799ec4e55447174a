/** The menu of languages. It works without JavaScript. */
import type { PropsWithChildren } from 'hono/jsx'
import { LANGUAGE_NAMES } from '../../messages/languages.ts'
import type { View } from '../view.ts'

/** The children are an icon before the name of the current language. */
export function LanguageSwitch({ view, children }: PropsWithChildren<{ readonly view: View }>) {
  const { messages, pages, switchBack } = view
  if (switchBack === null || pages.languages.length === 1) return null
  return (
    <details class="menu">
      <summary>
        {children}
        {LANGUAGE_NAMES[messages.language]}
      </summary>
      <form method="post" action="/language">
        <input type="hidden" name="back" value={switchBack} />
        {pages.languages.map((language) => (
          <button
            type="submit"
            name="language"
            value={language}
            lang={language}
            aria-current={language === messages.language ? 'true' : undefined}
          >
            {LANGUAGE_NAMES[language]}
          </button>
        ))}
      </form>
    </details>
  )
}
