/** Signing keys: get them, rotate them, and remove one that leaked. */
import * as z from 'zod/mini'
import { getKeys, type ManagedKey, removeKey, rotateKeys } from '../../actions/admin/manage-keys.ts'
import { requireAdmin } from '../../http/middleware/authenticate.ts'
import { ADMIN_ERRORS, BEARER, type Route, route } from '../../http/route.ts'
import { toDateTime } from '../../runtime/text.ts'
import type { Body } from '../responses.ts'

const shared = { tag: 'Administration', security: BEARER, middleware: [requireAdmin] } as const

const list = route(
  {
    ...shared,
    method: 'get',
    path: '/admin/keys',
    operationId: 'listSigningKeys',
    summary: 'Get the signing keys',
    responses: { 200: { description: 'The keys', schema: 'SigningKeys' } },
    errors: ADMIN_ERRORS,
  },
  async (c) => c.json(toKeys(await getKeys(c.get('ctx')))),
)

const rotate = route(
  {
    ...shared,
    method: 'post',
    path: '/admin/keys/rotate',
    operationId: 'rotateSigningKeys',
    summary: 'Start to sign with the next key within ten minutes',
    responses: {
      202: { description: 'The keys, with the time from which the next one signs', schema: 'SigningKeys' },
    },
    errors: ADMIN_ERRORS,
  },
  async (c) => {
    await rotateKeys(c.get('ctx'))
    return c.json(toKeys(await getKeys(c.get('ctx'))), 202)
  },
)

const remove = route(
  {
    ...shared,
    method: 'delete',
    path: '/admin/keys/{kid}',
    operationId: 'removeSigningKey',
    summary: 'Remove a key that leaked; its tokens become invalid',
    request: { params: z.object({ kid: z.string() }) },
    responses: { 204: { description: 'Removed, everywhere within 60 seconds' } },
    errors: [...ADMIN_ERRORS, 'not_found'],
  },
  async (c, { params: { kid } }) => {
    await removeKey(c.get('ctx'), kid)
    return c.body(null, 204)
  },
)

export const KEY_ROUTES: readonly Route[] = [list, rotate, remove]

function toKeys(keys: readonly ManagedKey[]): Body<'SigningKeys'> {
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
