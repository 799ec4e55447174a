/** The pages that explain error codes, and those that a page which fails turns into. */
import { Hono } from 'hono'
import { ERRORS, isErrorCode, ServiceError } from '../errors.ts'
import type { AppContext, AppEnv } from '../http/context.ts'
import { toServiceError } from '../http/problem.ts'
import { retryAfter } from '../http/retry-after.ts'
import { ErrorExplained, ErrorMet } from './error-page.tsx'
import { toFailure } from './failure.ts'
import { pageLanguage, showPage, viewOf } from './page.tsx'

export function errorPages() {
  const router = new Hono<AppEnv>()
  router.get('/errors/:code', pageLanguage, (c) => {
    const code = c.req.param('code')
    if (!isErrorCode(code)) throw new ServiceError('not_found')
    const { words } = viewOf(c)
    return showPage(c, { title: words.errors[code][0] }, <ErrorExplained words={words} code={code} />)
  })
  return router
}

/** For the pages' own faults. */
export function showError(fault: unknown, c: AppContext): Response | Promise<Response> {
  const error = toServiceError(c, fault)
  const { code } = error
  const { words } = viewOf(c)
  c.set('errorCode', code)
  for (const [name, value] of Object.entries(retryAfter(error))) c.header(name, value)
  const { message } = toFailure(error, words)
  const content = <ErrorMet words={words} code={code} message={message} requestId={c.get('requestId')} />
  return showPage(c, { title: words.errors[code][0], status: ERRORS[code].status }, content)
}
