/**
 * The schemas of response bodies, by the names that the OpenAPI document gives them. Only the build evaluates this file: the
 * Worker imports the types.
 */
import * as z from 'zod/mini'
import { CHALLENGE_ACTIONS } from '../challenge/challenge.ts'
import { ERRORS, type ErrorCode } from '../errors/codes.ts'
import { perRule, RULE_ACTIONS } from '../limits/rules.ts'

const docs = z.globalRegistry
const ID = '019a8f3e-7c52-7d04-9b1e-3f6a2c8d5e70'
const CREATED_AT = '2026-11-24T09:30:00Z'

const uuid = z.string().register(docs, { format: 'uuid' })
const dateTime = z.string().register(docs, { format: 'date-time', description: 'RFC 3339, in UTC.' })
const seconds = z.int()

const challenge = z.object({
  provider: z.enum(['altcha', 'turnstile', 'hcaptcha']),
  action: z.enum(CHALLENGE_ACTIONS),
  site_key: z.optional(z.string()),
  parameters: z.optional(z.looseObject({})).register(docs, {
    description: 'For "altcha": the ALTCHA v2 challenge, as its widget takes it.',
  }),
})

const fieldError = z.object({
  field: z.string(),
  message: z.string(),
  reasons: z.optional(z.array(z.string())).register(docs, {
    description: 'Why a password is too weak, listed with the other problems of the request.',
  }),
})

const problem = z.object({
  type: z.string().register(docs, { format: 'uri' }),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.enum(Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]]),
  field: z.optional(z.string()),
  errors: z.optional(z.array(fieldError)),
  reasons: z.optional(z.array(z.string())),
  max_age: z.optional(seconds),
  missing: z.optional(z.object({ roles: z.array(z.string()), scope: z.array(z.string()) })).register(docs, {
    description: 'For "insufficient_scope": the required roles and scopes that the token lacks.',
  }),
  retry_after: z.optional(seconds).register(docs, { description: 'Seconds, as in the header Retry-After.' }),
  challenge: z.optional(challenge),
  registered: z.optional(z.literal(true)),
  changed: z.optional(z.literal(true)),
})

const user = z.object({
  id: uuid,
  username: z.nullable(z.string()),
  email: z.nullable(z.string()),
  email_verified: z.boolean(),
  phone: z.nullable(z.string()),
  phone_verified: z.boolean(),
  name: z.nullable(z.string()),
  picture: z.nullable(z.string()).register(docs, { description: 'An https URL.' }),
  locale: z.nullable(z.string()).register(docs, { description: 'BCP 47.' }),
  zoneinfo: z.nullable(z.string()).register(docs, { description: 'An IANA time zone.' }),
  created_at: dateTime,
  updated_at: dateTime,
  roles: z.array(z.string()),
  scopes: z.array(z.string()),
  claims: z.record(z.string(), z.unknown()),
})

const EXAMPLE_USER = {
  id: ID,
  username: 'ada',
  email: 'ada@example.com',
  email_verified: false,
  phone: null,
  phone_verified: false,
  name: 'Ada Lovelace',
  picture: 'https://example.com/ada.png',
  locale: 'en-GB',
  zoneinfo: 'Europe/London',
  created_at: CREATED_AT,
  updated_at: CREATED_AT,
  roles: [],
  scopes: ['orders:read'],
  claims: {},
}

const tokenResponse = z.object({
  access_token: z.string(),
  token_type: z.literal('Bearer'),
  expires_in: seconds,
  scope: z.string(),
  refresh_token: z.optional(z.string()).register(docs, { description: 'Missing if it was set as a cookie.' }),
  refresh_expires_in: seconds,
  user,
})

const session = z.object({
  id: uuid,
  created_at: dateTime,
  last_used_at: dateTime,
  expires_at: dateTime,
  ip: z.nullable(z.string()),
  user_agent: z.nullable(z.string()),
  country: z.nullable(z.string()).register(docs, { description: 'Where the login came from.' }),
  city: z.nullable(z.string()),
  current: z.boolean(),
})

const limitRule = z.object({
  enabled: z.boolean(),
  window_seconds: seconds,
  threshold: z.int(),
  action: z.enum(RULE_ACTIONS),
})

const EXAMPLE_RULE = { enabled: true, window_seconds: 300, threshold: 3, action: 'challenge' }

const limits = z.object({
  registration_open: z.boolean(),
  registration_allow: z.object({
    email_domains: z.array(z.string()),
    emails: z.array(z.string()),
    phones: z.array(z.string()),
    usernames: z.array(z.string()),
  }),
  rules: z.object(perRule(() => limitRule)),
  updated_at: z.nullable(dateTime),
  updated_by: z.nullable(z.string()).register(docs, { description: 'An account id, or "admin_token".' }),
})

const publicKey = z.looseObject({ kty: z.string() }).register(docs, { description: 'RFC 7517' })

const client = z.object({
  client_id: uuid,
  client_name: z.nullable(z.string()),
  jwks: z.object({ keys: z.array(publicKey) }),
  audience: z.string(),
  created_at: dateTime,
})

const EXAMPLE_CLIENT = {
  client_id: ID,
  client_name: 'Orders',
  jwks: { keys: [] },
  audience: 'https://orders.example.com',
  created_at: CREATED_AT,
}

const signingKey = z.object({
  kid: z.string(),
  alg: z.string(),
  state: z.enum(['next', 'signing', 'retired']),
  created_at: dateTime,
  signs_from: dateTime,
  verifies_until: z.nullable(dateTime),
})

const jwk = z.looseObject({ kty: z.string(), use: z.literal('sig'), alg: z.string(), kid: z.string() })

export const RESPONSES = {
  Challenge: challenge.register(docs, {
    example: { provider: 'turnstile', action: 'login', site_key: '0x4AAAAAAA' },
  }),
  Problem: problem,
  User: user.register(docs, { example: EXAMPLE_USER }),
  TokenResponse: tokenResponse.register(docs, {
    example: {
      access_token: 'eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCJ9…',
      token_type: 'Bearer',
      expires_in: 600,
      scope: 'orders:read',
      refresh_token: 'AQx4…',
      refresh_expires_in: 2_592_000,
      user: EXAMPLE_USER,
    },
  }),
  Sessions: z.object({ sessions: z.array(session) }).register(docs, {
    example: {
      sessions: [
        {
          id: ID,
          created_at: CREATED_AT,
          last_used_at: CREATED_AT,
          expires_at: '2026-12-24T09:30:00Z',
          ip: '203.0.113.7',
          user_agent: 'Mozilla/5.0',
          country: 'FR',
          city: 'Paris',
          current: true,
        },
      ],
    },
  }),
  LimitRule: limitRule.register(docs, { example: EXAMPLE_RULE }),
  Limits: limits.register(docs, {
    example: {
      registration_open: true,
      registration_allow: { email_domains: ['example.com'], emails: [], phones: [], usernames: [] },
      rules: perRule(() => EXAMPLE_RULE),
      updated_at: CREATED_AT,
      updated_by: 'admin_token',
    },
  }),
  ManagedUser: z
    .extend(user, { disabled: z.boolean() })
    .register(docs, { example: { ...EXAMPLE_USER, disabled: false } }),
  Client: client.register(docs, { example: EXAMPLE_CLIENT }),
  RegisteredClient: z
    .extend(client, {
      client_secret: z.string().register(docs, { description: 'Shown only in this response.' }),
    })
    .register(docs, { example: { ...EXAMPLE_CLIENT, client_secret: 'v3ryS3cret…' } }),
  Clients: z.object({ clients: z.array(client) }).register(docs, { example: { clients: [EXAMPLE_CLIENT] } }),
  SigningKeys: z.object({ keys: z.array(signingKey) }).register(docs, {
    example: {
      keys: [
        {
          kid: 'k1',
          alg: 'ES256',
          state: 'signing',
          created_at: CREATED_AT,
          signs_from: CREATED_AT,
          verifies_until: null,
        },
      ],
    },
  }),
  Jwks: z.object({ keys: z.array(jwk) }).register(docs, {
    example: {
      keys: [{ kty: 'EC', crv: 'P-256', x: 'f83O…', y: 'x_FE…', use: 'sig', alg: 'ES256', kid: 'k1' }],
    },
  }),
  Health: z.object({ status: z.literal('ok') }).register(docs, { example: { status: 'ok' } }),
  Introspection: z.looseObject({ active: z.boolean() }).register(docs, {
    description: 'The members of RFC 7662 section 2.2 and the claims of the token.',
    example: { active: false },
  }),
  OAuthError: z.object({
    error: z.string(),
    error_description: z.string(),
    retry_after: z.optional(seconds),
  }),
}

export type ResponseName = keyof typeof RESPONSES
/** The body of a response. */
export type Body<Name extends ResponseName> = z.output<(typeof RESPONSES)[Name]>
