/** The errors of each operation in the OpenAPI document, by status, with an example of each code. */
import * as z from 'zod/mini'
import {
  ERRORS,
  type ErrorCode,
  isErrorCode,
  OAUTH_ERRORS,
  type OAuthErrorCode,
} from '../../src/errors/codes.ts'
import type { Operation } from '../../src/http/route.ts'
import { RESPONSES } from '../../src/routes/responses.ts'

type Code = ErrorCode | OAuthErrorCode

/** The errors that every operation can have. */
const COMMON: readonly Code[] = ['malformed_request', 'misconfigured', 'unavailable', 'internal']
const BODY: readonly Code[] = ['body_too_large', 'unsupported_media_type']

export const HEADERS = {
  Location: { description: 'The path of what was created.', schema: { type: 'string' } },
  ETag: { description: 'For If-None-Match.', schema: { type: 'string' } },
  'Retry-After': { description: 'Seconds.', schema: { type: 'integer' } },
  'WWW-Authenticate': { description: 'RFC 9110, section 11.6.1.', schema: { type: 'string' } },
}

/** @returns the member `headers` of a response, with references to the components */
export function headerRefs(names: readonly (keyof typeof HEADERS)[]): object {
  const refs = names.map((name) => [name, { $ref: `#/components/headers/${name}` }])
  return names.length === 0 ? {} : { headers: Object.fromEntries(refs) }
}

/** @returns the responses of an operation with an error, by status */
export function errorResponses(operation: Operation): object {
  const isOAuth = operation.request?.form !== undefined
  const byStatus = Map.groupBy(codesOf(operation), (code) => statusOf(code, isOAuth))
  const responses = [...byStatus].map(([status, codes]) => [
    status,
    isOAuth ? oauthResponse(status, codes) : problemResponse(status, codes),
  ])
  return Object.fromEntries(responses)
}

function codesOf({ request = {}, security = [], errors = [] }: Operation): readonly Code[] {
  const implied: readonly Code[] = [
    ...COMMON,
    ...(request.json ? [...BODY, 'malformed_json' as const] : []),
    ...(request.form ? BODY : []),
    ...(request.json || request.form || request.query ? ['invalid_request' as const] : []),
    ...(security.some(({ bearer }) => bearer) ? ['invalid_token' as const] : []),
  ]
  const all = new Set([...implied, ...errors])
  // RFC 6749 section 5.2 has one name for both.
  if (request.form) all.delete('malformed_request')
  return [...all].toSorted()
}

function statusOf(code: Code, isOAuth: boolean): number {
  if (isOAuth && isOAuthCode(code)) return OAUTH_ERRORS[code].status
  return isErrorCode(code) ? ERRORS[code].status : OAUTH_ERRORS[code].status
}

function isOAuthCode(code: Code): code is OAuthErrorCode {
  return Object.hasOwn(OAUTH_ERRORS, code)
}

function problemResponse(status: number, codes: readonly Code[]): object {
  const narrowed = { type: 'object', required: ['code'], properties: { code: { enum: codes } } }
  return {
    description: describe(codes),
    ...headersOf(status, codes),
    content: {
      'application/problem+json': {
        schema: { allOf: [{ $ref: '#/components/schemas/Problem' }, narrowed] },
        examples: Object.fromEntries(codes.map((code) => [code, { $ref: `#/components/examples/${code}` }])),
      },
    },
  }
}

/** RFC 6749 section 5.2. */
function oauthResponse(status: number, codes: readonly Code[]): object {
  const narrowed = { type: 'object', required: ['error'], properties: { error: { enum: codes } } }
  const examples = codes.map((code) => [
    code,
    { value: { error: code, error_description: describeOAuth(code) } },
  ])
  return {
    description: describe(codes),
    ...headersOf(status, codes),
    content: {
      'application/json': {
        schema: { allOf: [{ $ref: '#/components/schemas/OAuthError' }, narrowed] },
        examples: Object.fromEntries(examples),
      },
    },
  }
}

function describe(codes: readonly Code[]): string {
  return codes.map((code) => `\`${code}\``).join(', ')
}

function describeOAuth(code: Code): string {
  if (isOAuthCode(code)) return OAUTH_ERRORS[code].description
  return ERRORS[code].detail
}

function headersOf(status: number, codes: readonly Code[]): object {
  const authenticates = status === 401 || codes.includes('insufficient_scope')
  return headerRefs([
    ...(authenticates ? ['WWW-Authenticate' as const] : []),
    ...(status === 429 || status === 503 ? ['Retry-After' as const] : []),
  ])
}

const CHALLENGE = { provider: 'turnstile', action: 'login', site_key: '0x4AAAAAAA' }

/** The members that problems with these codes have in addition. */
const MEMBERS: { readonly [code in Code]?: object } = {
  insufficient_user_authentication: { max_age: 900 },
  insufficient_scope: { missing: { roles: ['admin'], scope: ['admin'] } },
  challenge_required: { challenge: CHALLENGE },
  challenge_failed: { challenge: CHALLENGE, reasons: ['expired'] },
  identifier_taken: { field: 'username' },
  invalid_request: { errors: [{ field: 'password', message: 'Required.' }] },
  weak_password: { reasons: ['common'] },
  too_many_registrations: { retry_after: 240 },
  too_many_login_failures: { retry_after: 240 },
  challenge_unavailable: { retry_after: 5 },
  misconfigured: { retry_after: 5 },
  unavailable: { retry_after: 5 },
}

/** An example of each problem, by its code. */
export const EXAMPLES = Object.fromEntries(
  Object.entries(ERRORS).map(([code, { status, title, detail }]) => {
    const type = `https://auth.example.com/errors/${code}`
    const members = isErrorCode(code) ? MEMBERS[code] : {}
    return [code, { value: z.parse(RESPONSES.Problem, { type, title, status, detail, code, ...members }) }]
  }),
)
