/** Accounts: register, get, change, delete. */
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
  type InvalidBody,
  PASSWORD_ERRORS,
  REGISTRATION_ERRORS,
  type Route,
  route,
} from '../http/route.ts'
import { toTokenResponse, toUser } from './representations.ts'
import { accountRequests, changePasswordRequest, deleteAccountRequest } from './requests.ts'

const OPTIONAL_AT_REGISTRATION = [...IDENTIFIER_KINDS, 'challenge', 'transport']

/** @returns the routes of accounts, in order */
export function accountRoutes({
  defaultPhoneRegion,
}: Pick<AccountsConfig, 'defaultPhoneRegion'>): readonly Route[] {
  const requests = accountRequests(defaultPhoneRegion)
  return [
    registration(requests.register),
    route(
      {
        method: 'get',
        path: '/auth/me',
        operationId: 'getAccount',
        tag: 'Accounts',
        summary: 'Get the account',
        security: BEARER,
        middleware: [requireBearer],
        responses: { 200: { description: 'The account', schema: 'User' } },
      },
      (c) => c.json(toUser(accountContext(c).actor.profile)),
    ),
    identifierChange(requests.changeIdentifiers),
    passwordChange,
    deletion,
  ]
}

type AccountRequests = ReturnType<typeof accountRequests>

function registration(json: AccountRequests['register']): Route {
  return route(
    {
      method: 'post',
      path: '/auth/register',
      operationId: 'registerAccount',
      tag: 'Accounts',
      summary: 'Register an account and log in',
      middleware: jsonBodyOf(OPTIONAL_AT_REGISTRATION),
      request: { json },
      responses: { 201: { description: 'Registered', schema: 'TokenResponse', headers: ['Location'] } },
      errors: [...REGISTRATION_ERRORS, 'registration_closed', 'origin_not_allowed', 'weak_password'],
    },
    async (c, { json: { username = null, email = null, phone = null, password, challenge, transport } }) => {
      if (transport === 'cookie') refuseForeignOrigin(c)
      const request = { challenge, transport }
      const tokens = await register(c.get('ctx'), { username, email, phone, password, ...request })
      await endReplacedSession(c, tokens)
      c.header('Location', '/auth/me')
      return c.json(toTokenResponse(c, tokens), 201)
    },
    additionalRegistrationErrors,
  )
}

function identifierChange(json: AccountRequests['changeIdentifiers']): Route {
  return route(
    {
      method: 'patch',
      path: '/auth/me',
      operationId: 'changeIdentifiers',
      tag: 'Accounts',
      summary: 'Set or clear identifiers',
      security: BEARER,
      middleware: bearerAndJsonBody,
      request: { json },
      responses: { 200: { description: 'The account', schema: 'User' } },
      errors: [...PASSWORD_ERRORS, ...REGISTRATION_ERRORS],
    },
    async (c, { json: { username, email, phone, ...confirmation } }) => {
      const changes = { username, email, phone }
      const profile = await changeIdentifiers(accountContext(c), toConfirmedRequest(confirmation), changes)
      return c.json(toUser(profile))
    },
    additionalIdentifierErrors,
  )
}

const passwordChange = route(
  {
    method: 'put',
    path: '/auth/me/password',
    operationId: 'changePassword',
    tag: 'Accounts',
    summary: 'Change the password and end every other session',
    security: BEARER,
    middleware: bearerAndJsonBody,
    request: { json: changePasswordRequest },
    responses: { 200: { description: 'Changed', schema: 'TokenResponse' } },
    errors: [...PASSWORD_ERRORS, 'weak_password'],
  },
  async (c, { json: { new_password, ...confirmation } }) => {
    const tokens = await changePassword(accountContext(c), toConfirmedRequest(confirmation), new_password)
    return c.json(toTokenResponse(c, tokens))
  },
  additionalPasswordErrors,
)

const deletion = route(
  {
    method: 'delete',
    path: '/auth/me',
    operationId: 'deleteAccount',
    tag: 'Accounts',
    summary: 'Delete the account',
    security: BEARER,
    middleware: bearerAndJsonBody,
    request: { json: deleteAccountRequest },
    responses: { 204: { description: 'Deleted' } },
    errors: PASSWORD_ERRORS,
  },
  async (c, { json }) => {
    await deleteOwnAccount(accountContext(c), toConfirmedRequest(json))
    clearCookieOf(c, accountContext(c).actor)
    return c.body(null, 204)
  },
)

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
