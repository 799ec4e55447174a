/** Accounts and their sessions as an operator gets, changes and ends them. */
import { createRoute, z } from '@hono/zod-openapi'
import type { AccountProfile, Json } from '../../accounts/account.ts'
import { endAccountSessions, getAccount, manageAccount } from '../../actions/admin/manage-account.ts'
import { endEverySession } from '../../actions/admin/manage-settings.ts'
import { isId } from '../../crypto/ids.ts'
import type { AppContext } from '../../http/context.ts'
import { requireAdmin } from '../../http/middleware/authenticate.ts'
import { adminAndJsonBody } from '../../http/middleware/bodies.ts'
import { BEARER, createRouter, jsonRequest, jsonResponse, problem } from '../../http/route.ts'
import { SCOPE } from '../../runtime/text.ts'
import { claimProblems } from '../../tokens/claims.ts'
import { toUser, userResponse, uuid } from '../representations.ts'

const nameList = z
  .array(z.string({ error: 'Must be a string.' }).regex(SCOPE, 'Must be 1 to 64 of A-Z a-z 0-9 : . _ -'), {
    error: 'Must be a list.',
  })
  .transform((given) => [...new Set(given)])
  .openapi({ type: 'array', items: { type: 'string', pattern: SCOPE.source } })

/** Not z.record, which drops some names without an error. */
const claims = z
  .custom<Record<string, Json>>(isObject, 'Must be an object.')
  .superRefine((given, context) => {
    for (const message of claimProblems(given)) context.addIssue({ code: 'custom', message })
  })
  .openapi({
    type: 'object',
    description: 'The claims of access tokens in addition to those of the service itself.',
  })

const userChange = z
  .strictObject({
    disabled: z.boolean({ error: 'Must be true or false.' }).optional(),
    roles: nameList.optional(),
    scopes: nameList.optional(),
    claims: claims.optional(),
  })
  .openapi('UserChange', { description: 'Each given field replaces that of the account.' })

const managedUser = userResponse.extend({ disabled: z.boolean() }).openapi('ManagedUser')

const params = z.object({ id: uuid })

const getRoute = createRoute({
  method: 'get',
  path: '/admin/users/{id}',
  summary: 'Get an account',
  security: BEARER,
  middleware: [requireAdmin],
  request: { params },
  responses: { 200: jsonResponse('The account', managedUser), default: problem },
})

const changeRoute = createRoute({
  method: 'patch',
  path: '/admin/users/{id}',
  summary: 'Disable an account or enable it again, and grant roles, scopes and claims',
  security: BEARER,
  middleware: adminAndJsonBody,
  request: { params, body: jsonRequest(userChange) },
  responses: { 200: jsonResponse('The account', managedUser), default: problem },
})

const endSessionsRoute = createRoute({
  method: 'delete',
  path: '/admin/users/{id}/sessions',
  summary: 'End all sessions of an account',
  security: BEARER,
  middleware: [requireAdmin],
  request: { params },
  responses: { 204: { description: 'Ended' }, default: problem },
})

/** Ends the sessions of all accounts. */
const endAllSessionsRoute = createRoute({
  method: 'delete',
  path: '/admin/sessions',
  summary: 'End all sessions of all accounts, for example after a leak or a restore of the database',
  security: BEARER,
  middleware: [requireAdmin],
  responses: { 204: { description: 'Ended, everywhere within 30 seconds' }, default: problem },
})

export function usersRoutes() {
  const router = createRouter()

  router.openapi(getRoute, async (c) => {
    const profile = await getAccount(c.get('ctx'), accountIdOf(c))
    return c.json(toManagedUser(profile), 200)
  })

  router.openapi(changeRoute, async (c) => {
    const changes = c.req.valid('json')
    c.get('ctx').addToRequestLog({ fields: Object.keys(changes) })
    const profile = await manageAccount(c.get('ctx'), accountIdOf(c), changes)
    return c.json(toManagedUser(profile), 200)
  })

  router.openapi(endSessionsRoute, async (c) => {
    await endAccountSessions(c.get('ctx'), accountIdOf(c))
    return c.body(null, 204)
  })

  router.openapi(endAllSessionsRoute, async (c) => {
    await endEverySession(c.get('ctx'))
    return c.body(null, 204)
  })

  return router
}

/** @returns the account's id in the path, which is also logged if it is well-formed */
function accountIdOf(c: AppContext): string {
  const id = c.req.param('id') ?? ''
  if (isId(id)) c.get('ctx').addToRequestLog({ accountId: id })
  return id
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function toManagedUser(profile: AccountProfile): z.infer<typeof managedUser> {
  return { ...toUser(profile), disabled: profile.disabled }
}
