/** For proxies that ask before they pass a request on: nginx, Traefik, Caddy, Envoy. */
import { createRoute, z } from '@hono/zod-openapi'
import { authorizeToken, type RequiredAccess } from '../actions/session/authorize.ts'
import type { GatewayConfig } from '../config/gateway.ts'
import { ServiceError } from '../errors/service-error.ts'
import type { AppContext } from '../http/context.ts'
import { bearerToken } from '../http/credentials.ts'
import { BEARER, createRouter, problem } from '../http/route.ts'
import { identityHeaders } from './headers.ts'
import type { OriginTokens } from './origin-tokens.ts'

export const FORWARD_AUTH_PATH = '/auth/verify'

const names = z.union([z.string(), z.array(z.string())]).optional()

/** Proxies ask here before they pass a request on, and may get a token for its origin alone. */
export function forwardAuthRoutes({ forwardAudiences }: GatewayConfig, tokens: OriginTokens) {
  const router = createRouter()
  router.openAPIRegistry.registerPath(
    createRoute({
      method: 'get',
      path: FORWARD_AUTH_PATH,
      summary: 'Say whether a request may pass, and whom it comes from',
      description: 'Any method will do, and any path below this one.',
      security: BEARER,
      request: {
        query: z.object({
          roles: names.openapi({ description: 'All that are needed, separated by spaces.' }),
          scope: names.openapi({ description: 'All that are needed, separated by spaces.' }),
          session: names.openapi({ description: '"check" looks the session up.' }),
          exchange: z.string().optional().openapi({
            description: 'An audience of FORWARD_AUDIENCES: the response then carries a token for it.',
          }),
        }),
      },
      responses: {
        200: {
          description:
            'It may pass: X-Auth-Subject, X-Auth-Session, X-Auth-Roles and X-Auth-Scope say from whom.',
        },
        default: problem,
      },
    }),
  )
  // Proxies ask with the method of the request, and some put its path behind this one.
  for (const path of [FORWARD_AUTH_PATH, `${FORWARD_AUTH_PATH}/*`])
    router.all(path, (c) => answer(c, exchangeAudience(c, forwardAudiences), tokens))
  return router
}

async function answer(c: AppContext, audience: string | null, tokens: OriginTokens): Promise<Response> {
  const token = bearerToken(c)
  if (token === null) throw new ServiceError('invalid_token')
  const services = c.get('services')
  const identity = await authorizeToken(services, token, requirementOf(c))
  const headers = new Headers(identityHeaders(identity))
  if (audience !== null) {
    headers.set('Authorization', `Bearer ${await tokens.exchange(services, identity, audience)}`)
  }
  c.set('skipRequestLog', true)
  return new Response(null, { headers })
}

function requirementOf(c: AppContext): RequiredAccess {
  const sessions = named(c, 'session')
  // Below the path the query may be that of the request that is asked about.
  if (isQuestionItself(c) && sessions.some((word) => word !== 'check')) {
    throw new ServiceError('invalid_request', {
      errors: [{ field: 'session', message: 'Must be "check", or left out.' }],
    })
  }
  const session = sessions.includes('check') ? 'check' : 'trust'
  return { session, roles: named(c, 'roles'), scope: named(c, 'scope') }
}

/**
 * @returns whom a token is asked for; null where none is. Below the path the client itself may have written the query
 * @throws {ServiceError} `invalid_token` for an audience that is not configured
 */
function exchangeAudience(c: AppContext, audiences: ReadonlySet<string>): string | null {
  const asked = isQuestionItself(c) ? (c.req.queries('exchange') ?? []) : []
  const [audience, another] = asked
  if (audience === undefined) return null
  if (another !== undefined || !audiences.has(audience)) throw new ServiceError('invalid_token')
  return audience
}

function isQuestionItself(c: AppContext): boolean {
  return c.req.path === FORWARD_AUTH_PATH
}

function named(c: AppContext, name: string): readonly string[] {
  return (c.req.queries(name) ?? []).flatMap((text) => text.split(' ')).filter(Boolean)
}
