/** Accounts: register, get, change, delete. */
import { IDENTIFIER_KINDS, PROFILE_FIELDS } from '../accounts/account.ts'
import { type Identifier, parseAs } from '../accounts/identifier.ts'
import {
  type ConfirmedRequest,
  changeIdentifiers,
  changePassword,
  changeProfileFields,
  deleteOwnAccount,
  identifiersOf,
} from '../actions/account/change-account.ts'
import {
  changesIdentifier,
  type IdentifierChanges,
  lastIdentifierErrors,
} from '../actions/account/profile-changes.ts'
import { passwordErrors, usernameErrors } from '../actions/registration/check-new-credentials.ts'
import { register } from '../actions/registration/register.ts'
import type { AccountsConfig } from '../config/accounts.ts'
import { type FieldError, ServiceError } from '../errors/service-error.ts'
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

const OPTIONAL_AT_REGISTRATION = [...IDENTIFIER_KINDS, ...PROFILE_FIELDS, 'challenge', 'transport']

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
    profileChange(requests.changeProfile),
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
    async (c, { json: { username = null, email = null, phone = null, password, ...json } }) => {
      const { challenge, transport, name = null, picture = null, locale = null, zoneinfo = null } = json
      if (transport === 'cookie') refuseForeignOrigin(c)
      const profileFields = { name, picture, locale, zoneinfo }
      const request = { profileFields, challenge, transport }
      const tokens = await register(c.get('ctx'), { username, email, phone, password, ...request })
      await endReplacedSession(c, tokens)
      c.header('Location', '/auth/me')
      return c.json(toTokenResponse(c, tokens), 201)
    },
    additionalRegistrationErrors,
  )
}

function profileChange(json: AccountRequests['changeProfile']): Route {
  return route(
    {
      method: 'patch',
      path: '/auth/me',
      operationId: 'changeProfile',
      tag: 'Accounts',
      summary: 'Set or clear identifiers, the name, the picture, the locale and the time zone',
      security: BEARER,
      middleware: bearerAndJsonBody,
      request: { json },
      responses: { 200: { description: 'The account', schema: 'User' } },
      errors: [...PASSWORD_ERRORS, ...REGISTRATION_ERRORS],
    },
    async (c, { json: { current_password, challenge, ...changes } }) => {
      const ctx = accountContext(c)
      if (!changesIdentifier(changes)) return c.json(toUser(await changeProfileFields(ctx, changes)))
      if (current_password === undefined) throw missingPassword(c)
      const request = toConfirmedRequest({ current_password, challenge })
      return c.json(toUser(await changeIdentifiers(ctx, request, changes)))
    },
    additionalProfileErrors,
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

/** Lists the other problems of the body, too. */
function missingPassword(c: AppContext): ServiceError {
  const body = { fields: c.get('parsedBody'), invalid: new Set<string>() }
  return new ServiceError('invalid_request', { errors: additionalProfileErrors(c, body) })
}

function additionalProfileErrors(c: AppContext, { fields, invalid }: InvalidBody): readonly FieldError[] {
  const sent = c.get('parsedBody')
  const isMissing = changesIdentifier(sent) && sent.current_password === undefined
  return [
    ...(isMissing ? [{ field: 'current_password', message: 'Required.' }] : []),
    ...identifierErrors(c, { fields, invalid }),
  ]
}

function identifierErrors(c: AppContext, { fields, invalid }: InvalidBody): readonly FieldError[] {
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
