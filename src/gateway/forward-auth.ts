/** Forward auth for proxies that authorize each request before they forward it: nginx, Traefik, Caddy, Envoy. */
import { Hono } from 'hono'
import * as z from 'zod/mini'
import { authorizeToken, type RequiredToken } from '../actions/session/authorize.ts'
import type { GatewayConfig } from '../config/gateway.ts'
import { ServiceError } from '../errors/service-error.ts'
import type { AppContext, AppEnv } from '../http/context.ts'
import { bearerToken } from '../http/credentials.ts'
import { BEARER, type Operation } from '../http/route.ts'
import { identityHeaders } from './headers.ts'
import type { OriginTokens } from './origin-tokens.ts'

export const FORWARD_AUTH_PATH = '/auth/verify'

const nameList = z.optional(z.union([z.string(), z.array(z.string())]))
const required = nameList
  .clone()
  .register(z.globalRegistry, { description: 'The required names, all of them, separated by spaces.' })

/** For OpenAPI. The query is not refused by its schema, since below the path it may be that of the request to be authorized. */
export const FORWARD_AUTH: Operation = {
  method: 'get',
  path: FORWARD_AUTH_PATH,
  operationId: 'authorizeRequest',
  tag: 'Tokens',
  summary: 'Authorize a request and identify its user',
  description: 'Any method and any path below this one are accepted, too.',
  security: BEARER,
  request: {
    query: z.object({
      roles: required,
      scope: required,
      session: nameList.clone().register(z.globalRegistry, {
        description: '"check" looks the session up, so that a logout takes effect at once.',
      }),
      exchange: z.optional(z.string()).register(z.globalRegistry, {
        description: 'An audience of FORWARD_AUDIENCES. The response then has a token for it.',
      }),
    }),
  },
  responses: {
    200: {
      description:
        'The request is authorized. X-Auth-Subject, X-Auth-Session, X-Auth-Roles and X-Auth-Scope identify its user.',
    },
  },
  errors: ['insufficient_scope'],
}

/** Authorizes a request for a proxy, which may also get a token that is only for the request's origin. */
export function forwardAuthRoutes({ forwardAudiences }: GatewayConfig, tokens: OriginTokens): Hono<AppEnv> {
  const router = new Hono<AppEnv>()
  // Proxies send the method of the request to be authorized, and some append its path to this one.
  for (const path of [FORWARD_AUTH_PATH, `${FORWARD_AUTH_PATH}/*`])
    router.all(path, (c) => authorizeRequest(c, exchangeAudience(c, forwardAudiences), tokens))
  return router
}

async function authorizeRequest(
  c: AppContext,
  audience: string | null,
  tokens: OriginTokens,
): Promise<Response> {
  const token = bearerToken(c)
  if (token === null) throw new ServiceError('invalid_token')
  const ctx = c.get('ctx')
  const identity = await authorizeToken(ctx, token, readRequirement(c))
  const headers = new Headers(identityHeaders(identity))
  if (audience !== null) {
    headers.set('Authorization', `Bearer ${await tokens.exchange(ctx, identity, audience)}`)
  }
  c.set('skipRequestLog', true)
  return new Response(null, { headers })
}

function readRequirement(c: AppContext): RequiredToken {
  const sessions = readWords(c, 'session')
  // Below the path, the query may be that of the request to be authorized.
  if (isExactPath(c) && sessions.some((word) => word !== 'check')) {
    throw new ServiceError('invalid_request', {
      errors: [{ field: 'session', message: 'Must be "check", or left out.' }],
    })
  }
  const session = sessions.includes('check') ? 'check' : 'trust'
  return { session, roles: readWords(c, 'roles'), scope: readWords(c, 'scope') }
}

/**
 * @returns the audience of the requested token; null if none is requested. Below the path the query is ignored, since the
 * requester may have written it
 * @throws {ServiceError} `invalid_token` for an audience that is not configured
 */
function exchangeAudience(c: AppContext, audiences: ReadonlySet<string>): string | null {
  const requested = isExactPath(c) ? (c.req.queries('exchange') ?? []) : []
  const [audience, another] = requested
  if (audience === undefined) return null
  if (another !== undefined || !audiences.has(audience)) throw new ServiceError('invalid_token')
  return audience
}

function isExactPath(c: AppContext): boolean {
  return c.req.path === FORWARD_AUTH_PATH
}

function readWords(c: AppContext, name: string): readonly string[] {
  return (c.req.queries(name) ?? []).flatMap((text) => text.split(' ')).filter(Boolean)
}
