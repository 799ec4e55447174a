/** Signing keys: get them, rotate them, and remove one that leaked. */
import { createRoute, z } from '@hono/zod-openapi'
import { getKeys, type ManagedKey, removeKey, rotateKeys } from '../../actions/admin/manage-keys.ts'
import { requireAdmin } from '../../http/middleware/authenticate.ts'
import { toDateTime } from '../../http/representations.ts'
import { BEARER, createRouter, jsonResponse, problem } from '../../http/route.ts'
import { dateTime } from '../representations.ts'

const keysResponse = z
  .object({
    keys: z.array(
      z.object({
        kid: z.string(),
        alg: z.string(),
        state: z.enum(['next', 'signing', 'retired']),
        created_at: dateTime,
        signs_from: dateTime,
        verifies_until: dateTime.nullable(),
      }),
    ),
  })
  .openapi('SigningKeys')

const getRoute = createRoute({
  method: 'get',
  path: '/admin/keys',
  summary: 'Get the signing keys',
  security: BEARER,
  middleware: [requireAdmin],
  responses: { 200: jsonResponse('The keys', keysResponse), default: problem },
})

const rotateRoute = createRoute({
  method: 'post',
  path: '/admin/keys/rotate',
  summary: 'Start to sign with the next key within ten minutes',
  security: BEARER,
  middleware: [requireAdmin],
  responses: {
    202: jsonResponse('The keys, with the time from which the next one signs', keysResponse),
    default: problem,
  },
})

const removeRoute = createRoute({
  method: 'delete',
  path: '/admin/keys/{kid}',
  summary: 'Remove a key that leaked; its tokens become invalid',
  security: BEARER,
  middleware: [requireAdmin],
  request: { params: z.object({ kid: z.string() }) },
  responses: { 204: { description: 'Removed, everywhere within 60 seconds' }, default: problem },
})

export function keysRoutes() {
  const router = createRouter()

  router.openapi(getRoute, async (c) => c.json(toKeys(await getKeys(c.get('ctx'))), 200))

  router.openapi(rotateRoute, async (c) => {
    await rotateKeys(c.get('ctx'))
    return c.json(toKeys(await getKeys(c.get('ctx'))), 202)
  })

  router.openapi(removeRoute, async (c) => {
    await removeKey(c.get('ctx'), c.req.valid('param').kid)
    return c.body(null, 204)
  })

  return router
}

function toKeys(keys: readonly ManagedKey[]): z.infer<typeof keysResponse> {
  return {
    keys: keys.map(({ kid, alg, state, createdAt, signsFrom, verifiesUntil }) => ({
      kid,
      alg,
      state,
      created_at: toDateTime(createdAt * 1000),
      signs_from: toDateTime(signsFrom * 1000),
      verifies_until: verifiesUntil === null ? null : toDateTime(verifiesUntil * 1000),
    })),
  }
}
