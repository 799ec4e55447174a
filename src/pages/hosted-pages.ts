/** Refuses hosted pages on the hosts whose pages come from origins, because scripts of those pages could read them. */
import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors/service-error.ts'
import type { AppEnv } from '../http/context.ts'
import { hostNameOf } from '../http/middleware/host.ts'
import { PAGES_UNDER_AUTH } from './page-cookie.ts'

/** The first path segments of hosted pages. */
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
/** The paths outside these segments that respond with a page or redirect to one. */
const PAGE_PATHS: ReadonlySet<string> = new Set([
  '/oauth2/authorize',
  '/oauth2/logout',
  '/.well-known/change-password',
])

/** @param hosts of the gateway, in the form of `URL.hostname` */
export function refuseOnGatewayHosts(hosts: ReadonlySet<string>) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const isGatewayHost = hosts.has(hostNameOf(c))
    if (isGatewayHost && isHostedPage(c.req.path)) throw new ServiceError('not_found')
    await next()
  })
}

function isHostedPage(path: string): boolean {
  const hasPageSegment = PAGE_SEGMENTS.has(path.split('/')[1] ?? '')
  return hasPageSegment || path.startsWith(`${PAGES_UNDER_AUTH}/`) || PAGE_PATHS.has(path)
}
