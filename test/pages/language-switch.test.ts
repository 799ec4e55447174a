import { describe, expect, it } from 'vitest'
import { MESSAGES } from '../../scripts/languages/texts.ts'
import { readConfig } from '../../src/config/read-config.ts'
import { LanguageSwitch } from '../../src/pages/components/language-switch.tsx'
import { valid } from '../config/example-settings.ts'

const config = readConfig({ ...valid })
if (!config.ok) throw new Error(JSON.stringify(config.problems))
const PAGES = config.config.pages

const render = (switchBack: string | null) => {
  const view = { messages: MESSAGES.ar, pages: PAGES, challengeScript: undefined, switchBack }
  return String(LanguageSwitch({ view, children: '*' }))
}

describe('the menu of the language switch', () => {
  it('has a button for each language with its own name, and marks the current one', () => {
    const html = render('/login')
    expect(html).toContain('<summary>*العربية</summary><form method="post" action="/language">')
    expect(
      [...html.matchAll(/value="([\w-]+)" lang="([\w-]+)"( aria-current="true")?>([^<]+)</g)].map(
        ([, ...parts]) => parts,
      ),
    ).toEqual([
      ['en', 'en', undefined, 'English'],
      ['zh-Hans', 'zh-Hans', undefined, '简体中文'],
      ['zh-Hant', 'zh-Hant', undefined, '繁體中文'],
      ['de', 'de', undefined, 'Deutsch'],
      ['ar', 'ar', ' aria-current="true"', 'العربية'],
    ])
  })

  it('returns to the page that it is on, whose address it escapes', () => {
    expect(render('/login?a="b"&c=<d>')).toContain(
      'name="back" value="/login?a=&quot;b&quot;&amp;c=&lt;d&gt;"',
    )
  })

  it('is left out where no language can be chosen', () => {
    expect(render(null)).toBe('null')
  })
})
