/** Whether the service can serve: it reads D1. */
import { createRoute, z } from '@hono/zod-openapi'
import { checkHealth } from '../actions/admin/check-health.ts'
import { createRouter, jsonResponse, problem } from '../http/route.ts'

export function healthRoutes() {
  const router = createRouter()
  router.openapi(
    createRoute({
      method: 'get',
      path: '/healthz',
      summary: 'Whether the service can serve',
      responses: { 200: jsonResponse('It can', z.object({ status: z.literal('ok') })), default: problem },
    }),
    async (c) => {
      await checkHealth(c.get('services'))
      return c.json({ status: 'ok' as const }, 200)
    },
  )
  return router
}
