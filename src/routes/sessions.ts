/** Sessions: log in, refresh, log out, list, end. */
import * as z from 'zod/mini'
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
import { BEARER, PASSWORD_ERRORS, type Route, route } from '../http/route.ts'
import { parseScope } from '../tokens/claims.ts'
import { toSessions, toTokenResponse } from './representations.ts'
import {
  endSessionsQuery,
  endSessionsRequest,
  loginRequest,
  logoutRequest,
  refreshRequest,
} from './requests.ts'

const login = route(
  {
    method: 'post',
    path: '/auth/login',
    operationId: 'logIn',
    tag: 'Sessions',
    summary: 'Log in',
    middleware: jsonBody,
    request: { json: loginRequest },
    responses: { 200: { description: 'Logged in', schema: 'TokenResponse' } },
    errors: [...PASSWORD_ERRORS, 'origin_not_allowed'],
  },
  async (c, { json: { identifier, password, scope, challenge, transport } }) => {
    if (transport === 'cookie') refuseForeignOrigin(c)
    const requestedScope = scope === undefined ? null : parseScope(scope)
    const request = { identifier, password, scope: requestedScope, challenge, transport }
    const tokens = await logIn(c.get('ctx'), request)
    await endReplacedSession(c, tokens)
    return c.json(toTokenResponse(c, tokens))
  },
)

const refreshing = route(
  {
    method: 'post',
    path: '/auth/refresh',
    operationId: 'refreshTokens',
    tag: 'Sessions',
    summary: 'Exchange a refresh token for fresh tokens',
    description:
      'Without a body, the cookie is used. Its request needs a configured Origin and the header X-Gatehouse-CSRF: 1.',
    middleware: refreshBody,
    request: { json: refreshRequest },
    bodyIsOptional: true,
    responses: { 200: { description: 'Refreshed', schema: 'TokenResponse' } },
    errors: ['invalid_refresh_token', 'refresh_token_reused', 'origin_not_allowed'],
  },
  async (c, { json: { refresh_token } }) => {
    const tokens = await refresh(c.get('ctx'), refresh_token)
    return c.json(toTokenResponse(c, tokens))
  },
)

const logout = route(
  {
    method: 'post',
    path: '/auth/logout',
    operationId: 'logOut',
    tag: 'Sessions',
    summary: 'End the session of a refresh token or, without one, of the Bearer token',
    security: [{}, ...BEARER],
    middleware: logOutBody,
    request: { json: logoutRequest },
    bodyIsOptional: true,
    responses: { 204: { description: 'Logged out' } },
    errors: ['origin_not_allowed'],
  },
  async (c, { json: { refresh_token } }) => {
    if (refresh_token === undefined) {
      await authenticateRequest(c)
      await logOut(accountContext(c))
      clearCookieOf(c, accountContext(c).actor)
    } else {
      await logOutByRefreshToken(c.get('ctx'), refresh_token)
    }
    if (c.get('tokenFromCookie')) clearRefreshCookie(c)
    return c.body(null, 204)
  },
)

const list = route(
  {
    method: 'get',
    path: '/auth/sessions',
    operationId: 'listSessions',
    tag: 'Sessions',
    summary: 'List the active sessions, last used first',
    security: BEARER,
    middleware: [requireBearer],
    responses: { 200: { description: 'The sessions', schema: 'Sessions' } },
  },
  async (c) => {
    const { session } = accountContext(c).actor
    return c.json(toSessions(await listSessions(accountContext(c)), session.id))
  },
)

const endAll = route(
  {
    method: 'delete',
    path: '/auth/sessions',
    operationId: 'endSessions',
    tag: 'Sessions',
    summary: 'End all sessions, including this one, or all others',
    description: 'Needs current_password, or a login within the last 15 minutes.',
    security: BEARER,
    middleware: bearerAndOptionalJsonBody,
    request: { query: endSessionsQuery, json: endSessionsRequest },
    bodyIsOptional: true,
    responses: { 204: { description: 'Ended' } },
    errors: [...PASSWORD_ERRORS, 'insufficient_user_authentication'],
  },
  async (c, { query: { except }, json }) => {
    await endAllSessions(accountContext(c), toEndSessionsRequest(json), except)
    if (except === undefined) clearCookieOf(c, accountContext(c).actor)
    return c.body(null, 204)
  },
)

const end = route(
  {
    method: 'delete',
    path: '/auth/sessions/{id}',
    operationId: 'endSession',
    tag: 'Sessions',
    summary: 'End one session, this one or another',
    description:
      'Needs current_password, or a login within the last 15 minutes. A session needs neither to end itself.',
    security: BEARER,
    middleware: bearerAndOptionalJsonBody,
    request: { params: z.object({ id: z.string() }), json: endSessionsRequest },
    bodyIsOptional: true,
    responses: { 204: { description: 'Ended' } },
    errors: [...PASSWORD_ERRORS, 'insufficient_user_authentication', 'not_found'],
  },
  async (c, { params: { id }, json }) => {
    await endSession(accountContext(c), toEndSessionsRequest(json), id)
    if (id === accountContext(c).actor.session.id) clearCookieOf(c, accountContext(c).actor)
    return c.body(null, 204)
  },
)

export const SESSION_ROUTES: readonly Route[] = [login, refreshing, logout, list, endAll, end]

function toEndSessionsRequest({
  current_password,
  challenge,
}: z.infer<typeof endSessionsRequest>): EndSessionsRequest {
  return { password: current_password, challenge }
}
