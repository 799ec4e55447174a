/** Reads the forms of the pages, and refuses forms that another origin sends. */
import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors/service-error.ts'
import { readBounded } from '../http/body.ts'
import type { AppContext, AppEnv } from '../http/context.ts'
import { withCurrentTime } from '../http/middleware/provide-services.ts'

const FORM_MEDIA_TYPE = /^application\/x-www-form-urlencoded[ \t]*(;|$)/i

/** @throws {ServiceError} `origin_not_allowed`, `body_too_large`, `unsupported_media_type` */
export const sameOriginForm = createMiddleware<AppEnv>(async (c, next) => {
  if (!isSameOrigin(c)) throw new ServiceError('origin_not_allowed')
  const bytes = await readBounded(c.req.raw)
  if (!FORM_MEDIA_TYPE.test(c.req.header('Content-Type') ?? ''))
    throw new ServiceError('unsupported_media_type')
  c.set('body', bytes)
  c.set('services', withCurrentTime(c.get('services')))
  await next()
})

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
  return c.req.header('Origin') === c.get('services').config.deployment.publicUrl
}
