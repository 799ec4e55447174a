/** For proxies that ask before they pass a request on: nginx, Traefik, Caddy, Envoy. */
import { createRoute, z } from '@hono/zod-openapi'
import { identify } from '../actions/identify.ts'
import { ServiceError } from '../errors.ts'
import { bearerToken } from '../http/bearer-token.ts'
import type { AppContext } from '../http/context.ts'
import { BEARER, createRouter, problem } from '../http/declare.ts'
import { identityHeaders } from '../http/identity-headers.ts'

export const FORWARD_AUTH_PATH = '/auth/verify'

const names = z.union([z.string(), z.array(z.string())]).optional()

export function forwardAuthRoutes() {
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
        }),
      },
      responses: {
        200: { description: 'It may pass: X-Auth-Subject and its kin say from whom.' },
        default: problem,
      },
    }),
  )
  // Proxies ask with the method of the request, and some put its path behind this one.
  for (const path of [FORWARD_AUTH_PATH, `${FORWARD_AUTH_PATH}/*`]) router.all(path, answer)
  return router
}

async function answer(c: AppContext): Promise<Response> {
  const token = bearerToken(c)
  if (token === null) throw new ServiceError('invalid_token')
  const named = (name: string) =>
    (c.req.queries(name) ?? []).flatMap((text) => text.split(' ')).filter(Boolean)
  const sessions = named('session')
  // Below the path the query may be that of the request that is asked about.
  if (c.req.path === FORWARD_AUTH_PATH && sessions.some((word) => word !== 'check')) {
    throw new ServiceError('invalid_request', {
      errors: [{ field: 'session', message: 'Must be "check", or left out.' }],
    })
  }
  const session = sessions.includes('check') ? 'check' : 'trust'
  const requirement = { session, roles: named('roles'), scope: named('scope') } as const
  const identity = await identify(c.get('services'), token, requirement)
  c.set('letThrough', true)
  return new Response(null, { headers: identityHeaders(identity) })
}
