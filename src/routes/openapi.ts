/** GET /openapi.json: the routes' own declarations as one document. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { AppEnv } from '../http/context.ts'

/** @param app with every declared route mounted */
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
