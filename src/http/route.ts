/**
 * How the HTTP API is declared. An operation has its schemas and everything that OpenAPI says about it in one place. A route is an
 * operation with the handler of its valid input.
 */
import type { Hono, MiddlewareHandler } from 'hono'
import type * as z from 'zod/mini'
import type { ErrorCode, OAuthErrorCode } from '../errors/codes.ts'
import { type FieldError, ServiceError } from '../errors/service-error.ts'
// The Worker needs no schemas of responses. They are evaluated only where the OpenAPI document is made.
import type { ResponseName } from '../routes/responses.ts'
import type { AppContext, AppEnv } from './context.ts'

interface RequestSchemas {
  readonly query?: z.ZodMiniType
  readonly params?: z.ZodMiniType
  /** Of the parsed body: the route's middleware parses it. */
  readonly json?: z.ZodMiniType
  readonly form?: z.ZodMiniType
}

type Input<Request extends RequestSchemas> = {
  readonly [Part in keyof Request]: Request[Part] extends z.ZodMiniType ? z.output<Request[Part]> : never
}

export interface Operation<Request extends RequestSchemas = RequestSchemas> {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** With parameters in braces, as in OpenAPI. */
  readonly path: string
  /** Unique and stable: generated clients name their functions after it. */
  readonly operationId: string
  readonly tag: 'Accounts' | 'Sessions' | 'Challenges' | 'Tokens' | 'Administration' | 'Service'
  readonly summary: string
  readonly description?: string
  readonly security?: readonly SecurityRequirement[]
  readonly middleware?: readonly MiddlewareHandler<AppEnv>[]
  readonly request?: Request
  /** Whether the request may have no body. */
  readonly bodyIsOptional?: true
  /** The responses without an error, by status. */
  readonly responses: Readonly<Record<number, ResponseDescription>>
  /** The errors that follow neither from `security` nor from `request`, nor are common to all operations. */
  readonly errors?: readonly (ErrorCode | OAuthErrorCode)[]
}

type SecurityRequirement = Readonly<Partial<Record<'bearer' | 'basic', readonly string[]>>>

interface ResponseDescription {
  readonly description: string
  /** The name of the body's schema. Missing for a response without a body. */
  readonly schema?: ResponseName
  readonly headers?: readonly ('Location' | 'ETag')[]
}

export interface Route {
  readonly operation: Operation
  readonly handler: (c: AppContext) => Response | Promise<Response>
}

export const BEARER: readonly SecurityRequirement[] = [{ bearer: [] }]

/** The errors of `requireAdmin`, apart from those of every Bearer token. */
export const ADMIN_ERRORS = ['insufficient_scope', 'insufficient_user_authentication'] as const

const CHALLENGE_ERRORS = [
  'client_ip_unknown',
  'challenge_required',
  'challenge_failed',
  'challenge_unavailable',
] as const

/** The errors of every request that checks a password. */
export const PASSWORD_ERRORS = [
  ...CHALLENGE_ERRORS,
  'invalid_credentials',
  'account_disabled',
  'too_many_login_failures',
] as const

/** The errors of every request that gives an account identifiers. */
export const REGISTRATION_ERRORS = [
  ...CHALLENGE_ERRORS,
  'registration_not_allowed',
  'too_many_registrations',
  'identifier_taken',
] as const

/**
 * Declares a route. Input that a schema rejects is refused with `invalid_request`.
 * @param handle gets the valid input, by the names of the schemas
 * @param additionalErrors the errors that the handler would find in the valid fields of a body. If the schema rejects the body, they
 * are listed, too, so that one response names them all
 */
export function route<const Request extends RequestSchemas>(
  operation: Operation<Request>,
  handle: (c: AppContext, input: Input<Request>) => Response | Promise<Response>,
  additionalErrors?: AdditionalErrors,
): Route {
  return { operation, handler: (c) => handle(c, readInput(c, operation.request, additionalErrors)) }
}

/** Adds the routes to a router, in order. */
export function mount(router: Hono<AppEnv>, routes: readonly Route[]): void {
  for (const { operation, handler } of routes) {
    const path = operation.path.replace(/\{(\w+)\}/g, ':$1')
    router.on(operation.method, [path], ...(operation.middleware ?? []), handler)
  }
}

/** A body that its schema rejects. */
export interface InvalidBody {
  /** The valid fields, as they were sent. */
  readonly fields: Fields
  /** The names of the invalid fields. */
  readonly invalid: ReadonlySet<string>
}

type AdditionalErrors = (c: AppContext, body: InvalidBody) => readonly FieldError[]

/** In the order in which they are checked. */
const PARTS = ['query', 'params', 'json', 'form'] as const

type Fields = Readonly<Record<string, unknown>>

const READERS: Readonly<Record<(typeof PARTS)[number], (c: AppContext) => Fields>> = {
  query: readQuery,
  params: (c) => c.req.param(),
  json: (c) => c.get('parsedBody'),
  form: (c) => c.get('parsedBody'),
}

/** @throws {ServiceError} `invalid_request` */
function readInput<Request extends RequestSchemas>(
  c: AppContext,
  schemas: Request | undefined,
  additionalErrors: AdditionalErrors = () => [],
): Input<Request> {
  const parts = PARTS.flatMap((part) => {
    const schema = schemas?.[part]
    if (schema === undefined) return []
    return [[part, validate(schema, READERS[part](c), (body) => additionalErrors(c, body))]]
  })
  // TypeScript cannot tell that each part is the output of its schema.
  return Object.fromEntries(parts) as Input<Request>
}

/**
 * @param additionalErrors see `route`
 * @throws {ServiceError} `invalid_request`
 */
export function validate<Schema extends z.ZodMiniType>(
  schema: Schema,
  sent: Fields,
  additionalErrors: (body: InvalidBody) => readonly FieldError[] = () => [],
): z.output<Schema> {
  const { data, error } = schema.safeParse(sent)
  if (error === undefined) return data
  const errors = error.issues.flatMap(toFieldErrors)
  const invalid = new Set(errors.map(({ field }) => field))
  const fields = Object.fromEntries(Object.entries(sent).filter(([name]) => !invalid.has(name)))
  throw new ServiceError('invalid_request', { errors: [...errors, ...additionalErrors({ fields, invalid })] })
}

/** A repeated parameter becomes a list. */
function readQuery(c: AppContext): Fields {
  const sent = Object.entries(c.req.queries())
  return Object.fromEntries(sent.map(([name, values]) => [name, values.length === 1 ? values[0] : values]))
}

function toFieldErrors(issue: z.core.$ZodIssue): readonly FieldError[] {
  if (issue.code !== 'unrecognized_keys') return [toFieldError(issue.path, issue.message)]
  return issue.keys.map((key) => toFieldError([...issue.path, key], 'Unknown field.'))
}

/** `field` is the top-level name; the message starts with the path below it. */
function toFieldError([field, ...below]: readonly PropertyKey[], message: string): FieldError {
  const path = below.map(String).join('.')
  return { field: String(field ?? ''), message: path === '' ? message : `${path}: ${message}` }
}
