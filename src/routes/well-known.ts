/** The service's public keys (RFC 7517). */
import { createRoute, z } from '@hono/zod-openapi'
import { etag, RETAINED_304_HEADERS } from 'hono/etag'
import { sha256, toBase64Url, utf8 } from '../crypto/bytes.ts'
import { createRouter, jsonResponse, problem } from '../http/route.ts'

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
  /** The document of the last answer: another one comes with another key, every few weeks. */
  let tagged = { text: '', etag: '' }
  router.openapi(
    createRoute({
      method: 'get',
      path: '/.well-known/jwks.json',
      summary: 'The keys that verify access tokens',
      middleware: [etag({ retainedHeaders: [...RETAINED_304_HEADERS, 'Access-Control-Allow-Origin'] })],
      responses: {
        200: jsonResponse('The key set', jwks),
        304: { description: 'Not modified' },
        default: problem,
      },
    }),
    async (c) => {
      const { signingKeys, nowMs } = c.get('services')
      const text = JSON.stringify({ keys: await signingKeys.published(nowMs) })
      if (text !== tagged.text) tagged = { text, etag: `"${toBase64Url(await sha256(utf8(text)))}"` }
      return new Response(text, {
        headers: {
          'Content-Type': 'application/json',
          'Cache-Control': 'public, max-age=300',
          'Access-Control-Allow-Origin': '*',
          ETag: tagged.etag,
        },
      })
    },
  )
  return router
}
