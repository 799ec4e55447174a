/** Sessions: log in, refresh, log out, list, end. */
import { createRoute, z } from '@hono/zod-openapi'
import { logIn } from '../actions/login/log-in.ts'
import {
  type EndSessionsRequest,
  endAllSessions,
  endSession,
  listSessions,
  logOut,
  logOutByRefreshToken,
} from '../actions/session/end-sessions.ts'
import { refresh } from '../actions/session/refresh.ts'
import { authenticateRequest, requireBearer } from '../http/middleware/authenticate.ts'
import { bearerAndOptionalJsonBody, jsonBody } from '../http/middleware/bodies.ts'
import { accountContext } from '../http/middleware/provide-context.ts'
import {
  clearCookieOf,
  clearRefreshCookie,
  endReplacedSession,
  logOutBody,
  refreshBody,
  refuseForeignOrigin,
} from '../http/refresh-cookie.ts'
import { BEARER, createRouter, jsonRequest, jsonResponse, problem } from '../http/route.ts'
import { parseScope } from '../tokens/claims.ts'
import { toSessions, toTokenResponse } from './representations.ts'
import {
  endSessionsQuery,
  endSessionsRequest,
  loginRequest,
  logoutRequest,
  refreshRequest,
  sessionsResponse,
  tokenResponse,
} from './schemas.ts'

const loginRoute = createRoute({
  method: 'post',
  path: '/auth/login',
  summary: 'Log in',
  middleware: jsonBody,
  request: { body: jsonRequest(loginRequest) },
  responses: { 200: jsonResponse('Logged in', tokenResponse), default: problem },
})

const refreshRoute = createRoute({
  method: 'post',
  path: '/auth/refresh',
  summary: 'Exchange a refresh token for fresh tokens',
  description:
    'Without a body, the cookie is used. Its request needs a configured Origin and the header X-Gatehouse-CSRF: 1.',
  middleware: refreshBody,
  request: { body: jsonRequest(refreshRequest, false) },
  responses: { 200: jsonResponse('Refreshed', tokenResponse), default: problem },
})

const logoutRoute = createRoute({
  method: 'post',
  path: '/auth/logout',
  summary: 'End the session of a refresh token or, without one, of the Bearer token',
  security: [{}, ...BEARER],
  middleware: logOutBody,
  request: { body: jsonRequest(logoutRequest, false) },
  responses: { 204: { description: 'Logged out' }, default: problem },
})

const listRoute = createRoute({
  method: 'get',
  path: '/auth/sessions',
  summary: 'List the active sessions, last used first',
  security: BEARER,
  middleware: [requireBearer],
  responses: { 200: jsonResponse('The sessions', sessionsResponse), default: problem },
})

const endAllRoute = createRoute({
  method: 'delete',
  path: '/auth/sessions',
  summary: 'End all sessions, including this one, or all others',
  description: 'Needs current_password, or a login within the last 15 minutes.',
  security: BEARER,
  middleware: bearerAndOptionalJsonBody,
  request: { query: endSessionsQuery, body: jsonRequest(endSessionsRequest, false) },
  responses: { 204: { description: 'Ended' }, default: problem },
})

const endRoute = createRoute({
  method: 'delete',
  path: '/auth/sessions/{id}',
  summary: 'End one session, this one or another',
  description:
    'Needs current_password, or a login within the last 15 minutes. A session needs neither to end itself.',
  security: BEARER,
  middleware: bearerAndOptionalJsonBody,
  request: {
    params: z.object({ id: z.string().openapi({ format: 'uuid' }) }),
    body: jsonRequest(endSessionsRequest, false),
  },
  responses: { 204: { description: 'Ended' }, default: problem },
})

type Router = ReturnType<typeof createRouter>

export function sessionRoutes() {
  const router = createRouter()
  addTokenRoutes(router)
  addSessionRoutes(router)
  return router
}

/** Login, refresh and logout. */
function addTokenRoutes(router: Router): void {
  router.openapi(loginRoute, async (c) => {
    const { identifier, password, scope, challenge, transport } = c.req.valid('json')
    if (transport === 'cookie') refuseForeignOrigin(c)
    const requestedScope = scope === undefined ? null : parseScope(scope)
    const tokens = await logIn(c.get('ctx'), {
      identifier,
      password,
      scope: requestedScope,
      challenge,
      transport,
    })
    await endReplacedSession(c, tokens)
    return c.json(toTokenResponse(c, tokens), 200)
  })

  router.openapi(refreshRoute, async (c) => {
    const tokens = await refresh(c.get('ctx'), c.req.valid('json').refresh_token)
    return c.json(toTokenResponse(c, tokens), 200)
  })

  router.openapi(logoutRoute, async (c) => {
    const { refresh_token } = c.req.valid('json')
    if (refresh_token === undefined) {
      await authenticateRequest(c)
      await logOut(accountContext(c))
      clearCookieOf(c, accountContext(c).actor)
    } else {
      await logOutByRefreshToken(c.get('ctx'), refresh_token)
    }
    if (c.get('tokenFromCookie')) clearRefreshCookie(c)
    return c.body(null, 204)
  })
}

/** The list of sessions, and how to end them. */
function addSessionRoutes(router: Router): void {
  router.openapi(listRoute, async (c) => {
    const activeSession = accountContext(c).actor
    const sessions = await listSessions(accountContext(c))
    return c.json(toSessions(sessions, activeSession.session.id), 200)
  })

  router.openapi(endAllRoute, async (c) => {
    const { except } = c.req.valid('query')
    await endAllSessions(accountContext(c), toEndSessionsRequest(c.req.valid('json')), except)
    if (except === undefined) clearCookieOf(c, accountContext(c).actor)
    return c.body(null, 204)
  })

  router.openapi(endRoute, async (c) => {
    const { id } = c.req.valid('param')
    await endSession(accountContext(c), toEndSessionsRequest(c.req.valid('json')), id)
    if (id === accountContext(c).actor.session.id) clearCookieOf(c, accountContext(c).actor)
    return c.body(null, 204)
  })
}

function toEndSessionsRequest({
  current_password,
  challenge,
}: z.infer<typeof endSessionsRequest>): EndSessionsRequest {
  return { password: current_password, challenge }
}
