/** Form bodies of requests to /oauth2 (RFC 6749 appendix B). */
import { createMiddleware } from 'hono/factory'
import { OAuthError } from '../../errors/service-error.ts'
import { readBounded } from '../body.ts'
import type { AppEnv } from '../context.ts'
import { withCurrentTime } from './provide-services.ts'

const FORM = 'application/x-www-form-urlencoded'
const FORM_MEDIA_TYPE = /^application\/x-www-form-urlencoded[ \t]*(;|$)/i

/** Replaces the body by the checked form, for the route's schema. @throws {OAuthError} `invalid_request` */
export const formBody = createMiddleware<AppEnv>(async (c, next) => {
  const { method, url } = c.req.raw
  const bytes = await readBounded(c.req.raw)
  if (!FORM_MEDIA_TYPE.test(c.req.header('Content-Type') ?? '')) throw new OAuthError('invalid_request')
  const body = parseForm(new TextDecoder().decode(bytes)).toString()
  const headers = new Headers(c.req.raw.headers)
  headers.set('Content-Type', FORM)
  c.req.raw = new Request(url, { method, headers, body })
  c.set('services', withCurrentTime(c.get('services')))
  await next()
})

/** RFC 6749 section 3.2: a parameter without a value counts as omitted, and no parameter may be repeated. */
function parseForm(text: string): URLSearchParams {
  const given = [...new URLSearchParams(text)].filter(([, value]) => value !== '')
  const names = new Set(given.map(([name]) => name))
  if (names.size < given.length) throw new OAuthError('invalid_request')
  return new URLSearchParams(given)
}
