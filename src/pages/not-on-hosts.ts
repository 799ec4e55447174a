/** Keeps hosted pages off the hosts where origins serve pages of their own: scripts of those could read them. */
import { createMiddleware } from 'hono/factory'
import { PAGE_SEGMENTS } from '../config/gateway.ts'
import { ServiceError } from '../errors.ts'
import type { AppEnv } from '../http/context.ts'

/** Calls that answer with pages. */
const PAGE_PATHS: ReadonlySet<string> = new Set([
  '/oauth2/authorize',
  '/oauth2/logout',
  '/.well-known/change-password',
])

/** @param hosts as `URL.hostname` gives them */
export function notOnHosts(hosts: ReadonlySet<string>) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const isElsewhere = hosts.has(new URL(c.req.url).hostname)
    if (isElsewhere && isPage(c.req.path)) throw new ServiceError('not_found')
    await next()
  })
}

function isPage(path: string): boolean {
  return PAGE_SEGMENTS.includes(path.split('/')[1] ?? '') || PAGE_PATHS.has(path)
}
