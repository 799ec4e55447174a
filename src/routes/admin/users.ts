/** Accounts and their sessions as an operator gets, changes and ends them. */
import * as z from 'zod/mini'
import type { AccountProfile, Json } from '../../accounts/account.ts'
import { endAccountSessions, getAccount, manageAccount } from '../../actions/admin/manage-account.ts'
import { endEverySession } from '../../actions/admin/manage-settings.ts'
import { isId } from '../../crypto/ids.ts'
import type { AppContext } from '../../http/context.ts'
import { requireAdmin } from '../../http/middleware/authenticate.ts'
import { adminAndJsonBody } from '../../http/middleware/bodies.ts'
import { ADMIN_ERRORS, BEARER, type Route, route } from '../../http/route.ts'
import { SCOPE } from '../../runtime/text.ts'
import { claimProblems } from '../../tokens/claims.ts'
import { toUser } from '../representations.ts'
import type { Body } from '../responses.ts'

const docs = z.globalRegistry

const name = z
  .string({ error: 'Must be a string.' })
  .check(z.regex(SCOPE, 'Must be 1 to 64 of A-Z a-z 0-9 : . _ -'))
const nameList = z.pipe(
  z.array(name, { error: 'Must be a list.' }),
  z.transform((given) => [...new Set(given)]),
)

/** Not z.record, which drops some names without an error. */
const claims = z
  .custom<Record<string, Json>>(isObject, 'Must be an object.')
  .check(
    z.superRefine((given, context) => {
      for (const message of claimProblems(given)) context.addIssue({ code: 'custom', message })
    }),
  )
  .register(docs, {
    type: 'object',
    description: 'The claims of access tokens in addition to those of the service itself.',
  })

const userChange = z
  .strictObject({
    disabled: z.optional(z.boolean({ error: 'Must be true or false.' })),
    roles: z.optional(nameList),
    scopes: z.optional(nameList),
    claims: z.optional(claims),
  })
  .register(docs, {
    id: 'UserChange',
    description: 'Each given field replaces that of the account.',
    example: { roles: ['editor'], scopes: ['orders:read'], claims: { plan: 'pro' } },
  })

const request = { params: z.object({ id: z.string() }) }
const shared = { tag: 'Administration', security: BEARER, middleware: [requireAdmin] } as const

const get = route(
  {
    ...shared,
    method: 'get',
    path: '/admin/users/{id}',
    operationId: 'getUser',
    summary: 'Get an account',
    request,
    responses: { 200: { description: 'The account', schema: 'ManagedUser' } },
    errors: [...ADMIN_ERRORS, 'not_found'],
  },
  async (c, { params: { id } }) => {
    logAccountId(c, id)
    return c.json(toManagedUser(await getAccount(c.get('ctx'), id)))
  },
)

const change = route(
  {
    ...shared,
    method: 'patch',
    path: '/admin/users/{id}',
    operationId: 'changeUser',
    summary: 'Disable an account or enable it again, and grant roles, scopes and claims',
    middleware: adminAndJsonBody,
    request: { ...request, json: userChange },
    responses: { 200: { description: 'The account', schema: 'ManagedUser' } },
    errors: [...ADMIN_ERRORS, 'not_found'],
  },
  async (c, { params: { id }, json }) => {
    c.get('ctx').addToRequestLog({ fields: Object.keys(json) })
    logAccountId(c, id)
    return c.json(toManagedUser(await manageAccount(c.get('ctx'), id, json)))
  },
)

const endSessions = route(
  {
    ...shared,
    method: 'delete',
    path: '/admin/users/{id}/sessions',
    operationId: 'endUserSessions',
    summary: 'End all sessions of an account',
    request,
    responses: { 204: { description: 'Ended' } },
    errors: [...ADMIN_ERRORS, 'not_found'],
  },
  async (c, { params: { id } }) => {
    logAccountId(c, id)
    await endAccountSessions(c.get('ctx'), id)
    return c.body(null, 204)
  },
)

/** Ends the sessions of all accounts. */
const endAllSessions = route(
  {
    ...shared,
    method: 'delete',
    path: '/admin/sessions',
    operationId: 'endAllSessions',
    summary: 'End all sessions of all accounts, for example after a leak or a restore of the database',
    responses: { 204: { description: 'Ended, everywhere within 30 seconds' } },
    errors: ADMIN_ERRORS,
  },
  async (c) => {
    await endEverySession(c.get('ctx'))
    return c.body(null, 204)
  },
)

export const USER_ROUTES: readonly Route[] = [get, change, endSessions, endAllSessions]

/** Logs the id of the path if it is well-formed. */
function logAccountId(c: AppContext, id: string): void {
  if (isId(id)) c.get('ctx').addToRequestLog({ accountId: id })
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function toManagedUser(profile: AccountProfile): Body<'ManagedUser'> {
  return { ...toUser(profile), disabled: profile.disabled }
}
