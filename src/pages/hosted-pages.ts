/** The hosted pages as a whole: their routes, and the hosts that must not serve them. */
import { Hono } from 'hono'
import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors/service-error.ts'
import type { AppEnv } from '../http/context.ts'
import { hostNameOf } from '../http/middleware/host.ts'
import { LANGUAGES } from '../messages/languages.ts'
import { accountPages } from './account/account-routes.tsx'
import { showError } from './error-pages.tsx'
import { formFieldsOf, sameOriginForm } from './form.ts'
import { setLanguageCookie } from './language.ts'
import { loginPages } from './login/login-routes.tsx'
import { PAGES_UNDER_AUTH } from './page-cookie.ts'

const LOGIN = '/login'

/** @param isFrontPage whether "/" on this host leads to the account page: it does unless an origin serves it */
export function hostedPages(isFrontPage: (hostname: string) => boolean): Hono<AppEnv> {
  const router = new Hono<AppEnv>()
  for (const path of ['/', PAGES_UNDER_AUTH]) {
    router.route(path, loginPages())
    router.route(path, accountPages())
  }
  router.route('/', languagePages())
  router.get('/', async (c, next) =>
    isFrontPage(hostNameOf(new URL(c.req.url))) ? c.redirect('/account', 303) : next(),
  )
  return router
}

/** The language switch, which every page has. */
function languagePages(): Hono<AppEnv> {
  const router = new Hono<AppEnv>()
  router.onError(showError)
  router.get('/language', (c) => c.redirect(LOGIN, 303))
  router.post('/language', sameOriginForm, (c) => {
    const field = formFieldsOf(c)
    const language = LANGUAGES.find((tag) => tag === field('language'))
    if (language === undefined) throw new ServiceError('invalid_request')
    setLanguageCookie(c, language)
    return c.redirect(readBack(field('back'), c.get('ctx').services.config.deployment.publicUrl), 303)
  })
  return router
}

/** @returns the path of the page, without `ui_locales`, which would override the choice; the login page if it is no page of this host */
function readBack(text: string, publicUrl: string): string {
  const url = URL.parse(text, publicUrl)
  if (!text.startsWith('/') || url?.origin !== publicUrl || !isPage(url.pathname)) return LOGIN
  url.searchParams.delete('ui_locales')
  return url.pathname + url.search
}

function isPage(path: string): boolean {
  return isHostedPage(path) || path.startsWith('/errors/')
}

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

/** @param hosts of the gateway, in the form of `URL.hostname` */
export function refuseOnGatewayHosts(hosts: ReadonlySet<string>) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const isGatewayHost = hosts.has(hostNameOf(new URL(c.req.url)))
    if (isGatewayHost && isHostedPage(c.req.path)) throw new ServiceError('not_found')
    await next()
  })
}

function isHostedPage(path: string): boolean {
  const hasPageSegment = PAGE_SEGMENTS.has(path.split('/')[1] ?? '')
  return hasPageSegment || path.startsWith(`${PAGES_UNDER_AUTH}/`) || PAGE_PATHS.has(path)
}
