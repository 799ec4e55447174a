/** The schemas of request bodies, declared once for validation, types and OpenAPI. */
import type { CountryCode } from 'libphonenumber-js/max'
import * as z from 'zod/mini'
import { IDENTIFIER_KINDS } from '../accounts/account.ts'
import { type Identifier, parseEmail, parsePhone, parseUsername } from '../accounts/identifier.ts'
import { hasControlCharacter, trimInvisible } from '../runtime/text.ts'

const docs = z.globalRegistry

const text = z
  .string({ error: (issue) => (issue.input === undefined ? 'Required.' : 'Must be a string.') })
  .check(z.refine((value) => value.isWellFormed(), 'Must be well-formed Unicode.'))

const notEmpty = z.refine<string>((value) => value !== '', 'Must not be empty.')

const identifierText = text.check(
  z.refine((value) => !hasControlCharacter(value), 'Must not contain control characters.'),
)

function identifier(parse: (value: string) => Identifier | null, message: string) {
  return z.pipe(
    identifierText,
    z.transform((value, { issues }) => {
      const parsed = parse(value)
      if (parsed !== null) return parsed
      issues.push({ code: 'custom', message, input: value })
      return z.NEVER
    }),
  )
}

/** @param region of phone numbers without "+" */
function identifierSchemas(region: CountryCode | undefined) {
  return {
    username: identifier(
      parseUsername,
      'Must be 3 to 32 letters, digits or "._-", with at least one letter and no invisible character.',
    ),
    email: identifier(parseEmail, 'Must be an email address such as name@example.com.').register(docs, {
      format: 'email',
    }),
    phone: identifier(
      (value) => parsePhone(value, region),
      region === undefined
        ? 'Must be a valid phone number in international form, such as +12015550123.'
        : 'Must be a valid phone number.',
    ),
  }
}

const password = text.check(notEmpty).register(docs, { format: 'password' })
/** May be empty here, since the password policy reports that. */
const newPassword = text.clone().register(docs, { format: 'password' })
const challenge = z
  .optional(text)
  .register(docs, { description: 'The solution of a challenge, if one is required.' })

const transport = z
  ._default(z.enum(['body', 'cookie'], { error: 'Must be "body" or "cookie".' }), 'body')
  .register(docs, {
    description:
      'Where to put the refresh token: into the response body (the default), or into a cookie for pages of the same site.',
  })

/** Reports a missing identifier on all identifier fields, since any of them satisfies it. Runs even if other checks fail. */
function requireIdentifier<Shape extends z.core.$ZodShape>(schema: z.ZodMiniObject<Shape, z.core.$strict>) {
  const namesIdentifier = (field: unknown) => IDENTIFIER_KINDS.some((kind) => kind === field)
  const message = 'Give a username, an email or a phone.'
  const requiresOne = z.superRefine(
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
  return schema.check(requiresOne)
}

const EXAMPLE_PASSWORD = 'correct horse battery staple'

/** @param region of phone numbers without "+" */
export function accountRequests(region: CountryCode | undefined) {
  const { username, email, phone } = identifierSchemas(region)
  const given = { username: z.optional(username), email: z.optional(email), phone: z.optional(phone) }
  const changed = {
    username: z.optional(z.nullable(username)),
    email: z.optional(z.nullable(email)),
    phone: z.optional(z.nullable(phone)),
  }
  return {
    register: requireIdentifier(
      z.strictObject({ ...given, password: newPassword, challenge, transport }),
    ).register(docs, {
      id: 'RegisterRequest',
      example: { username: 'ada', email: 'ada@example.com', password: EXAMPLE_PASSWORD },
    }),
    changeIdentifiers: requireIdentifier(
      z.strictObject({ ...changed, current_password: password, challenge }),
    ).register(docs, {
      id: 'ChangeIdentifiersRequest',
      example: { phone: '+12015550123', current_password: EXAMPLE_PASSWORD },
    }),
  }
}

export const changePasswordRequest = z
  .strictObject({ current_password: password, new_password: newPassword, challenge })
  .register(docs, {
    id: 'ChangePasswordRequest',
    example: { current_password: EXAMPLE_PASSWORD, new_password: 'a quite different passphrase' },
  })

export const deleteAccountRequest = z
  .strictObject({ current_password: password, challenge })
  .register(docs, { id: 'DeleteAccountRequest', example: { current_password: EXAMPLE_PASSWORD } })

export const endSessionsRequest = z
  .strictObject({
    current_password: z.optional(password).register(docs, {
      description:
        'Not required within 15 minutes of the login, nor to end the session of the request itself.',
    }),
    challenge,
  })
  .register(docs, { id: 'EndSessionsRequest', example: { current_password: EXAMPLE_PASSWORD } })

export const endSessionsQuery = z.object({
  except: z.optional(z.enum(['current'], { error: 'Must be "current".' })).register(docs, {
    description: '"current" does not end the session of the request itself.',
  }),
})

export const loginRequest = z
  .strictObject({
    identifier: identifierText
      .check(z.overwrite(trimInvisible), notEmpty)
      .register(docs, { description: 'A username, an email or a phone number.' }),
    password,
    scope: z
      .optional(text)
      .register(docs, { description: 'Space-separated scopes to which the tokens are limited.' }),
    challenge,
    transport,
  })
  .register(docs, {
    id: 'LoginRequest',
    example: { identifier: 'ada@example.com', password: EXAMPLE_PASSWORD, scope: 'orders:read' },
  })

export const refreshRequest = z.strictObject({ refresh_token: text }).register(docs, {
  id: 'RefreshRequest',
  example: { refresh_token: 'AQx4…' },
})
export const logoutRequest = z.strictObject({ refresh_token: z.optional(text) }).register(docs, {
  id: 'LogoutRequest',
  example: { refresh_token: 'AQx4…' },
})
