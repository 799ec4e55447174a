/** Describes the service itself: its health, its public keys (RFC 7517) and its OpenAPI document. */
import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi'
import { checkHealth } from '../actions/admin/maintain.ts'
import { sha256, toBase64Url, utf8 } from '../crypto/bytes.ts'
import type { AppEnv } from '../http/context.ts'
import { matchesETag } from '../http/etag.ts'
import { createRouter, jsonResponse, problem } from '../http/route.ts'
import type { PublishedKey } from '../tokens/signing-keys.ts'

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

interface KeySetDocument {
  readonly keys: readonly PublishedKey[]
  readonly text: string
  readonly etag: string
}

const KEY_SET_HEADERS = { 'Cache-Control': 'public, max-age=300', 'Access-Control-Allow-Origin': '*' }

async function toDocument(keys: readonly PublishedKey[]): Promise<KeySetDocument> {
  const jwks = keys.map(({ publicJwk, kid, alg }) => ({ ...publicJwk, kid, alg, use: 'sig' }))
  const text = JSON.stringify({ keys: jwks })
  return { keys, text, etag: `"${toBase64Url(await sha256(utf8(text)))}"` }
}

export function wellKnownRoutes() {
  const router = createRouter()
  /** The last document and its ETag. It changes when the keys do, every few weeks. */
  let last: KeySetDocument | null = null
  router.openapi(
    createRoute({
      method: 'get',
      path: '/.well-known/jwks.json',
      summary: 'Get the keys that verify access tokens',
      responses: {
        200: jsonResponse('The key set', jwks),
        304: { description: 'Not modified' },
        default: problem,
      },
    }),
    async (c) => {
      const ctx = c.get('ctx')
      const keys = await ctx.services.signingKeys.published(ctx)
      const document = last?.keys === keys ? last : await toDocument(keys)
      last = document
      const { text, etag } = document
      const headers = { ...KEY_SET_HEADERS, ETag: etag }
      if (matchesETag(c.req.header('If-None-Match'), etag))
        return new Response(null, { status: 304, headers })
      return new Response(text, { headers: { ...headers, 'Content-Type': 'application/json' } })
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
