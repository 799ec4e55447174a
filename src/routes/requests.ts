/** The schemas of request bodies, declared once for validation, types and OpenAPI. */
import type { CountryCode } from 'libphonenumber-js/max'
import * as z from 'zod/mini'
import { IDENTIFIER_KINDS, PROFILE_FIELDS } from '../accounts/account.ts'
import { type Identifier, parseEmail, parsePhone, parseUsername } from '../accounts/identifier.ts'
import { parseLocale, parseName, parsePicture, parseZone } from '../accounts/profile-fields.ts'
import { hasControlCharacter, trimInvisible } from '../runtime/text.ts'

const docs = z.globalRegistry

const text = z
  .string({ error: (issue) => (issue.input === undefined ? 'Required.' : 'Must be a string.') })
  .check(z.refine((value) => value.isWellFormed(), 'Must be well-formed Unicode.'))

const notEmpty = z.refine<string>((value) => value !== '', 'Must not be empty.')

const printableText = text.check(
  z.refine((value) => !hasControlCharacter(value), 'Must not contain control characters.'),
)

/** @param parse returns null for a text that is refused with the message */
function parsedText<T extends string | Identifier>(parse: (value: string) => T | null, message: string) {
  return z.pipe(
    printableText,
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
    username: parsedText(
      parseUsername,
      'Must be 3 to 32 letters, digits or "._-", with at least one letter and no invisible character.',
    ),
    email: parsedText(parseEmail, 'Must be an email address such as name@example.com.').register(docs, {
      format: 'email',
    }),
    phone: parsedText(
      (value) => parsePhone(value, region),
      region === undefined
        ? 'Must be a valid phone number in international form, such as +12015550123.'
        : 'Must be a valid phone number.',
    ),
  }
}

const name = parsedText(parseName, 'Must be 1 to 100 characters.').register(docs, {
  description: 'At most 100 code points.',
})
const picture = parsedText(
  parsePicture,
  'Must be an https URL of at most 500 characters, without a user name.',
).register(docs, { format: 'uri', description: 'An https URL.', maxLength: 500 })
const locale = parsedText(
  parseLocale,
  'Must be a language tag such as en-GB, of at most 64 characters.',
).register(docs, { description: 'BCP 47.' })
const zoneinfo = parsedText(parseZone, 'Must be a time zone such as Europe/London.').register(docs, {
  description: 'An IANA time zone.',
})

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

/** Reports that none of the fields is given on all of them, since any of them satisfies it. Runs even if other checks fail. */
function requireOneOf<Shape extends z.core.$ZodShape>(
  fields: readonly string[],
  message: string,
  schema: z.ZodMiniObject<Shape, z.core.$strict>,
) {
  const isOne = (field: unknown) => fields.some((each) => each === field)
  const requiresOne = z.superRefine(
    (_value, context) => {
      for (const field of fields) context.addIssue({ code: 'custom', path: [field], message })
    },
    {
      when: ({ value, issues }) => {
        const given = Object.keys(value ?? {}).some(isOne)
        return !given && !issues.some(({ path }) => isOne(path?.[0]))
      },
    },
  )
  return schema.check(requiresOne)
}

const passwordOfIdentifierChange = z
  .optional(password)
  .register(docs, { description: 'Required if the request sets or clears an identifier, ignored otherwise.' })

const EXAMPLE_PASSWORD = 'correct horse battery staple'

/** @param region of phone numbers without "+" */
export function accountRequests(region: CountryCode | undefined) {
  const { username, email, phone } = identifierSchemas(region)
  const given = {
    username: z.optional(username),
    email: z.optional(email),
    phone: z.optional(phone),
    name: z.optional(name),
    picture: z.optional(picture),
    locale: z.optional(locale),
    zoneinfo: z.optional(zoneinfo),
  }
  const changed = {
    username: z.optional(z.nullable(username)),
    email: z.optional(z.nullable(email)),
    phone: z.optional(z.nullable(phone)),
    name: z.optional(z.nullable(name)),
    picture: z.optional(z.nullable(picture)),
    locale: z.optional(z.nullable(locale)),
    zoneinfo: z.optional(z.nullable(zoneinfo)),
  }
  return {
    register: requireOneOf(
      IDENTIFIER_KINDS,
      'Give a username, an email or a phone.',
      z.strictObject({ ...given, password: newPassword, challenge, transport }),
    ).register(docs, {
      id: 'RegisterRequest',
      example: {
        username: 'ada',
        email: 'ada@example.com',
        name: 'Ada Lovelace',
        password: EXAMPLE_PASSWORD,
      },
    }),
    changeProfile: requireOneOf(
      [...IDENTIFIER_KINDS, ...PROFILE_FIELDS],
      'Give at least one field to change.',
      z.strictObject({ ...changed, current_password: passwordOfIdentifierChange, challenge }),
    ).register(docs, {
      id: 'ChangeProfileRequest',
      example: { phone: '+12015550123', name: 'Ada Lovelace', current_password: EXAMPLE_PASSWORD },
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
    identifier: printableText
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
