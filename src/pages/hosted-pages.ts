/** The hosted pages as a whole: their routes, and the hosts that must not serve them. */
import { Hono } from 'hono'
import { createMiddleware } from 'hono/factory'
import { ServiceError } from '../errors/service-error.ts'
import type { AppEnv } from '../http/context.ts'
import { hostNameOf } from '../http/middleware/host.ts'
import { accountPages } from './account/account-routes.tsx'
import { showError } from './error-pages.tsx'
import { formFieldsOf, sameOriginForm } from './form.ts'
import { setLanguageCookie } from './language.ts'
import { loginPages } from './login/login-routes.tsx'
import { registrationPages } from './login/register-routes.tsx'
import { isHostedPage, isPage, PAGES_UNDER_AUTH } from './page-paths.ts'

const LOGIN = '/login'

/** @param isFrontPage whether "/" on this host leads to the account page: it does unless an origin serves it */
export function hostedPages(isFrontPage: (hostname: string) => boolean): Hono<AppEnv> {
  const router = new Hono<AppEnv>()
  for (const path of ['/', PAGES_UNDER_AUTH]) {
    router.route(path, loginPages())
    router.route(path, registrationPages())
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
    const language = c.get('ctx').services.config.pages.languages.find((tag) => tag === field('language'))
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

/** @param hosts of the gateway, in the form of `URL.hostname` */
export function refuseOnGatewayHosts(hosts: ReadonlySet<string>) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const isGatewayHost = hosts.has(hostNameOf(new URL(c.req.url)))
    if (isGatewayHost && isHostedPage(c.req.path)) throw new ServiceError('not_found')
    await next()
  })
}
