/** The pages that explain error codes. */
import { Hono } from 'hono'
import { html } from 'hono/html'
import { isErrorCode, ServiceError } from '../errors.ts'
import type { AppEnv } from '../http/context.ts'
import { ErrorPage } from './error-page.tsx'

export function errorPages() {
  const router = new Hono<AppEnv>()
  router.get('/errors/:code', (c) => {
    const code = c.req.param('code')
    if (!isErrorCode(code)) throw new ServiceError('not_found')
    c.header('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'")
    return c.html(html`<!doctype html>${<ErrorPage code={code} />}`)
  })
  return router
}
