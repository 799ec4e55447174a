/** The schemas of requests and responses, declared once for validation, types and OpenAPI. */
import { z } from '@hono/zod-openapi'
import type { CountryCode } from 'libphonenumber-js/max'
import { IDENTIFIER_KINDS } from '../accounts/account.ts'
import { type Identifier, parseEmail, parsePhone, parseUsername } from '../accounts/identifier.ts'
import { hasControlCharacter, trimInvisible } from '../runtime/text.ts'
import { dateTime, userResponse, uuid } from './representations.ts'

const text = z
  .string({ error: (issue) => (issue.input === undefined ? 'Required.' : 'Must be a string.') })
  .refine((value) => value.isWellFormed(), 'Must be well-formed Unicode.')

const nonEmptyText = text.refine((value) => value !== '', 'Must not be empty.')

const identifierText = text.refine(
  (value) => !hasControlCharacter(value),
  'Must not contain control characters.',
)

function identifier(parse: (value: string) => Identifier | null, message: string) {
  return identifierText.transform((value, context) => {
    const parsed = parse(value)
    if (parsed !== null) return parsed
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })
}

/** @param region of phone numbers without "+" */
function identifierSchemas(region: CountryCode | undefined) {
  return {
    username: identifier(
      parseUsername,
      'Must be 3 to 32 letters, digits or "._-", with at least one letter and no invisible character.',
    ).openapi({ type: 'string', example: 'ada' }),
    email: identifier(parseEmail, 'Must be an email address such as name@example.com.').openapi({
      type: 'string',
      format: 'email',
      example: 'ada@example.com',
    }),
    phone: identifier(
      (value) => parsePhone(value, region),
      region === undefined
        ? 'Must be a valid phone number in international form, such as +12015550123.'
        : 'Must be a valid phone number.',
    ).openapi({ type: 'string', example: '+12015550123' }),
  }
}

const password = nonEmptyText.openapi({ format: 'password', example: 'correct horse battery staple' })
/** May be empty here, since the password policy reports that. */
const newPassword = text.openapi({ format: 'password', example: 'correct horse battery staple' })
const challenge = text.optional().openapi({ description: 'The solution of a challenge, if one is required.' })

const transport = z
  .enum(['body', 'cookie'], { error: 'Must be "body" or "cookie".' })
  .default('body')
  .openapi({
    description:
      'Where to put the refresh token: into the response body, or into a cookie for pages of the same site.',
  })

/** Reports a missing identifier on all identifier fields, since any of them satisfies it. Runs even if other checks fail. */
function requireIdentifier<Shape extends z.ZodRawShape>(schema: z.ZodObject<Shape, z.core.$strict>) {
  const namesIdentifier = (field: unknown) => IDENTIFIER_KINDS.some((kind) => kind === field)
  const message = 'Give a username, an email or a phone.'
  return schema.superRefine(
    (_value, context) => {
      for (const kind of IDENTIFIER_KINDS) context.addIssue({ code: 'custom', path: [kind], message })
    },
    {
      when: ({ value, issues }) => {
        const given = Object.keys(value ?? {}).some(namesIdentifier)
        return !given && !issues.some(({ path }) => namesIdentifier(path?.[0]))
      },
    },
  )
}

/** @param region of phone numbers without "+" */
export function accountRequests(region: CountryCode | undefined) {
  const { username, email, phone } = identifierSchemas(region)
  const given = { username: username.optional(), email: email.optional(), phone: phone.optional() }
  const changed = {
    username: username.nullable().optional(),
    email: email.nullable().optional(),
    phone: phone.nullable().optional(),
  }
  return {
    register: requireIdentifier(
      z.strictObject({ ...given, password: newPassword, challenge, transport }),
    ).openapi('RegisterRequest'),
    changeIdentifiers: requireIdentifier(
      z.strictObject({ ...changed, current_password: password, challenge }),
    ).openapi('ChangeIdentifiersRequest'),
  }
}

export const changePasswordRequest = z
  .strictObject({ current_password: password, new_password: newPassword, challenge })
  .openapi('ChangePasswordRequest')

export const deleteAccountRequest = z
  .strictObject({ current_password: password, challenge })
  .openapi('DeleteAccountRequest')

export const endSessionsRequest = z
  .strictObject({
    current_password: password.optional().openapi({
      description:
        'Not required within 15 minutes of the login, nor to end the session of the request itself.',
    }),
    challenge,
  })
  .openapi('EndSessionsRequest')

export const endSessionsQuery = z.object({
  except: z
    .enum(['current'], { error: 'Must be "current".' })
    .optional()
    .openapi({ description: '"current" does not end the session of the request itself.' }),
})

export const loginRequest = z
  .strictObject({
    identifier: identifierText
      .overwrite(trimInvisible)
      .refine((value) => value !== '', 'Must not be empty.')
      .openapi({ description: 'A username, an email or a phone number.', example: 'ada@example.com' }),
    password,
    scope: text.optional().openapi({
      description: 'Space-separated scopes to which the tokens are limited.',
      example: 'orders:read',
    }),
    challenge,
    transport,
  })
  .openapi('LoginRequest')

export const refreshRequest = z.strictObject({ refresh_token: text }).openapi('RefreshRequest')
export const logoutRequest = z.strictObject({ refresh_token: text.optional() }).openapi('LogoutRequest')

const seconds = z.number().openapi({ type: 'integer' })

export const tokenResponse = z
  .object({
    access_token: z.string(),
    token_type: z.literal('Bearer'),
    expires_in: seconds,
    scope: z.string(),
    refresh_token: z.string().optional().openapi({ description: 'Missing if it was set as a cookie.' }),
    refresh_expires_in: seconds,
    user: userResponse,
  })
  .openapi('TokenResponse')

export const sessionsResponse = z
  .object({
    sessions: z.array(
      z.object({
        id: uuid,
        created_at: dateTime,
        last_used_at: dateTime,
        expires_at: dateTime,
        ip: z.string().nullable(),
        user_agent: z.string().nullable(),
        country: z.string().nullable().openapi({ description: 'Where the login came from.', example: 'FR' }),
        city: z.string().nullable(),
        current: z.boolean(),
      }),
    ),
  })
  .openapi('Sessions')
