/** What all hosted pages share: the HTML around the content, the browser's language, and the security headers. */
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

const MESSAGES = { en, zh }
const HTML_LANGUAGES = { en: 'en', zh: 'zh-Hans' }
type Language = keyof typeof MESSAGES

/** What the components of a page need. */
export interface View {
  readonly messages: Messages
  readonly pages: PagesConfig
  /** In development: the URL of the script of a fake challenge provider. */
  readonly challengeScript: string | undefined
}

export interface PageOptions {
  readonly title: string
  readonly status?: number
  /** An error message. The title begins with it, so that screen readers read it out first. */
  readonly error?: string
  /** The address to which the browser continues by itself. */
  readonly redirectTo?: string | undefined
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

export function showPage(c: AppContext, options: PageOptions, content: Child): Response | Promise<Response> {
  const { pages } = viewOf(c)
  const nonce = toBase64Url(randomBytes(16))
  c.header('Content-Security-Policy', contentSecurityPolicy(c.get('ctx').services.config, nonce))
  // Under "no-referrer" browsers would hide the origin of our own forms.
  c.header('Referrer-Policy', 'same-origin')
  c.header('Cross-Origin-Opener-Policy', 'same-origin')
  c.header('Vary', 'Accept-Language', { append: true })
  c.header('Content-Type', 'text/html; charset=UTF-8')
  // Required by RFC 9110 section 15.5.2. Browsers show no prompt for this scheme.
  if (options.status === 401) c.header('WWW-Authenticate', 'Bearer realm="gatehouse"')
  const title = [options.error, options.title, pages.name].filter((part) => part !== undefined).join(' · ')
  const page = (
    <html lang={HTML_LANGUAGES[languageOf(c)]}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        {options.redirectTo !== undefined && (
          <meta http-equiv="refresh" content={`0;url=${options.redirectTo}`} />
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
  const properties = (accent: string) => `--accent:${accent};--on-accent:${textOn(accent)}`
  return `:root{${properties(color)}}@media(prefers-color-scheme:dark){:root{${properties(colorDark)}}}`
}

/** The sources that the providers' documentation of CSP requires. */
const PROVIDER_SOURCES = {
  turnstile: 'https://challenges.cloudflare.com',
  hcaptcha: 'https://hcaptcha.com https://*.hcaptcha.com',
}

/** CSP level 3: a script runs if it has the nonce, or if a script with the nonce has loaded it. */
function contentSecurityPolicy({ challenge, pages, ...config }: Config, nonce: string): string {
  const provider = challenge.siteverify === null ? '' : ` ${PROVIDER_SOURCES[challenge.siteverify.provider]}`
  const fakeScript = fakeProviderScript({ challenge, ...config })
  const logo = pages.logo?.startsWith('https:') ? ` ${new URL(pages.logo).origin}` : ''
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}' 'strict-dynamic'`,
    `style-src 'self' 'nonce-${nonce}'${provider}`,
    `img-src 'self' data:${logo}`,
    `connect-src 'self'${provider}${fakeScript === undefined ? '' : ` ${new URL(fakeScript).origin}`}`,
    `frame-src ${provider === '' ? "'none'" : provider.trim()}`,
    "worker-src 'self'",
    // Chromium applies it to redirects as well, so no form may be redirected to another origin.
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

const SCRIPT_PATHS = { turnstile: '/turnstile/v0/api.js', hcaptcha: '/1/api.js' }

/** In development, a fake provider verifies challenges on this machine. It serves the script as well. */
function fakeProviderScript({
  challenge,
  deployment,
}: Pick<Config, 'challenge' | 'deployment'>): string | undefined {
  const { siteverify } = challenge
  if (siteverify?.verifyUrl === undefined || !deployment.development) return undefined
  return new URL(SCRIPT_PATHS[siteverify.provider], siteverify.verifyUrl).href
}

/** @param color `#rrggbb`. @returns black or white, the one with the higher contrast, which is at least 4.5 to 1 */
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
