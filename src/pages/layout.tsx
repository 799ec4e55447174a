/** What all hosted pages share: the HTML around the content, and the security headers. */
import { raw } from 'hono/html'
import type { Child } from 'hono/jsx'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { randomBytes, toBase64Url } from '../crypto/bytes.ts'
import type { AppContext } from '../http/context.ts'
import { RIGHT_TO_LEFT } from '../messages/languages.ts'
import { brandOf, brandStyle } from './brand.ts'
import { SendFailed } from './components/feedback.tsx'
import { AccountFrame, type AccountSection, CardFrame } from './components/frame.tsx'
import { contentSecurityPolicy } from './content-security-policy.ts'
import { viewOf } from './view.ts'

export interface PageOptions {
  readonly title: string
  /** A sentence under the title. */
  readonly lead?: string | undefined
  /** For a page of the account: its section, and the person's name. Other pages are a card. */
  readonly account?: { readonly section: AccountSection; readonly name: string }
  readonly status?: number
  /** An error message. The title begins with it, so that screen readers read it out first. */
  readonly error?: string
  /** The address to which the browser continues by itself. */
  readonly redirectTo?: string | undefined
}

export function showPage(c: AppContext, options: PageOptions, content: Child): Response | Promise<Response> {
  const view = viewOf(c)
  const { messages, pages } = view
  const frame = { view, title: options.title, lead: options.lead }
  const { favicon, stylesheet } = brandOf(pages)
  const nonce = toBase64Url(randomBytes(16))
  c.header('Content-Security-Policy', contentSecurityPolicy(c.get('ctx').services.config, nonce))
  // Under "no-referrer" browsers would hide the origin of our own forms.
  c.header('Referrer-Policy', 'same-origin')
  c.header('Cross-Origin-Opener-Policy', 'same-origin')
  c.header('Vary', 'Accept-Language, Cookie', { append: true })
  c.header('Content-Type', 'text/html; charset=UTF-8')
  // Required by RFC 9110 section 15.5.2. Browsers show no prompt for this scheme.
  if (options.status === 401) c.header('WWW-Authenticate', 'Bearer realm="gatehouse"')
  const title = [options.error, options.title, pages.name].filter((part) => part !== undefined).join(' · ')
  const page = (
    <html lang={messages.language} dir={RIGHT_TO_LEFT.has(messages.language) ? 'rtl' : undefined}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        {options.redirectTo !== undefined && (
          <meta http-equiv="refresh" content={`0;url=${options.redirectTo}`} />
        )}
        <title>{title}</title>
        <link rel="icon" href={favicon} />
        <link rel="stylesheet" href="/assets/pages/page.css" />
        <style nonce={nonce}>{raw(brandStyle(pages))}</style>
        {stylesheet !== null && <link rel="stylesheet" href={stylesheet} />}
        <script type="module" nonce={nonce} src="/assets/pages/page.js" />
      </head>
      <body>
        {options.account === undefined ? (
          <CardFrame {...frame}>{content}</CardFrame>
        ) : (
          <AccountFrame {...frame} {...options.account}>
            {content}
          </AccountFrame>
        )}
        <SendFailed text={messages.sendFailed} />
      </body>
    </html>
  )
  return c.body(`<!doctype html>${page}`, (options.status ?? 200) as ContentfulStatusCode)
}
