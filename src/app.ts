/** The wiring of the service: middleware in order, routes in order, and the handling of errors. */
import { Hono } from 'hono'
import { methodNotAllowed } from 'hono/method-not-allowed'
import { apiRoutes } from './api.ts'
import type { Config, Misconfigured } from './config/read-config.ts'
import { ServiceError } from './errors/service-error.ts'
import { gatewayRoutes } from './gateway/forward.ts'
import { FORWARD_AUTH_PATH, forwardAuthRoutes } from './gateway/forward-auth.ts'
import { OriginTokens } from './gateway/origin-tokens.ts'
import { leadsToOrigin, servedRoute } from './gateway/origins.ts'
import type { AppContext, AppEnv } from './http/context.ts'
import { errorResponse } from './http/error-response.ts'
import { cors } from './http/middleware/cors.ts'
import { loopbackHostsOnly, refuseMalformedHost } from './http/middleware/host.ts'
import { provideContext } from './http/middleware/provide-context.ts'
import { requestLog } from './http/middleware/request-log.ts'
import { mount } from './http/route.ts'
import { errorPages, requestsPage, showNotFound } from './pages/error-pages.tsx'
import { componentGallery } from './pages/gallery.tsx'
import { hostedPages, refuseOnGatewayHosts } from './pages/hosted-pages.ts'
import { serveOpenApi } from './routes/service.ts'
import { log } from './runtime/log.ts'
import type { Services } from './services.ts'
import { isLoopbackHost } from './verify/loopback.ts'

export function createApp(config: Config, services: Services): Hono<AppEnv> {
  const { deployment, pages, gateway } = config
  const isFrontPage = (hostname: string) =>
    !gateway.hosts.has(hostname) && servedRoute(gateway, '/', hostname) === null
  const app = new Hono<AppEnv>()

  app.use(requestLog(deployment.publicUrl))
  app.use(refuseMalformedHost)
  if (deployment.development) app.use(loopbackHostsOnly)
  app.use(provideContext(services))
  // Before CORS, so that no page of another origin can read the hosted pages.
  if (pages.enabled) app.use(refuseOnGatewayHosts(gateway.hosts)).route('/', hostedPages(isFrontPage))
  if (pages.enabled && deployment.development) app.route('/', componentGallery())
  app.use(
    cors({
      allowedOrigins: deployment.corsOrigins,
      forwardAuthPath: FORWARD_AUTH_PATH,
      leadsToOrigin: (path) => leadsToOrigin(gateway, path),
    }),
  )
  mountRoutes(app, config)
  handleErrors(app, deployment.publicUrl)
  return app
}

function mountRoutes(app: Hono<AppEnv>, { deployment, accounts, gateway }: Config): void {
  const originTokens = new OriginTokens()
  mount(app, apiRoutes(accounts))
  app.route('/', forwardAuthRoutes(gateway, originTokens))
  app.route('/', errorPages())
  serveOpenApi(app, deployment.publicUrl)
  // Last, since it may have a route for any path that is not the service's own.
  app.route('/', gatewayRoutes(gateway, deployment, originTokens))
}

function handleErrors(app: Hono<AppEnv>, publicUrl: string): void {
  const checkOtherMethods = methodNotAllowed({
    app,
    onMethodNotAllowed: (c, methods) => {
      const response = errorResponse(c, new ServiceError('method_not_allowed'), publicUrl)
      response.headers.set('Allow', methods.join(', '))
      return response
    },
  })
  const notFound = (c: AppContext) =>
    requestsPage(c) ? showNotFound(c) : errorResponse(c, new ServiceError('not_found'), publicUrl)
  app.notFound(async (c) => {
    await checkOtherMethods(c, async () => {
      c.res = await notFound(c)
    })
    return c.res
  })
  app.onError((error, c) =>
    isNotFound(error) && requestsPage(c) ? showNotFound(c) : errorResponse(c, error, publicUrl),
  )
}

function isNotFound(error: unknown): boolean {
  return error instanceof ServiceError && error.code === 'not_found'
}

const SETUP_HINT =
  'Run `npm run dev` once: it creates the missing settings and the local database. After that, `npx wrangler dev` works too.'

/**
 * Responds 503 to every request and logs what is wrong with the configuration. The response says how to set the service up
 * only if it looks like a fresh clone on a loopback host.
 */
export function createMisconfiguredApp({ problems, publicUrl, isNotSetUp }: Misconfigured): Hono<AppEnv> {
  const app = new Hono<AppEnv>()
  app.use(requestLog(publicUrl))
  app.use(refuseMalformedHost)
  app.all('*', (c) => {
    c.header('Vary', 'Origin')
    const isLoopback = isLoopbackHost(URL.parse(c.req.url)?.hostname ?? '')
    const members = isNotSetUp && isLoopback ? { detail: SETUP_HINT } : {}
    log('error', 'misconfigured', { request_id: c.get('requestId'), problems, ...members })
    return errorResponse(c, new ServiceError('misconfigured', members), publicUrl)
  })
  app.onError((error, c) => errorResponse(c, error, publicUrl))
  return app
}
