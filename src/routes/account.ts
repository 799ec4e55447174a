/** Accounts: register, get, change, delete. */
import { createRoute } from '@hono/zod-openapi'
import { IDENTIFIER_KINDS } from '../accounts/account.ts'
import { type Identifier, parseAs } from '../accounts/identifier.ts'
import {
  type ConfirmedRequest,
  changeIdentifiers,
  changePassword,
  deleteOwnAccount,
  type IdentifierChanges,
  identifiersOf,
  lastIdentifierErrors,
} from '../actions/account/change-account.ts'
import { passwordErrors, usernameErrors } from '../actions/registration/check-new-credentials.ts'
import { register } from '../actions/registration/register.ts'
import type { AccountsConfig } from '../config/accounts.ts'
import type { FieldError } from '../errors/service-error.ts'
import type { AppContext } from '../http/context.ts'
import { requireBearer } from '../http/middleware/authenticate.ts'
import { bearerAndJsonBody, jsonBodyOf } from '../http/middleware/bodies.ts'
import { accountContext } from '../http/middleware/provide-context.ts'
import { clearCookieOf, endReplacedSession, refuseForeignOrigin } from '../http/refresh-cookie.ts'
import {
  BEARER,
  createRouter,
  type InvalidBody,
  jsonRequest,
  jsonResponse,
  problem,
  refuseInvalidWith,
} from '../http/route.ts'
import { toTokenResponse, toUser, userResponse } from './representations.ts'
import { accountRequests, changePasswordRequest, deleteAccountRequest, tokenResponse } from './schemas.ts'

type AccountRequests = ReturnType<typeof accountRequests>

const OPTIONAL_AT_REGISTRATION = [...IDENTIFIER_KINDS, 'challenge', 'transport']

const registerRoute = (request: AccountRequests['register']) =>
  createRoute({
    method: 'post',
    path: '/auth/register',
    summary: 'Register an account and log in',
    middleware: jsonBodyOf(OPTIONAL_AT_REGISTRATION),
    request: { body: jsonRequest(request) },
    responses: { 201: jsonResponse('Registered', tokenResponse), default: problem },
  })

const meRoute = createRoute({
  method: 'get',
  path: '/auth/me',
  summary: 'Get the account',
  security: BEARER,
  middleware: [requireBearer],
  responses: { 200: jsonResponse('The account', userResponse), default: problem },
})

const changeIdentifiersRoute = (request: AccountRequests['changeIdentifiers']) =>
  createRoute({
    method: 'patch',
    path: '/auth/me',
    summary: 'Set or clear identifiers',
    security: BEARER,
    middleware: bearerAndJsonBody,
    request: { body: jsonRequest(request) },
    responses: { 200: jsonResponse('The account', userResponse), default: problem },
  })

const changePasswordRoute = createRoute({
  method: 'put',
  path: '/auth/me/password',
  summary: 'Change the password and end every other session',
  security: BEARER,
  middleware: bearerAndJsonBody,
  request: { body: jsonRequest(changePasswordRequest) },
  responses: { 200: jsonResponse('Changed', tokenResponse), default: problem },
})

const deleteRoute = createRoute({
  method: 'delete',
  path: '/auth/me',
  summary: 'Delete the account',
  security: BEARER,
  middleware: bearerAndJsonBody,
  request: { body: jsonRequest(deleteAccountRequest) },
  responses: { 204: { description: 'Deleted' }, default: problem },
})

type Router = ReturnType<typeof createRouter>

export function accountRoutes({ defaultPhoneRegion }: AccountsConfig) {
  const requests = accountRequests(defaultPhoneRegion)
  const router = createRouter()
  addRegistration(router, requests)
  router.openapi(meRoute, (c) => c.json(toUser(accountContext(c).actor.profile), 200))
  addChanges(router, requests)
  return router
}

function addRegistration(router: Router, requests: AccountRequests): void {
  router.openapi(
    registerRoute(requests.register),
    async (c) => {
      const {
        username = null,
        email = null,
        phone = null,
        password,
        challenge,
        transport,
      } = c.req.valid('json')
      if (transport === 'cookie') refuseForeignOrigin(c)
      const request = { challenge, transport }
      const tokens = await register(c.get('ctx'), { username, email, phone, password, ...request })
      await endReplacedSession(c, tokens)
      c.header('Location', '/auth/me')
      return c.json(toTokenResponse(c, tokens), 201)
    },
    refuseInvalidWith(additionalRegistrationErrors),
  )
}

/** Changes of the requester's own account, and its deletion. */
function addChanges(router: Router, requests: AccountRequests): void {
  router.openapi(
    changeIdentifiersRoute(requests.changeIdentifiers),
    async (c) => {
      const { username, email, phone, ...confirmation } = c.req.valid('json')
      const changes = { username, email, phone }
      const profile = await changeIdentifiers(accountContext(c), toConfirmedRequest(confirmation), changes)
      return c.json(toUser(profile), 200)
    },
    refuseInvalidWith(additionalIdentifierErrors),
  )

  router.openapi(
    changePasswordRoute,
    async (c) => {
      const { new_password, ...confirmation } = c.req.valid('json')
      const tokens = await changePassword(accountContext(c), toConfirmedRequest(confirmation), new_password)
      return c.json(toTokenResponse(c, tokens), 200)
    },
    refuseInvalidWith(additionalPasswordErrors),
  )

  router.openapi(deleteRoute, async (c) => {
    await deleteOwnAccount(accountContext(c), toConfirmedRequest(c.req.valid('json')))
    clearCookieOf(c, accountContext(c).actor)
    return c.body(null, 204)
  })
}

function additionalRegistrationErrors(c: AppContext, { fields }: InvalidBody): readonly FieldError[] {
  const ctx = c.get('ctx')
  const { username = null, email = null, phone = null } = readIdentifiers(c, fields)
  return [
    ...usernameErrors(ctx, username),
    ...newPasswordErrors(c, 'password', fields, [username, email, phone]),
  ]
}

function additionalIdentifierErrors(c: AppContext, { fields, invalid }: InvalidBody): readonly FieldError[] {
  const { profile } = accountContext(c).actor
  const changes = readIdentifiers(c, fields)
  const reserved = usernameErrors(c.get('ctx'), changes.username, profile.username)
  // An invalid identifier was meant to be set, so it may be the one that the account keeps.
  const hasInvalidIdentifier = IDENTIFIER_KINDS.some((kind) => invalid.has(kind))
  return hasInvalidIdentifier ? reserved : [...reserved, ...lastIdentifierErrors(profile, changes)]
}

function additionalPasswordErrors(c: AppContext, { fields }: InvalidBody): readonly FieldError[] {
  return newPasswordErrors(c, 'new_password', fields, identifiersOf(accountContext(c).actor.profile))
}

function newPasswordErrors(
  c: AppContext,
  field: string,
  fields: InvalidBody['fields'],
  identifiers: readonly (Identifier | null)[],
): readonly FieldError[] {
  const password = fields[field]
  return typeof password === 'string' ? passwordErrors(c.get('ctx'), field, password, identifiers) : []
}

/** @returns the identifiers that were sent; null for one that is to be cleared */
function readIdentifiers(c: AppContext, fields: InvalidBody['fields']): IdentifierChanges {
  const region = c.get('ctx').services.config.accounts.defaultPhoneRegion
  const read = IDENTIFIER_KINDS.filter((kind) => fields[kind] !== undefined).map((kind) => {
    const sent = fields[kind]
    return [kind, typeof sent === 'string' ? parseAs(kind, sent, region) : null] as const
  })
  return Object.fromEntries(read)
}

interface Confirmation {
  readonly current_password: string
  readonly challenge?: string | undefined
}

function toConfirmedRequest({ current_password, challenge }: Confirmation): ConfirmedRequest {
  return { password: current_password, challenge }
}
