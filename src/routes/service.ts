/** Describes the service itself: its health, its public keys (RFC 7517) and its OpenAPI document. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { etag, RETAINED_304_HEADERS } from 'hono/etag'
import { checkHealth } from '../actions/admin/maintain.ts'
import { sha256, toBase64Url, utf8 } from '../crypto/bytes.ts'
import type { AppEnv } from '../http/context.ts'
import { createRouter, jsonResponse, problem } from '../http/route.ts'

export function healthRoutes() {
  const router = createRouter()
  router.openapi(
    createRoute({
      method: 'get',
      path: '/healthz',
      summary: 'Check whether the service is available',
      responses: {
        200: jsonResponse('The service is available', z.object({ status: z.literal('ok') })),
        default: problem,
      },
    }),
    async (c) => {
      await checkHealth(c.get('ctx'))
      return c.json({ status: 'ok' as const }, 200)
    },
  )
  return router
}

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
  /** The last document and its ETag. It changes when the keys do, every few weeks. */
  let tagged = { text: '', etag: '' }
  router.openapi(
    createRoute({
      method: 'get',
      path: '/.well-known/jwks.json',
      summary: 'Get the keys that verify access tokens',
      middleware: [etag({ retainedHeaders: [...RETAINED_304_HEADERS, 'Access-Control-Allow-Origin'] })],
      responses: {
        200: jsonResponse('The key set', jwks),
        304: { description: 'Not modified' },
        default: problem,
      },
    }),
    async (c) => {
      const ctx = c.get('ctx')
      const text = JSON.stringify({ keys: await ctx.services.signingKeys.published(ctx) })
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

/** @param app all declared routes must be mounted on it before the first request for the document */
export function openApiRoute(app: OpenAPIHono<AppEnv>, publicUrl: string): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
  })
  app.openAPIRegistry.registerComponent('securitySchemes', 'basic', { type: 'http', scheme: 'basic' })
  app.get('/openapi.json', (c) =>
    c.json(
      app.getOpenAPI31Document({
        openapi: '3.1.0',
        info: { title: 'Gatehouse', version: '1', description: 'Accounts, sessions and tokens at the edge.' },
        servers: [{ url: publicUrl }],
      }),
    ),
  )
}
