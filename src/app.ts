/** The whole service on one screen: middleware in order, routes, and what becomes of errors. */
import { Hono } from 'hono'
import { methodNotAllowed } from 'hono/method-not-allowed'
import type { GatewayConfig } from './config/gateway.ts'
import type { Config, Misconfigured } from './config/read-config.ts'
import { ServiceError } from './errors/service-error.ts'
import { gatewayTo } from './gateway/forward.ts'
import { FORWARD_AUTH_PATH, forwardAuthRoutes } from './gateway/forward-auth.ts'
import { OriginTokens } from './gateway/origin-tokens.ts'
import { leadsToOrigin, servedRoute } from './gateway/origins.ts'
import type { AppContext, AppEnv } from './http/context.ts'
import { errorResponse, faultResponse } from './http/error-response.ts'
import { cors } from './http/middleware/cors.ts'
import { hostNameOf, loopbackHostsOnly, refuseMalformedHost } from './http/middleware/host.ts'
import { provideServices } from './http/middleware/provide-services.ts'
import { requestLog } from './http/middleware/request-log.ts'
import { createRouter } from './http/route.ts'
import { accountPages } from './pages/account/account-routes.tsx'
import { errorPages, requestsPage, showNotFound } from './pages/error-pages.tsx'
import { refuseOnGatewayHosts } from './pages/hosted-pages.ts'
import { loginPages } from './pages/login/login-routes.tsx'
import { PAGES_UNDER_AUTH } from './pages/page-cookie.ts'
import { accountRoutes } from './routes/account.ts'
import { clientsRoutes } from './routes/admin/clients.ts'
import { keysRoutes } from './routes/admin/keys.ts'
import { limitsRoutes } from './routes/admin/limits.ts'
import { everySessionRoutes } from './routes/admin/sessions.ts'
import { usersRoutes } from './routes/admin/users.ts'
import { challengeRoutes } from './routes/challenge.ts'
import { oauthRoutes } from './routes/oauth/tokens.ts'
import { healthRoutes, openApiRoute, wellKnownRoutes } from './routes/service.ts'
import { sessionRoutes } from './routes/sessions.ts'
import { log } from './runtime/log.ts'
import type { SharedServices } from './services.ts'
import { isLoopbackHost } from './verify/loopback.ts'

export function createApp(
  { deployment, accounts, pages, gateway }: Config,
  shared: SharedServices,
): Hono<AppEnv> {
  const answer = (c: AppContext, error: ServiceError) => errorResponse(c, error, deployment.publicUrl)
  const originTokens = new OriginTokens()
  const passOn = gatewayTo(gateway, originTokens)
  const app = createRouter()

  app.use(requestLog(deployment.publicUrl))
  app.use(refuseMalformedHost)
  if (deployment.development) app.use(loopbackHostsOnly)
  app.use(provideServices(shared))
  // Before CORS: no page of another origin reads ours.
  if (pages.enabled) app.use(refuseOnGatewayHosts(gateway.hosts)).route('/', hostedPages(gateway))
  app.use(
    cors({
      allowedOrigins: deployment.corsOrigins,
      forwardAuthPath: FORWARD_AUTH_PATH,
      leadsToOrigin: (path) => leadsToOrigin(gateway, path),
    }),
  )

  app.route('/', accountRoutes(accounts))
  app.route('/', sessionRoutes())
  app.route('/', challengeRoutes())
  app.route('/', limitsRoutes(accounts))
  app.route('/', keysRoutes())
  app.route('/', usersRoutes())
  app.route('/', everySessionRoutes())
  app.route('/', clientsRoutes())
  app.route('/', oauthRoutes())
  app.route('/', forwardAuthRoutes(gateway, originTokens))
  app.route('/', wellKnownRoutes())
  app.route('/', healthRoutes())
  app.route('/', errorPages())
  openApiRoute(app, deployment.publicUrl)

  const otherMethods = methodNotAllowed({
    app,
    onMethodNotAllowed: (c, methods) => refuseMethod(answer, c, methods),
  })
  app.notFound(async (c) => {
    const passed = await passOn(c)
    if (passed !== null) return passed
    await otherMethods(c, async () => {
      c.res = requestsPage(c) ? await showNotFound(c) : answer(c, new ServiceError('not_found'))
    })
    return c.res
  })
  app.onError((error, c) =>
    isNotFound(error) && requestsPage(c) ? showNotFound(c) : faultResponse(c, error, deployment.publicUrl),
  )
  return app
}

/** The front page is the account's, unless an origin has it. */
function hostedPages(gateway: GatewayConfig): Hono<AppEnv> {
  const router = new Hono<AppEnv>()
  for (const path of ['/', PAGES_UNDER_AUTH]) {
    router.route(path, loginPages())
    router.route(path, accountPages())
  }
  router.get('/', async (c, next) => {
    const host = hostNameOf(c)
    const ours = !gateway.hosts.has(host) && servedRoute(gateway, '/', host) === null
    return ours ? c.redirect('/account', 303) : next()
  })
  return router
}

const SET_UP =
  'Run `npm run dev` once: it creates the missing settings and the local database. After that, `npx wrangler dev` works too.'

/** Answers 503 to everything and says in the log what to mend; in the answer only to somebody who has just cloned it. */
export function createMisconfiguredApp({ problems, publicUrl, isNotSetUp }: Misconfigured): Hono<AppEnv> {
  const app = new Hono<AppEnv>()
  app.use(requestLog(publicUrl))
  app.use(refuseMalformedHost)
  app.all('*', (c) => {
    c.header('Vary', 'Origin')
    const members =
      isNotSetUp && isLoopbackHost(URL.parse(c.req.url)?.hostname ?? '') ? { detail: SET_UP } : {}
    log('error', 'misconfigured', { request_id: c.get('requestId'), problems, ...members })
    return errorResponse(c, new ServiceError('misconfigured', members), publicUrl)
  })
  app.onError((error, c) => faultResponse(c, error, publicUrl))
  return app
}

function isNotFound(error: unknown): boolean {
  return error instanceof ServiceError && error.code === 'not_found'
}

function refuseMethod(
  answer: (c: AppContext, error: ServiceError) => Response,
  c: AppContext,
  methods: string[],
): Response {
  const response = answer(c, new ServiceError('method_not_allowed'))
  response.headers.set('Allow', methods.join(', '))
  return response
}
