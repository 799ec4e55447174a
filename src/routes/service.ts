/** Describes the service itself: its health, its public keys (RFC 7517) and its OpenAPI document. */
import type { Hono } from 'hono'
import openApi from '../../dist/openapi.txt'
import { checkHealth } from '../actions/admin/maintain.ts'
import { sha256, toBase64Url, utf8 } from '../crypto/bytes.ts'
import type { AppEnv } from '../http/context.ts'
import { matchesETag } from '../http/etag.ts'
import { type Route, route } from '../http/route.ts'
import type { PublishedKey } from '../tokens/signing-keys.ts'

export const HEALTH_ROUTE: Route = route(
  {
    method: 'get',
    path: '/healthz',
    operationId: 'checkHealth',
    tag: 'Service',
    summary: 'Check whether the service is available',
    responses: { 200: { description: 'The service is available', schema: 'Health' } },
  },
  async (c) => {
    await checkHealth(c.get('ctx'))
    return c.json({ status: 'ok' })
  },
)

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

/** Serves the public keys (RFC 7517). */
export function keySetRoute(): Route {
  /** The last document and its ETag. It changes when the keys do, every few weeks. */
  let last: KeySetDocument | null = null
  return route(
    {
      method: 'get',
      path: '/.well-known/jwks.json',
      operationId: 'getKeySet',
      tag: 'Tokens',
      summary: 'Get the keys that verify access tokens',
      responses: {
        200: { description: 'The key set', schema: 'Jwks', headers: ['ETag'] },
        304: { description: 'Not modified', headers: ['ETag'] },
      },
    },
    async (c) => {
      const ctx = c.get('ctx')
      const keys = await ctx.services.signingKeys.published(ctx)
      const document = last?.keys === keys ? last : await toDocument(keys)
      last = document
      const { text, etag } = document
      const headers = { ...KEY_SET_HEADERS, ETag: etag }
      c.set('skipRequestLog', true)
      if (matchesETag(c.req.header('If-None-Match'), etag))
        return new Response(null, { status: 304, headers })
      return new Response(text, { headers: { ...headers, 'Content-Type': 'application/json' } })
    },
  )
}

/** Serves the document that the build makes from the declared operations. */
export function serveOpenApi(router: Hono<AppEnv>, publicUrl: string): void {
  router.get('/openapi.json', (c) => c.json({ ...JSON.parse(openApi), servers: [{ url: publicUrl }] }))
}
