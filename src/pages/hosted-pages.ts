/** Keeps hosted pages off the hosts where origins serve pages of their own: scripts of those could read them. */
import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors/service-error.ts'
import type { AppEnv } from '../http/context.ts'
import { hostNameOf } from '../http/middleware/host.ts'
import { BELOW_AUTH } from './page-cookie.ts'

/** First segments of hosted pages. */
const PAGE_SEGMENTS: ReadonlySet<string> = new Set([
  'login',
  'register',
  'logout',
  'account',
  'forgot',
  'reset',
  'verify',
  'undo',
  'consent',
  'console',
])
/** Calls that answer with pages, or lead to one. */
const PAGE_PATHS: ReadonlySet<string> = new Set([
  '/oauth2/authorize',
  '/oauth2/logout',
  '/.well-known/change-password',
])

/** @param hosts as `URL.hostname` gives them */
export function notOnHosts(hosts: ReadonlySet<string>) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const isElsewhere = hosts.has(hostNameOf(c))
    if (isElsewhere && isPage(c.req.path)) throw new ServiceError('not_found')
    await next()
  })
}

function isPage(path: string): boolean {
  const isOfPages = PAGE_SEGMENTS.has(path.split('/')[1] ?? '') || path.startsWith(`${BELOW_AUTH}/`)
  return isOfPages || PAGE_PATHS.has(path)
}
