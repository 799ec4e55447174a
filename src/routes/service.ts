/** Describes the service itself: its health, its public keys (RFC 7517) and its OpenAPI document. */
import type { Hono } from 'hono'
import { etag, RETAINED_304_HEADERS } from 'hono/etag'
import openApi from '../../dist/openapi.txt'
import { checkHealth } from '../actions/admin/maintain.ts'
import { sha256, toBase64Url, utf8 } from '../crypto/bytes.ts'
import type { AppEnv } from '../http/context.ts'
import { type Route, route } from '../http/route.ts'

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

/** Serves the public keys (RFC 7517). */
export function keySetRoute(): Route {
  /** The last document and its ETag. It changes when the keys do, every few weeks. */
  let tagged = { text: '', etag: '' }
  return route(
    {
      method: 'get',
      path: '/.well-known/jwks.json',
      operationId: 'getKeySet',
      tag: 'Tokens',
      summary: 'Get the keys that verify access tokens',
      middleware: [etag({ retainedHeaders: [...RETAINED_304_HEADERS, 'Access-Control-Allow-Origin'] })],
      responses: {
        200: { description: 'The key set', schema: 'Jwks', headers: ['ETag'] },
        304: { description: 'Not modified', headers: ['ETag'] },
      },
    },
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
}

/** Serves the document that the build makes from the declared operations. */
export function serveOpenApi(router: Hono<AppEnv>, publicUrl: string): void {
  router.get('/openapi.json', (c) => c.json({ ...JSON.parse(openApi), servers: [{ url: publicUrl }] }))
}
