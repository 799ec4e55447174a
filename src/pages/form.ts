/** The forms that pages send, and the address to which a login returns. */
import { accepts } from 'hono/accepts'
import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors/service-error.ts'
import type { AppContext, AppEnv } from '../http/context.ts'
import { readBounded } from '../http/middleware/bodies.ts'
import { setCurrentTime } from '../http/middleware/provide-context.ts'

const FORM_MEDIA_TYPE = /^application\/x-www-form-urlencoded[ \t]*(;|$)/i

/**
 * Reads a form. The script of the pages sends forms by fetch, which would follow a redirect by itself, so it receives the
 * address as JSON.
 * @throws {ServiceError} `origin_not_allowed`, `body_too_large`, `unsupported_media_type`
 */
export const sameOriginForm = createMiddleware<AppEnv>(async (c, next) => {
  if (!isSameOrigin(c)) throw new ServiceError('origin_not_allowed')
  const bytes = await readBounded(c.req.raw)
  if (!FORM_MEDIA_TYPE.test(c.req.header('Content-Type') ?? ''))
    throw new ServiceError('unsupported_media_type')
  c.set('body', bytes)
  setCurrentTime(c)
  await next()
  c.header('Vary', 'Accept', { append: true })
  if (c.res.status === 303 && prefersJson(c)) replaceRedirect(c)
})

/** A browser that sends a form by itself prefers HTML (RFC 9110 section 12.5.1). */
function prefersJson(c: AppContext): boolean {
  const supports = ['text/html', 'application/json']
  return accepts(c, { header: 'Accept', supports, default: 'text/html' }) === 'application/json'
}

function replaceRedirect(c: AppContext): void {
  c.res = Response.json({ location: c.res.headers.get('Location') })
  c.res.headers.delete('Location')
}

/** @returns a function that returns the text of a field, or an empty string if the form does not have it */
export function formFieldsOf(c: AppContext): (name: string) => string {
  const form = new URLSearchParams(new TextDecoder().decode(c.get('body')))
  return (name) => form.get(name) ?? ''
}

/**
 * Whether a page of this origin sent the form. The browser states it in a header that no script can change (Fetch
 * Metadata; for browsers without it, the Origin header of RFC 6454).
 */
function isSameOrigin(c: AppContext): boolean {
  const site = c.req.header('Sec-Fetch-Site')
  if (site !== undefined) return site === 'same-origin'
  return c.req.header('Origin') === c.get('ctx').services.config.deployment.publicUrl
}

/**
 * @param text the query parameter
 * @param origins the allowed origins, compared exactly
 * @returns the complete URL, or null if it is missing or not allowed
 */
export function readReturnTo(text: string | undefined, origins: readonly string[]): string | null {
  const url = URL.parse(text ?? '')
  // The origin of a blob: URL is the origin of the page that created it.
  if (url === null || url.protocol === 'blob:' || !origins.includes(url.origin)) return null
  // The address bar shows a user name, which could mislead; no app needs one here.
  return url.username + url.password === '' ? url.href : null
}

/** What an app asks of a login in the query. The pages of the login hand it on to each other. */
export interface LoginQuery {
  /** The complete URL of the app. */
  readonly returnTo: string | null
  /** The value of `ui_locales` (OpenID Connect Core section 3.1.2.1). */
  readonly uiLocales: string | null
}

export function loginQueryOf(c: AppContext): LoginQuery {
  const { corsOrigins } = c.get('ctx').services.config.deployment
  return {
    returnTo: readReturnTo(c.req.query('return_to'), corsOrigins),
    uiLocales: c.req.query('ui_locales') || null,
  }
}

/** @param path may have a query. @returns the path with what the query of the login has */
export function withLoginQuery(path: string, { returnTo, uiLocales }: LoginQuery): string {
  const query = new URLSearchParams({
    ...(returnTo !== null && { return_to: returnTo }),
    ...(uiLocales !== null && { ui_locales: uiLocales }),
  })
  if (query.size === 0) return path
  return `${path}${path.includes('?') ? '&' : '?'}${query}`
}
