/** Which paths are those of hosted pages. Pure. */

/** The pages are served here in addition to the root. */
export const PAGES_UNDER_AUTH = '/auth/pages'

/** The first path segments of hosted pages. */
const PAGE_SEGMENTS: ReadonlySet<string> = new Set([
  'login',
  'register',
  'logout',
  'account',
  'language',
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

/** Whether the path is served by hosted pages alone, so never on a host of the gateway. */
export function isHostedPage(path: string): boolean {
  const hasPageSegment = PAGE_SEGMENTS.has(path.split('/')[1] ?? '')
  return hasPageSegment || path.startsWith(`${PAGES_UNDER_AUTH}/`) || PAGE_PATHS.has(path)
}

/** Whether a page is shown at the path, or a redirect leads to one. */
export function isPage(path: string): boolean {
  return isHostedPage(path) || path.startsWith('/errors/')
}
