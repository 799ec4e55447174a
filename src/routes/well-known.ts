/** The service's public keys (RFC 7517). */
import { createRoute, z } from '@hono/zod-openapi'
import { etag, RETAINED_304_HEADERS } from 'hono/etag'
import { createRouter, jsonAnswer, problem } from '../http/declare.ts'

const jwks = z
  .object({
    keys: z.array(
      z
        .looseObject({ kty: z.string(), use: z.literal('sig'), alg: z.string(), kid: z.string() })
        .openapi('Jwk'),
    ),
  })
  .openapi('Jwks')

export function wellKnownRoutes() {
  const router = createRouter()
  router.openapi(
    createRoute({
      method: 'get',
      path: '/.well-known/jwks.json',
      summary: 'The keys that verify access tokens',
      middleware: [etag({ retainedHeaders: [...RETAINED_304_HEADERS, 'Access-Control-Allow-Origin'] })],
      responses: {
        200: jsonAnswer('The key set', jwks),
        304: { description: 'Not modified' },
        default: problem,
      },
    }),
    async (c) => {
      const { signingKeys, nowMs } = c.get('services')
      const keys = await signingKeys.published(nowMs)
      c.header('Cache-Control', 'public, max-age=300')
      c.header('Access-Control-Allow-Origin', '*')
      return c.json({ keys }, 200)
    },
  )
  return router
}
