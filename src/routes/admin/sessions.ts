/** The sessions of all accounts. */
import { createRoute } from '@hono/zod-openapi'
import { endEverySession } from '../../actions/admin/manage-settings.ts'
import { requireAdmin } from '../../http/middleware/authenticate.ts'
import { BEARER, createRouter, problem } from '../../http/route.ts'

const endRoute = createRoute({
  method: 'delete',
  path: '/admin/sessions',
  summary: 'End all sessions of all accounts, for example after a leak or a restore of the database',
  security: BEARER,
  middleware: [requireAdmin],
  responses: { 204: { description: 'Ended, everywhere within 30 seconds' }, default: problem },
})

export function allSessionsRoutes() {
  const router = createRouter()

  router.openapi(endRoute, async (c) => {
    await endEverySession(c.get('ctx'))
    return c.body(null, 204)
  })

  return router
}
