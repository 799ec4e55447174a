/** Forms as the pages send them. */
import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors/service-error.ts'
import { readBounded } from '../http/body.ts'
import type { AppContext, AppEnv } from '../http/context.ts'
import { withCurrentTime } from '../http/middleware/provide-services.ts'

const FORM_MEDIA_TYPE = /^application\/x-www-form-urlencoded[ \t]*(;|$)/i

/** @throws {ServiceError} `origin_not_allowed`, `body_too_large`, `unsupported_media_type` */
export const sameOriginForm = createMiddleware<AppEnv>(async (c, next) => {
  if (!comesFromHere(c)) throw new ServiceError('origin_not_allowed')
  const bytes = await readBounded(c.req.raw)
  if (!FORM_MEDIA_TYPE.test(c.req.header('Content-Type') ?? ''))
    throw new ServiceError('unsupported_media_type')
  c.set('body', bytes)
  c.set('services', withCurrentTime(c.get('services')))
  await next()
})

/** @returns a field's text; empty where it was not sent */
export function fieldsOf(c: AppContext): (name: string) => string {
  const form = new URLSearchParams(new TextDecoder().decode(c.get('body')))
  return (name) => form.get(name) ?? ''
}

/**
 * No other page can have sent the form: the browser says where it comes from, and no script can make it lie (Fetch
 * Metadata; RFC 6454 for browsers before it).
 */
function comesFromHere(c: AppContext): boolean {
  const site = c.req.header('Sec-Fetch-Site')
  if (site !== undefined) return site === 'same-origin'
  return c.req.header('Origin') === c.get('services').config.deployment.publicUrl
}
