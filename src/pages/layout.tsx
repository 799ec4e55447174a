/** What every hosted page has: its frame, the messages of the browser's language, and what the browser may load. */
import type { Child } from 'hono/jsx'
import { languageDetector } from 'hono/language'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { PagesConfig } from '../config/pages.ts'
import type { Config } from '../config/read-config.ts'
import { randomBytes, toBase64Url } from '../crypto/bytes.ts'
import type { AppContext } from '../http/context.ts'
import { en } from '../messages/en.ts'
import type { Messages } from '../messages/messages.ts'
import { zh } from '../messages/zh.ts'

const WORDS = { en, zh }
const HTML_LANGUAGES = { en: 'en', zh: 'zh-Hans' }
type Language = keyof typeof WORDS

/** What a page is made with. */
export interface View {
  readonly messages: Messages
  readonly pages: PagesConfig
  /** In development: where the stand-in of a challenge provider serves its script. */
  readonly challengeScript: string | undefined
}

export interface PageOptions {
  readonly title: string
  readonly status?: number
  /** An error that the title begins with: it is read out first. */
  readonly error?: string
  /** Where the browser goes on to by itself. */
  readonly goesOnTo?: string | undefined
}

/** By Accept-Language (RFC 9110 section 12.5.4), without a cookie. */
export const pageLanguage = languageDetector({
  order: ['header'],
  caches: false,
  supportedLanguages: ['en', 'zh'],
  fallbackLanguage: 'en',
})

export function viewOf(c: AppContext): View {
  const { config } = c.get('services')
  return { messages: WORDS[languageOf(c)], pages: config.pages, challengeScript: standInScript(config) }
}

export function showPage(c: AppContext, options: PageOptions, content: Child): Response | Promise<Response> {
  const { pages } = viewOf(c)
  const nonce = toBase64Url(randomBytes(16))
  c.header('Content-Security-Policy', contentSecurityPolicy(c.get('services').config, nonce))
  // Not "no-referrer": browsers would hide where our own forms come from.
  c.header('Referrer-Policy', 'same-origin')
  c.header('Cross-Origin-Opener-Policy', 'same-origin')
  c.header('Vary', 'Accept-Language', { append: true })
  c.header('Content-Type', 'text/html; charset=UTF-8')
  // RFC 9110 section 15.5.2; no browser asks a person for it.
  if (options.status === 401) c.header('WWW-Authenticate', 'Bearer realm="gatehouse"')
  const title = [options.error, options.title, pages.name].filter((part) => part !== undefined).join(' · ')
  const page = (
    <html lang={HTML_LANGUAGES[languageOf(c)]}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        {options.goesOnTo !== undefined && (
          <meta http-equiv="refresh" content={`0;url=${options.goesOnTo}`} />
        )}
        <title>{title}</title>
        <link rel="icon" href="data:," />
        <link rel="stylesheet" href="/assets/pages/page.css" />
        <style nonce={nonce}>{brandStyle(pages)}</style>
        <script type="module" nonce={nonce} src="/assets/pages/page.js" />
      </head>
      <body>
        <header>
          {pages.logo !== null && <img src={pages.logo} alt="" height="32" />}
          <span>{pages.name}</span>
        </header>
        <main>
          <h1>{options.title}</h1>
          {content}
        </main>
      </body>
    </html>
  )
  return c.body(`<!doctype html>${page}`, (options.status ?? 200) as ContentfulStatusCode)
}

function languageOf(c: AppContext): Language {
  return c.get('language') === 'zh' ? 'zh' : 'en'
}

function brandStyle({ color, colorDark }: PagesConfig): string {
  const of = (accent: string) => `--accent:${accent};--on-accent:${textOn(accent)}`
  return `:root{${of(color)}}@media(prefers-color-scheme:dark){:root{${of(colorDark)}}}`
}

/** What the providers ask for on their own pages about it. */
const PROVIDER_SOURCES = {
  turnstile: 'https://challenges.cloudflare.com',
  hcaptcha: 'https://hcaptcha.com https://*.hcaptcha.com',
}

/** CSP level 3: a script runs by the nonce, or because one that does has loaded it. */
function contentSecurityPolicy({ challenge, pages, ...config }: Config, nonce: string): string {
  const provider = challenge.siteverify === null ? '' : ` ${PROVIDER_SOURCES[challenge.siteverify.provider]}`
  const standIn = standInScript({ challenge, ...config })
  const logo = pages.logo?.startsWith('https:') ? ` ${new URL(pages.logo).origin}` : ''
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}' 'strict-dynamic'`,
    `style-src 'self' 'nonce-${nonce}'${provider}`,
    `img-src 'self' data:${logo}`,
    `connect-src 'self'${provider}${standIn === undefined ? '' : ` ${new URL(standIn).origin}`}`,
    `frame-src ${provider === '' ? "'none'" : provider.trim()}`,
    "worker-src 'self'",
    // Chromium holds redirects to it, too: so no form is answered with one that leads elsewhere.
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

const SCRIPT_PATHS = { turnstile: '/turnstile/v0/api.js', hcaptcha: '/1/api.js' }

/** A stand-in that verifies on this machine serves the script as well. */
function standInScript({
  challenge,
  deployment,
}: Pick<Config, 'challenge' | 'deployment'>): string | undefined {
  const { siteverify } = challenge
  if (siteverify?.verifyUrl === undefined || !deployment.development) return undefined
  return new URL(SCRIPT_PATHS[siteverify.provider], siteverify.verifyUrl).href
}

/** @param color `#rrggbb`. @returns black or white, whichever contrasts more: 4.5 to 1 at the least */
export function textOn(color: string): '#000000' | '#ffffff' {
  return luminance(color) > 0.179 ? '#000000' : '#ffffff'
}

function luminance(color: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = Number.parseInt(color.slice(at, at + 2), 16) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
